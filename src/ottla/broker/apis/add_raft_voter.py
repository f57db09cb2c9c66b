"""AddRaftVoter (80): one more voter in the metadata quorum.

| version | what changed                                                | KIP  |
|---------|-------------------------------------------------------------|------|
| 0       |                                                             | 853  |
| 1       | the answer may come before the voter set is committed       | 1186 |

The new voter is asked what it can do, and must have caught up as an observer; `raft/voter_changes.py` decides.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class AddRaftVoterHandler(QuorumRequestHandler):
    pass
