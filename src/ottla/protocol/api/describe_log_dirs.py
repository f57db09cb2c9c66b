"""DescribeLogDirs, API 35: versions 1 to 5.

KIP-113 (0), KIP-482 (2), KIP-827 (4).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class DescribableLogDirTopic(Struct):
    topic: str
    partitions: list[Int32]


class DescribeLogDirsRequest(Request, api=35, versions="1-5", flexible="2+"):
    """Asks for the log directories of a broker and what lies in them."""

    topics: list[DescribableLogDirTopic] | None = field(nullable="0+")


class DescribeLogDirsPartition(Struct):
    partition_index: Int32
    partition_size: Int64
    offset_lag: Int64
    is_future_key: bool


class DescribeLogDirsTopic(Struct):
    name: str
    partitions: list[DescribeLogDirsPartition]


class DescribeLogDirsResult(Struct):
    error_code: Int16
    log_dir: str
    topics: list[DescribeLogDirsTopic]
    total_bytes: Int64 = field("4+", default=-1, ignorable=True)
    usable_bytes: Int64 = field("4+", default=-1, ignorable=True)
    is_cordoned: bool = field("5+", default=False, ignorable=True)


class DescribeLogDirsResponse(Response, api=35, versions="1-5", flexible="2+"):
    """Sizes by directory, topic and partition."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16 = field("3+", default=0, ignorable=True)
    results: list[DescribeLogDirsResult]
