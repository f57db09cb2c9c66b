"""ElectLeaders, API 43: versions 0 to 2.

KIP-183 (0), KIP-460 (1), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class TopicPartitions(Struct):
    topic: str
    partitions: list[Int32]


class ElectLeadersRequest(Request, api=43, versions="0-2", flexible="2+"):
    """Has leaders elected, preferred or unclean (1)."""

    election_type: Int8 = field("1+", default=0)
    topic_partitions: list[TopicPartitions] | None = field(nullable="0+")
    timeout_ms: Int32 = field(default=60000)


class PartitionResult(Struct):
    partition_id: Int32
    error_code: Int16
    error_message: str | None = field(nullable="0+")


class ReplicaElectionResult(Struct):
    topic: str
    partition_result: list[PartitionResult]


class ElectLeadersResponse(Response, api=43, versions="0-2", flexible="2+"):
    """What became of each partition."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16 = field("1+", default=0)
    replica_election_results: list[ReplicaElectionResult]
