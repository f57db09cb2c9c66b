"""InitializeShareGroupState, API 83: version 0.

KIP-932 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64, Uuid


class PartitionData(Struct):
    partition: Int32
    state_epoch: Int32
    start_offset: Int64


class InitializeStateData(Struct):
    topic_id: Uuid
    partitions: list[PartitionData]


class InitializeShareGroupStateRequest(Request, api=83, versions="0", flexible="0+"):
    """The group coordinator has share-partition state created."""

    group_id: str
    topics: list[InitializeStateData]


class PartitionResult(Struct):
    partition: Int32
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")


class InitializeStateResult(Struct):
    topic_id: Uuid
    partitions: list[PartitionResult]


class InitializeShareGroupStateResponse(Response, api=83, versions="0", flexible="0+"):
    """What became of each partition."""

    results: list[InitializeStateResult]
