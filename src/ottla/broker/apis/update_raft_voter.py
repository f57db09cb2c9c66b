"""UpdateRaftVoter (82): a voter says where it listens, and which levels of `kraft.version` it can do.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       |                                                           | 853 |

`raft/voter_changes.py` decides.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class UpdateRaftVoterHandler(QuorumRequestHandler):
    pass
