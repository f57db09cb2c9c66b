"""SyncGroup, API 14: versions 0 to 5.

KIP-345 (3), KIP-482 (4), KIP-559 (4), KIP-559 (5).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class SyncGroupRequestAssignment(Struct):
    member_id: str
    assignment: bytes


class SyncGroupRequest(Request, api=14, versions="0-5", flexible="4+"):
    """The leader of a classic group hands out the assignment; followers ask for theirs."""

    group_id: str
    generation_id: Int32
    member_id: str
    group_instance_id: str | None = field("3+", default=None, nullable="3+")
    protocol_type: str | None = field("5+", default=None, nullable="5+", ignorable=True)
    protocol_name: str | None = field("5+", default=None, nullable="5+", ignorable=True)
    assignments: list[SyncGroupRequestAssignment]


class SyncGroupResponse(Response, api=14, versions="0-5", flexible="4+"):
    """The member's own assignment, opaque to the broker."""

    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    error_code: Int16
    protocol_type: str | None = field("5+", default=None, nullable="5+", ignorable=True)
    protocol_name: str | None = field("5+", default=None, nullable="5+", ignorable=True)
    assignment: bytes
