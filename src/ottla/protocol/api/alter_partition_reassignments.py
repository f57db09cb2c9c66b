"""AlterPartitionReassignments, API 45: versions 0 to 1.

KIP-455 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class ReassignablePartition(Struct):
    partition_index: Int32
    replicas: list[Int32] | None = field(default=None, nullable="0+")


class ReassignableTopic(Struct):
    name: str
    partitions: list[ReassignablePartition]


class AlterPartitionReassignmentsRequest(Request, api=45, versions="0-1", flexible="0+"):
    """Starts, changes or cancels the moving of replicas."""

    timeout_ms: Int32 = field(default=60000)
    allow_replication_factor_change: bool = field("1+", default=True)
    topics: list[ReassignableTopic]


class ReassignablePartitionResponse(Struct):
    partition_index: Int32
    error_code: Int16
    error_message: str | None = field(nullable="0+")


class ReassignableTopicResponse(Struct):
    name: str
    partitions: list[ReassignablePartitionResponse]


class AlterPartitionReassignmentsResponse(Response, api=45, versions="0-1", flexible="0+"):
    """What became of each partition."""

    throttle_time_ms: Int32 = field(default=0)
    allow_replication_factor_change: bool = field("1+", default=True, ignorable=True)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    responses: list[ReassignableTopicResponse]
