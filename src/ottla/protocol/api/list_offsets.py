"""ListOffsets, API 2: versions 1 to 11.

KIP-79 (1), KIP-98 (2), KIP-320 (4), KIP-482 (6), KIP-734 (7), KIP-405 (8), KIP-1005 (9), KIP-1075 (10), KIP-1023
(11).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64


class ListOffsetsPartition(Struct):
    partition_index: Int32
    current_leader_epoch: Int32 = field("4+", default=-1, ignorable=True)
    timestamp: Int64


class ListOffsetsTopic(Struct):
    name: str
    partitions: list[ListOffsetsPartition]


class ListOffsetsRequest(Request, api=2, versions="1-11", flexible="6+"):
    """Asks which offset belongs to a timestamp, or where a partition begins and ends."""

    replica_id: Int32
    isolation_level: Int8 = field("2+", default=0)
    topics: list[ListOffsetsTopic]
    timeout_ms: Int32 = field("10+", default=0, ignorable=True)


class ListOffsetsPartitionResponse(Struct):
    partition_index: Int32
    error_code: Int16
    timestamp: Int64 = field(default=-1)
    offset: Int64 = field(default=-1)
    leader_epoch: Int32 = field("4+", default=-1)


class ListOffsetsTopicResponse(Struct):
    name: str
    partitions: list[ListOffsetsPartitionResponse]


class ListOffsetsResponse(Response, api=2, versions="1-11", flexible="6+"):
    """An offset and its timestamp for each partition."""

    throttle_time_ms: Int32 = field("2+", default=0, ignorable=True)
    topics: list[ListOffsetsTopicResponse]
