"""RemoveRaftVoter (81): one voter less in the metadata quorum.

| version | what changed                               | KIP |
|---------|--------------------------------------------|-----|
| 0       |                                            | 853 |

The last voter cannot be removed. A leader that removes itself resigns; `raft/voter_changes.py` decides.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class RemoveRaftVoterHandler(QuorumRequestHandler):
    pass
