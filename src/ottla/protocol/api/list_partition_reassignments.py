"""ListPartitionReassignments, API 46: version 0.

KIP-455 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class ListPartitionReassignmentsTopics(Struct):
    name: str
    partition_indexes: list[Int32]


class ListPartitionReassignmentsRequest(Request, api=46, versions="0", flexible="0+"):
    """Asks which replicas are on the move."""

    timeout_ms: Int32 = field(default=60000)
    topics: list[ListPartitionReassignmentsTopics] | None = field(default=None, nullable="0+")


class OngoingPartitionReassignment(Struct):
    partition_index: Int32
    replicas: list[Int32]
    adding_replicas: list[Int32]
    removing_replicas: list[Int32]


class OngoingTopicReassignment(Struct):
    name: str
    partitions: list[OngoingPartitionReassignment]


class ListPartitionReassignmentsResponse(Response, api=46, versions="0", flexible="0+"):
    """Replicas current, being added and being removed."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    topics: list[OngoingTopicReassignment]
