"""DeleteShareGroupState, API 86: version 0.

KIP-932 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uuid


class PartitionData(Struct):
    partition: Int32


class DeleteStateData(Struct):
    topic_id: Uuid
    partitions: list[PartitionData]


class DeleteShareGroupStateRequest(Request, api=86, versions="0", flexible="0+"):
    """The group coordinator has share-partition state deleted."""

    group_id: str
    topics: list[DeleteStateData]


class PartitionResult(Struct):
    partition: Int32
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")


class DeleteStateResult(Struct):
    topic_id: Uuid
    partitions: list[PartitionResult]


class DeleteShareGroupStateResponse(Response, api=86, versions="0", flexible="0+"):
    """What became of each partition."""

    results: list[DeleteStateResult]
