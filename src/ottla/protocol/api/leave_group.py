"""LeaveGroup, API 13: versions 0 to 5.

KIP-345 (3), KIP-482 (4), KIP-800 (5).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class MemberIdentity(Struct):
    member_id: str
    group_instance_id: str | None = field(default=None, nullable="3+")
    reason: str | None = field("5+", default=None, nullable="5+", ignorable=True)


class LeaveGroupRequest(Request, api=13, versions="0-5", flexible="4+"):
    """Members leave a classic group, or are removed from it."""

    group_id: str
    member_id: str = field("0-2", default="")
    members: list[MemberIdentity] = field("3+", default_factory=list)


class MemberResponse(Struct):
    member_id: str
    group_instance_id: str | None = field(nullable="3+")
    error_code: Int16


class LeaveGroupResponse(Response, api=13, versions="0-5", flexible="4+"):
    """Whether each member left."""

    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    error_code: Int16
    members: list[MemberResponse] = field("3+", default_factory=list)
