"""Produce, API 0: versions 3 to 13.

KIP-98 (3), KIP-110 (7), KIP-467 (8), KIP-482 (9), KIP-951 (10), KIP-890 (11), KIP-890 (12), KIP-516 (13).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Int64, Records, Uuid


class PartitionProduceData(Struct):
    index: Int32
    records: Records | None = field(nullable="0+")


class TopicProduceData(Struct):
    name: str = field("0-12", default="", ignorable=True)
    topic_id: Uuid = field("13+", default=ZERO_UUID, ignorable=True)
    partition_data: list[PartitionProduceData]


class ProduceRequest(Request, api=0, versions="3-13", flexible="9+"):
    """A producer hands record batches to the leaders of partitions."""

    transactional_id: str | None = field(default=None, nullable="3+")
    acks: Int16
    timeout_ms: Int32
    topic_data: list[TopicProduceData]


class BatchIndexAndErrorMessage(Struct):
    batch_index: Int32
    batch_index_error_message: str | None = field(default=None, nullable="8+")


class LeaderIdAndEpoch(Struct):
    leader_id: Int32 = field(default=-1)
    leader_epoch: Int32 = field(default=-1)


class PartitionProduceResponse(Struct):
    index: Int32
    error_code: Int16
    base_offset: Int64
    log_append_time_ms: Int64 = field(default=-1, ignorable=True)
    log_start_offset: Int64 = field("5+", default=-1, ignorable=True)
    record_errors: list[BatchIndexAndErrorMessage] = field("8+", default_factory=list, ignorable=True)
    error_message: str | None = field("8+", default=None, nullable="8+", ignorable=True)
    current_leader: LeaderIdAndEpoch = field("10+", default_factory=LeaderIdAndEpoch, tag=0)


class TopicProduceResponse(Struct):
    name: str = field("0-12", default="", ignorable=True)
    topic_id: Uuid = field("13+", default=ZERO_UUID, ignorable=True)
    partition_responses: list[PartitionProduceResponse]


class NodeEndpoint(Struct):
    node_id: Int32
    host: str
    port: Int32
    rack: str | None = field(default=None, nullable="10+")


class ProduceResponse(Response, api=0, versions="3-13", flexible="9+"):
    """Where each partition's batch went, or why it was refused."""

    responses: list[TopicProduceResponse]
    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    node_endpoints: list[NodeEndpoint] = field("10+", default_factory=list, tag=0)
