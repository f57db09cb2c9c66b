"""JoinGroup, API 11: versions 0 to 9.

KIP-62 (1), KIP-219 (3), KIP-394 (4), KIP-345 (5), KIP-482 (6), KIP-559 (6), KIP-559 (7), KIP-800 (8), KIP-814 (9).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class JoinGroupRequestProtocol(Struct):
    name: str
    metadata: bytes


class JoinGroupRequest(Request, api=11, versions="0-9", flexible="6+"):
    """A member asks to enter a classic group, with the protocols that it knows."""

    group_id: str
    session_timeout_ms: Int32
    rebalance_timeout_ms: Int32 = field("1+", default=-1, ignorable=True)
    member_id: str
    group_instance_id: str | None = field("5+", default=None, nullable="5+")
    protocol_type: str
    protocols: list[JoinGroupRequestProtocol]
    reason: str | None = field("8+", default=None, nullable="8+", ignorable=True)


class JoinGroupResponseMember(Struct):
    member_id: str
    group_instance_id: str | None = field("5+", default=None, nullable="5+", ignorable=True)
    metadata: bytes


class JoinGroupResponse(Response, api=11, versions="0-9", flexible="6+"):
    """The new generation: who leads, which protocol, and, for the leader, all members."""

    throttle_time_ms: Int32 = field("2+", default=0, ignorable=True)
    error_code: Int16
    generation_id: Int32 = field(default=-1)
    protocol_type: str | None = field("7+", default=None, nullable="7+", ignorable=True)
    protocol_name: str | None = field(nullable="7+")
    leader: str
    skip_assignment: bool = field("9+", default=False)
    member_id: str
    members: list[JoinGroupResponseMember]
