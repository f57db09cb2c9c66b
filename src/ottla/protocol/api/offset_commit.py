"""OffsetCommit, API 8: versions 2 to 10.

KIP-211 (5), KIP-320 (6), KIP-345 (7), KIP-482 (8), KIP-848 (9), KIP-848 (10).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Int64, Uuid


class OffsetCommitRequestPartition(Struct):
    partition_index: Int32
    committed_offset: Int64
    committed_leader_epoch: Int32 = field("6+", default=-1, ignorable=True)
    committed_metadata: str | None = field(nullable="0+")


class OffsetCommitRequestTopic(Struct):
    name: str = field("0-9", default="", ignorable=True)
    topic_id: Uuid = field("10+", default=ZERO_UUID, ignorable=True)
    partitions: list[OffsetCommitRequestPartition]


class OffsetCommitRequest(Request, api=8, versions="2-10", flexible="8+"):
    """A group stores how far it has read."""

    group_id: str
    generation_id_or_member_epoch: Int32 = field(default=-1, ignorable=True)
    member_id: str = field(ignorable=True)
    group_instance_id: str | None = field("7+", default=None, nullable="7+")
    retention_time_ms: Int64 = field("2-4", default=-1, ignorable=True)
    topics: list[OffsetCommitRequestTopic]


class OffsetCommitResponsePartition(Struct):
    partition_index: Int32
    error_code: Int16


class OffsetCommitResponseTopic(Struct):
    name: str = field("0-9", default="", ignorable=True)
    topic_id: Uuid = field("10+", default=ZERO_UUID, ignorable=True)
    partitions: list[OffsetCommitResponsePartition]


class OffsetCommitResponse(Response, api=8, versions="2-10", flexible="8+"):
    """Whether each partition's offset was stored."""

    throttle_time_ms: Int32 = field("3+", default=0, ignorable=True)
    topics: list[OffsetCommitResponseTopic]
