"""DescribeTopicPartitions, API 75: version 0.

KIP-966 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uuid


class TopicRequest(Struct):
    name: str


class Cursor(Struct):
    topic_name: str
    partition_index: Int32


class DescribeTopicPartitionsRequest(Request, api=75, versions="0", flexible="0+"):
    """Asks for partitions of topics, page by page."""

    topics: list[TopicRequest]
    response_partition_limit: Int32 = field(default=2000)
    cursor: Cursor | None = field(default=None, nullable="0+")


class DescribeTopicPartitionsResponsePartition(Struct):
    error_code: Int16
    partition_index: Int32
    leader_id: Int32
    leader_epoch: Int32 = field(default=-1, ignorable=True)
    replica_nodes: list[Int32]
    isr_nodes: list[Int32]
    eligible_leader_replicas: list[Int32] | None = field(default=None, nullable="0+")
    last_known_elr: list[Int32] | None = field(default=None, nullable="0+")
    offline_replicas: list[Int32] = field(ignorable=True)


class DescribeTopicPartitionsResponseTopic(Struct):
    error_code: Int16
    name: str | None = field(nullable="0+")
    topic_id: Uuid = field(ignorable=True)
    is_internal: bool = field(default=False, ignorable=True)
    partitions: list[DescribeTopicPartitionsResponsePartition]
    topic_authorized_operations: Int32 = field(default=-2147483648)


class DescribeTopicPartitionsResponse(Response, api=75, versions="0", flexible="0+"):
    """One page of topics and the cursor of the next."""

    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    topics: list[DescribeTopicPartitionsResponseTopic]
    next_cursor: Cursor | None = field(default=None, nullable="0+")
