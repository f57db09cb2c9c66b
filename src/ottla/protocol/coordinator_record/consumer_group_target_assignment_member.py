"""ConsumerGroupTargetAssignmentMember, record type 7 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct
from ottla.protocol.types import Int32, Uuid


class ConsumerGroupTargetAssignmentMemberKey(CoordinatorKey, record_type=7, versions="0", flexible="none"):
    """A member of a consumer group."""

    group_id: str
    member_id: str


class TopicPartition(Struct):
    topic_id: Uuid
    partitions: list[Int32]


class ConsumerGroupTargetAssignmentMemberValue(CoordinatorValue, record_type=7, versions="0", flexible="0+"):
    """The partitions that the member shall own."""

    topic_partitions: list[TopicPartition]
