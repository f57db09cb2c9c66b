"""OffsetForLeaderEpoch, API 23: versions 2 to 4.

KIP-101 (0), KIP-320 (2), KIP-392 (3), KIP-482 (4).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class OffsetForLeaderPartition(Struct):
    partition: Int32
    current_leader_epoch: Int32 = field(default=-1, ignorable=True)
    leader_epoch: Int32


class OffsetForLeaderTopic(Struct):
    topic: str
    partitions: list[OffsetForLeaderPartition]


class OffsetForLeaderEpochRequest(Request, api=23, versions="2-4", flexible="4+"):
    """Asks where a leader epoch ends, to find out where logs diverge."""

    replica_id: Int32 = field("3+", default=-2, ignorable=True)
    topics: list[OffsetForLeaderTopic]


class EpochEndOffset(Struct):
    error_code: Int16
    partition: Int32
    leader_epoch: Int32 = field(default=-1, ignorable=True)
    end_offset: Int64 = field(default=-1)


class OffsetForLeaderTopicResult(Struct):
    topic: str
    partitions: list[EpochEndOffset]


class OffsetForLeaderEpochResponse(Response, api=23, versions="2-4", flexible="4+"):
    """The epoch found and its end offset."""

    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    topics: list[OffsetForLeaderTopicResult]
