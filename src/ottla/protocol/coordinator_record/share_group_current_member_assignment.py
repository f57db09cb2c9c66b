"""ShareGroupCurrentMemberAssignment, record type 14 of `__consumer_offsets`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct
from ottla.protocol.types import Int8, Int32, Uuid


class ShareGroupCurrentMemberAssignmentKey(CoordinatorKey, record_type=14, versions="0", flexible="none"):
    """A member of a share group."""

    group_id: str
    member_id: str


class TopicPartitions(Struct):
    topic_id: Uuid
    partitions: list[Int32]


class ShareGroupCurrentMemberAssignmentValue(CoordinatorValue, record_type=14, versions="0", flexible="0+"):
    """The partitions that the member has now."""

    member_epoch: Int32
    previous_member_epoch: Int32
    state: Int8
    assigned_partitions: list[TopicPartitions]
