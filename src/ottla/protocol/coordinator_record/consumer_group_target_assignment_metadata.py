"""ConsumerGroupTargetAssignmentMetadata, record type 6 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, field
from ottla.protocol.types import Int32, Int64


class ConsumerGroupTargetAssignmentMetadataKey(CoordinatorKey, record_type=6, versions="0", flexible="none"):
    """A consumer group."""

    group_id: str


class ConsumerGroupTargetAssignmentMetadataValue(CoordinatorValue, record_type=6, versions="0", flexible="0+"):
    """The epoch of the group's target assignment."""

    assignment_epoch: Int32
    assignment_timestamp: Int64 = field(default=0, tag=0, ignorable=True)
