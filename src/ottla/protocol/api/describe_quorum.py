"""DescribeQuorum, API 55: versions 0 to 2.

KIP-595 (0), KIP-836 (1), KIP-853 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Int64, Uint16, Uuid


class DescribeQuorumRequestPartitionData(Struct):
    partition_index: Int32


class DescribeQuorumRequestTopicData(Struct):
    topic_name: str
    partitions: list[DescribeQuorumRequestPartitionData]


class DescribeQuorumRequest(Request, api=55, versions="0-2", flexible="0+"):
    """Asks for the state of the metadata quorum."""

    topics: list[DescribeQuorumRequestTopicData]


class ReplicaState(Struct):
    replica_id: Int32
    replica_directory_id: Uuid = field("2+", default=ZERO_UUID)
    log_end_offset: Int64
    last_fetch_timestamp: Int64 = field("1+", default=-1, ignorable=True)
    last_caught_up_timestamp: Int64 = field("1+", default=-1, ignorable=True)


class DescribeQuorumResponsePartitionData(Struct):
    partition_index: Int32
    error_code: Int16
    error_message: str | None = field("2+", default="", nullable="2+", ignorable=True)
    leader_id: Int32
    leader_epoch: Int32
    high_watermark: Int64
    current_voters: list[ReplicaState]
    observers: list[ReplicaState]


class DescribeQuorumResponseTopicData(Struct):
    topic_name: str
    partitions: list[DescribeQuorumResponsePartitionData]


class Listener(Struct):
    name: str
    host: str
    port: Uint16


class Node(Struct):
    node_id: Int32
    listeners: list[Listener]


class DescribeQuorumResponse(Response, api=55, versions="0-2", flexible="0+"):
    """Leader, epoch, high watermark, and how far voters and observers are."""

    error_code: Int16
    error_message: str | None = field("2+", default="", nullable="2+", ignorable=True)
    topics: list[DescribeQuorumResponseTopicData]
    nodes: list[Node] = field("2+", default_factory=list)
