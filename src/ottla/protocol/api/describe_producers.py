"""DescribeProducers, API 61: version 0.

KIP-664 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class TopicRequest(Struct):
    name: str
    partition_indexes: list[Int32]


class DescribeProducersRequest(Request, api=61, versions="0", flexible="0+"):
    """Asks for the active producers of partitions."""

    topics: list[TopicRequest]


class ProducerState(Struct):
    producer_id: Int64
    producer_epoch: Int32
    last_sequence: Int32 = field(default=-1)
    last_timestamp: Int64 = field(default=-1)
    coordinator_epoch: Int32
    current_txn_start_offset: Int64 = field(default=-1)


class PartitionResponse(Struct):
    partition_index: Int32
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    active_producers: list[ProducerState]


class TopicResponse(Struct):
    name: str
    partitions: list[PartitionResponse]


class DescribeProducersResponse(Response, api=61, versions="0", flexible="0+"):
    """Producer ids, epochs and sequences by partition."""

    throttle_time_ms: Int32 = field(default=0)
    topics: list[TopicResponse]
