"""Heartbeat, API 12: versions 0 to 4.

KIP-62 (0), KIP-219 (2), KIP-345 (3), KIP-482 (4).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32


class HeartbeatRequest(Request, api=12, versions="0-4", flexible="4+"):
    """A member of a classic group says that it is alive."""

    group_id: str
    generation_id: Int32
    member_id: str
    group_instance_id: str | None = field("3+", default=None, nullable="3+")


class HeartbeatResponse(Response, api=12, versions="0-4", flexible="4+"):
    """Tells the member to go on, to rejoin, or that it is gone."""

    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    error_code: Int16
