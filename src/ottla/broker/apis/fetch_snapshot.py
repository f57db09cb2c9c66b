"""FetchSnapshot (59): a piece of a snapshot of the metadata, for a replica that is too far behind.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       |                                                           | 630 |
| 1       | the directory id of who asks; where the leader listens    | 853 |

`raft/snapshot_fetching.py` answers.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class FetchSnapshotHandler(QuorumRequestHandler):
    pass
