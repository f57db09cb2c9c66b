"""EndQuorumEpoch, API 54: versions 0 to 1.

KIP-595 (0), KIP-482 (1), KIP-853 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uint16, Uuid


class ReplicaInfo(Struct):
    candidate_id: Int32
    candidate_directory_id: Uuid


class EndQuorumEpochRequestPartitionData(Struct):
    partition_index: Int32
    leader_id: Int32
    leader_epoch: Int32
    preferred_successors: list[Int32] = field("0", default_factory=list, ignorable=True)
    preferred_candidates: list[ReplicaInfo] = field("1+", default_factory=list, ignorable=True)


class EndQuorumEpochRequestTopicData(Struct):
    topic_name: str
    partitions: list[EndQuorumEpochRequestPartitionData]


class LeaderEndpoint(Struct):
    name: str
    host: str
    port: Uint16


class EndQuorumEpochRequest(Request, api=54, versions="0-1", flexible="1+"):
    """A resigning quorum leader names its preferred successors."""

    cluster_id: str | None = field(default=None, nullable="0+")
    topics: list[EndQuorumEpochRequestTopicData]
    leader_endpoints: list[LeaderEndpoint] = field("1+", default_factory=list, ignorable=True)


class EndQuorumEpochResponsePartitionData(Struct):
    partition_index: Int32
    error_code: Int16
    leader_id: Int32
    leader_epoch: Int32


class EndQuorumEpochResponseTopicData(Struct):
    topic_name: str
    partitions: list[EndQuorumEpochResponsePartitionData]


class NodeEndpoint(Struct):
    node_id: Int32
    host: str
    port: Uint16


class EndQuorumEpochResponse(Response, api=54, versions="0-1", flexible="1+"):
    """Whether the voter accepts, and the epoch and leader that it knows."""

    error_code: Int16
    topics: list[EndQuorumEpochResponseTopicData]
    node_endpoints: list[NodeEndpoint] = field("1+", default_factory=list, tag=0)
