"""BeginQuorumEpoch, API 53: versions 0 to 1.

KIP-595 (0), KIP-482 (1), KIP-853 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Uint16, Uuid


class BeginQuorumEpochRequestPartitionData(Struct):
    partition_index: Int32
    voter_directory_id: Uuid = field("1+", default=ZERO_UUID, ignorable=True)
    leader_id: Int32
    leader_epoch: Int32


class BeginQuorumEpochRequestTopicData(Struct):
    topic_name: str
    partitions: list[BeginQuorumEpochRequestPartitionData]


class LeaderEndpoint(Struct):
    name: str
    host: str
    port: Uint16


class BeginQuorumEpochRequest(Request, api=53, versions="0-1", flexible="1+"):
    """A newly elected quorum leader makes itself known to the voters."""

    cluster_id: str | None = field(default=None, nullable="0+")
    voter_id: Int32 = field("1+", default=-1, ignorable=True)
    topics: list[BeginQuorumEpochRequestTopicData]
    leader_endpoints: list[LeaderEndpoint] = field("1+", default_factory=list, ignorable=True)


class BeginQuorumEpochResponsePartitionData(Struct):
    partition_index: Int32
    error_code: Int16
    leader_id: Int32
    leader_epoch: Int32


class BeginQuorumEpochResponseTopicData(Struct):
    topic_name: str
    partitions: list[BeginQuorumEpochResponsePartitionData]


class NodeEndpoint(Struct):
    node_id: Int32
    host: str
    port: Uint16


class BeginQuorumEpochResponse(Response, api=53, versions="0-1", flexible="1+"):
    """Whether the voter accepts, and the epoch and leader that it knows."""

    error_code: Int16
    topics: list[BeginQuorumEpochResponseTopicData]
    node_endpoints: list[NodeEndpoint] = field("1+", default_factory=list, tag=0)
