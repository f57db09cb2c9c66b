"""ShareGroupStatePartitionMetadata, record type 15 of `__consumer_offsets`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct
from ottla.protocol.types import Int32, Uuid


class ShareGroupStatePartitionMetadataKey(CoordinatorKey, record_type=15, versions="0", flexible="none"):
    """A share group."""

    group_id: str


class TopicPartitionsInfo(Struct):
    topic_id: Uuid
    topic_name: str
    partitions: list[Int32]


class TopicInfo(Struct):
    topic_id: Uuid
    topic_name: str


class ShareGroupStatePartitionMetadataValue(CoordinatorValue, record_type=15, versions="0", flexible="0+"):
    """Partitions whose state is being created, exists, or is being deleted."""

    initializing_topics: list[TopicPartitionsInfo]
    initialized_topics: list[TopicPartitionsInfo]
    deleting_topics: list[TopicInfo]
