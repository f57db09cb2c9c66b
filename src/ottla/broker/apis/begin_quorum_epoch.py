"""BeginQuorumEpoch (53): a new leader of the metadata quorum says that it leads.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       |                                                           | 595 |
| 1       | for whom it is; where the leader listens                  | 853 |

`raft/epoch_announcements.py` decides.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class BeginQuorumEpochHandler(QuorumRequestHandler):
    pass
