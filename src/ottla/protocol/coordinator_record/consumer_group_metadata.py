"""ConsumerGroupMetadata, record type 3 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, field
from ottla.protocol.types import Int32, Int64


class ConsumerGroupMetadataKey(CoordinatorKey, record_type=3, versions="0", flexible="none"):
    """A consumer group."""

    group_id: str


class ConsumerGroupMetadataValue(CoordinatorValue, record_type=3, versions="0", flexible="0+"):
    """The group's epoch and the hash of its topics' metadata."""

    epoch: Int32
    metadata_hash: Int64 = field(default=0, tag=0)
