"""ConsumerGroupCurrentMemberAssignment, record type 8 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int8, Int32, Uuid


class ConsumerGroupCurrentMemberAssignmentKey(CoordinatorKey, record_type=8, versions="0", flexible="none"):
    """A member of a consumer group."""

    group_id: str
    member_id: str


class TopicPartitions(Struct):
    topic_id: Uuid
    partitions: list[Int32]
    assignment_epochs: list[Int32] | None = field(default_factory=list, nullable="0+", tag=0)


class ConsumerGroupCurrentMemberAssignmentValue(CoordinatorValue, record_type=8, versions="0", flexible="0+"):
    """What the member owns now, and what it must still give up."""

    member_epoch: Int32
    previous_member_epoch: Int32
    state: Int8
    assigned_partitions: list[TopicPartitions]
    partitions_pending_revocation: list[TopicPartitions]
