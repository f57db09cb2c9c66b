"""FindCoordinator, API 10: versions 0 to 6.

KIP-98 (1), KIP-482 (3), KIP-699 (4), KIP-890 (5), KIP-932 (6).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class FindCoordinatorRequest(Request, api=10, versions="0-6", flexible="3+"):
    """Asks which broker coordinates a group, a transactional id or a share partition."""

    key: str = field("0-3", default="")
    key_type: Int8 = field("1+", default=0)
    coordinator_keys: list[str] = field("4+", default_factory=list)


class Coordinator(Struct):
    key: str
    node_id: Int32
    host: str
    port: Int32
    error_code: Int16
    error_message: str | None = field(nullable="4+", ignorable=True)


class FindCoordinatorResponse(Response, api=10, versions="0-6", flexible="3+"):
    """The coordinator's address, one for each key (4)."""

    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    error_code: Int16 = field("0-3", default=0)
    error_message: str | None = field("1-3", default="", nullable="1-3", ignorable=True)
    node_id: Int32 = field("0-3", default=0)
    host: str = field("0-3", default="")
    port: Int32 = field("0-3", default=0)
    coordinators: list[Coordinator] = field("4+", default_factory=list)
