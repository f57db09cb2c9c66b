"""AddRaftVoter, API 80: versions 0 to 1.

KIP-853 (0), KIP-1186 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uint16, Uuid


class Listener(Struct):
    name: str
    host: str
    port: Uint16


class AddRaftVoterRequest(Request, api=80, versions="0-1", flexible="0+"):
    """Adds a voter to the metadata quorum."""

    cluster_id: str | None = field(nullable="0+")
    timeout_ms: Int32
    voter_id: Int32
    voter_directory_id: Uuid
    listeners: list[Listener]
    ack_when_committed: bool = field("1+", default=True)


class AddRaftVoterResponse(Response, api=80, versions="0-1", flexible="0+"):
    """Whether the voter was added."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+", ignorable=True)
