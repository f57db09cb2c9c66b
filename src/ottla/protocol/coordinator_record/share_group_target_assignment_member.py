"""ShareGroupTargetAssignmentMember, record type 13 of `__consumer_offsets`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct
from ottla.protocol.types import Int32, Uuid


class ShareGroupTargetAssignmentMemberKey(CoordinatorKey, record_type=13, versions="0", flexible="none"):
    """A member of a share group."""

    group_id: str
    member_id: str


class TopicPartition(Struct):
    topic_id: Uuid
    partitions: list[Int32]


class ShareGroupTargetAssignmentMemberValue(CoordinatorValue, record_type=13, versions="0", flexible="0+"):
    """The partitions that the member shall have."""

    topic_partitions: list[TopicPartition]
