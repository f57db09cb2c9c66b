"""CreatePartitions, API 37: versions 0 to 3.

KIP-195 (0), KIP-482 (2), KIP-599 (3).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class CreatePartitionsAssignment(Struct):
    broker_ids: list[Int32]


class CreatePartitionsTopic(Struct):
    name: str
    count: Int32
    assignments: list[CreatePartitionsAssignment] | None = field(nullable="0+")


class CreatePartitionsRequest(Request, api=37, versions="0-3", flexible="2+"):
    """Raises the partition count of topics."""

    topics: list[CreatePartitionsTopic]
    timeout_ms: Int32
    validate_only: bool


class CreatePartitionsTopicResult(Struct):
    name: str
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")


class CreatePartitionsResponse(Response, api=37, versions="0-3", flexible="2+"):
    """What became of each topic."""

    throttle_time_ms: Int32 = field(default=0)
    results: list[CreatePartitionsTopicResult]
