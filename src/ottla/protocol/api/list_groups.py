"""ListGroups, API 16: versions 0 to 5.

KIP-482 (3), KIP-518 (4), KIP-848 (5).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class ListGroupsRequest(Request, api=16, versions="0-5", flexible="3+"):
    """Asks for the groups that a broker coordinates, filtered by state (4) and type (5)."""

    states_filter: list[str] = field("4+", default_factory=list)
    types_filter: list[str] = field("5+", default_factory=list)


class ListedGroup(Struct):
    group_id: str
    protocol_type: str
    group_state: str = field("4+", default="", ignorable=True)
    group_type: str = field("5+", default="", ignorable=True)


class ListGroupsResponse(Response, api=16, versions="0-5", flexible="3+"):
    """The groups found."""

    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    error_code: Int16
    groups: list[ListedGroup]
