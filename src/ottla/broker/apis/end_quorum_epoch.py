"""EndQuorumEpoch (54): a leader of the metadata quorum resigns, and says who should follow it.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       |                                                           | 595 |
| 1       | successors with their directory ids                       | 853 |

`raft/epoch_announcements.py` decides.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class EndQuorumEpochHandler(QuorumRequestHandler):
    pass
