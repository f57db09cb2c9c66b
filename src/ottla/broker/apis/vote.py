"""Vote (52): a replica of the metadata quorum asks for a vote, or whether it would get one.

| version | what changed                                                | KIP |
|---------|-------------------------------------------------------------|-----|
| 0       |                                                             | 595 |
| 1       | directory ids; the answer says where the leader listens     | 853 |
| 2       | a pre-vote, which binds nobody                              | 996 |

`raft/voting.py` decides.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class VoteHandler(QuorumRequestHandler):
    pass
