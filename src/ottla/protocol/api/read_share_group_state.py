"""ReadShareGroupState, API 84: version 0.

KIP-932 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64, Uuid


class PartitionData(Struct):
    partition: Int32
    leader_epoch: Int32


class ReadStateData(Struct):
    topic_id: Uuid
    partitions: list[PartitionData]


class ReadShareGroupStateRequest(Request, api=84, versions="0", flexible="0+"):
    """A share-partition leader reads its state from the share coordinator."""

    group_id: str
    topics: list[ReadStateData]


class StateBatch(Struct):
    first_offset: Int64
    last_offset: Int64
    delivery_state: Int8
    delivery_count: Int16


class PartitionResult(Struct):
    partition: Int32
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    state_epoch: Int32
    start_offset: Int64
    state_batches: list[StateBatch]


class ReadStateResult(Struct):
    topic_id: Uuid
    partitions: list[PartitionResult]


class ReadShareGroupStateResponse(Response, api=84, versions="0", flexible="0+"):
    """Start offset and state batches by partition."""

    results: list[ReadStateResult]
