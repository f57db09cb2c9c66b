"""GroupMetadata, record type 2 of `__consumer_offsets`: value versions 0 to 4.

KIP-345 (3), KIP-482 (4), KIP-915 (4).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int32, Int64


class GroupMetadataKey(CoordinatorKey, record_type=2, versions="0", flexible="none"):
    """A classic group."""

    group: str


class MemberMetadata(Struct):
    member_id: str
    group_instance_id: str | None = field("3+", default=None, nullable="3+", ignorable=True)
    client_id: str
    client_host: str
    rebalance_timeout: Int32 = field("1+", default=-1, ignorable=True)
    session_timeout: Int32
    subscription: bytes
    assignment: bytes


class GroupMetadataValue(CoordinatorValue, record_type=2, versions="0-4", flexible="4+"):
    """The group's generation, leader, protocol and members."""

    protocol_type: str
    generation: Int32
    protocol: str | None = field(nullable="0+")
    leader: str | None = field(nullable="0+")
    current_state_timestamp: Int64 = field("2+", default=-1, ignorable=True)
    members: list[MemberMetadata]
