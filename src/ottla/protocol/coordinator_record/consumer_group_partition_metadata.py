"""ConsumerGroupPartitionMetadata, record type 4 of `__consumer_offsets`: value version 0.

KIP-1101 (2).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct
from ottla.protocol.types import Int32, Uuid


class ConsumerGroupPartitionMetadataKey(CoordinatorKey, record_type=4, versions="0", flexible="none"):
    """A consumer group."""

    group_id: str


class PartitionMetadata(Struct):
    partition: Int32
    racks: list[str]


class TopicMetadata(Struct):
    topic_id: Uuid
    topic_name: str
    num_partitions: Int32
    partition_metadata: list[PartitionMetadata]


class ConsumerGroupPartitionMetadataValue(CoordinatorValue, record_type=4, versions="0", flexible="0+"):
    """Partition counts of the subscribed topics; no longer written."""

    topics: list[TopicMetadata]
