"""Fetch (1) at a controller's listener: the log of the metadata quorum. Versions as in `fetch`; KIP-595, 853, 1166.

`raft/fetch_serving.py` answers.
"""

from ottla.broker.controller.quorum_requests import QuorumRequestHandler


class FetchMetadataLogHandler(QuorumRequestHandler):
    pass
