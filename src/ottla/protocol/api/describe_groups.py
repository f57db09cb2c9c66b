"""DescribeGroups, API 15: versions 0 to 6.

KIP-430 (3), KIP-345 (4), KIP-482 (5), KIP-1043 (6).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class DescribeGroupsRequest(Request, api=15, versions="0-6", flexible="5+"):
    """Asks for state, protocol and members of classic groups."""

    groups: list[str]
    include_authorized_operations: bool = field("3+", default=False)


class DescribedGroupMember(Struct):
    member_id: str
    group_instance_id: str | None = field("4+", default=None, nullable="4+", ignorable=True)
    client_id: str
    client_host: str
    member_metadata: bytes
    member_assignment: bytes


class DescribedGroup(Struct):
    error_code: Int16
    error_message: str | None = field("6+", default=None, nullable="6+")
    group_id: str
    group_state: str
    protocol_type: str
    protocol_data: str
    members: list[DescribedGroupMember]
    authorized_operations: Int32 = field("3+", default=-2147483648)


class DescribeGroupsResponse(Response, api=15, versions="0-6", flexible="5+"):
    """The described groups."""

    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    groups: list[DescribedGroup]
