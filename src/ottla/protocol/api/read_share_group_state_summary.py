"""ReadShareGroupStateSummary, API 87: versions 0 to 1.

KIP-932 (0), KIP-1226 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64, Uuid


class PartitionData(Struct):
    partition: Int32
    leader_epoch: Int32


class ReadStateSummaryData(Struct):
    topic_id: Uuid
    partitions: list[PartitionData]


class ReadShareGroupStateSummaryRequest(Request, api=87, versions="0-1", flexible="0+"):
    """Reads the start offsets of share partitions without their batches."""

    group_id: str
    topics: list[ReadStateSummaryData]


class PartitionResult(Struct):
    partition: Int32
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    state_epoch: Int32
    leader_epoch: Int32
    start_offset: Int64
    delivery_complete_count: Int32 = field("1+", default=-1, ignorable=True)


class ReadStateSummaryResult(Struct):
    topic_id: Uuid
    partitions: list[PartitionResult]


class ReadShareGroupStateSummaryResponse(Response, api=87, versions="0-1", flexible="0+"):
    """Start offset and epochs by partition."""

    results: list[ReadStateSummaryResult]
