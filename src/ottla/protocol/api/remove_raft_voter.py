"""RemoveRaftVoter, API 81: version 0.

KIP-853 (0).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Uuid


class RemoveRaftVoterRequest(Request, api=81, versions="0", flexible="0+"):
    """Removes a voter from the metadata quorum."""

    cluster_id: str | None = field(nullable="0+")
    voter_id: Int32
    voter_directory_id: Uuid


class RemoveRaftVoterResponse(Response, api=81, versions="0", flexible="0+"):
    """Whether the voter was removed."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+", ignorable=True)
