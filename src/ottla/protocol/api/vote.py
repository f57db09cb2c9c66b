"""Vote, API 52: versions 0 to 2.

KIP-595 (0), KIP-853 (1), KIP-996 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Int64, Uint16, Uuid


class VoteRequestPartitionData(Struct):
    partition_index: Int32
    replica_epoch: Int32
    replica_id: Int32
    replica_directory_id: Uuid = field("1+", default=ZERO_UUID, ignorable=True)
    voter_directory_id: Uuid = field("1+", default=ZERO_UUID, ignorable=True)
    last_offset_epoch: Int32
    last_offset: Int64
    pre_vote: bool = field("2+", default=False)


class VoteRequestTopicData(Struct):
    topic_name: str
    partitions: list[VoteRequestPartitionData]


class VoteRequest(Request, api=52, versions="0-2", flexible="0+"):
    """A voter of the quorum asks the others for their vote, or first for a pre-vote (2)."""

    cluster_id: str | None = field(default=None, nullable="0+")
    voter_id: Int32 = field("1+", default=-1, ignorable=True)
    topics: list[VoteRequestTopicData]


class VoteResponsePartitionData(Struct):
    partition_index: Int32
    error_code: Int16
    leader_id: Int32
    leader_epoch: Int32
    vote_granted: bool


class VoteResponseTopicData(Struct):
    topic_name: str
    partitions: list[VoteResponsePartitionData]


class NodeEndpoint(Struct):
    node_id: Int32
    host: str
    port: Uint16


class VoteResponse(Response, api=52, versions="0-2", flexible="0+"):
    """Whether the vote was granted, and the epoch and leader known."""

    error_code: Int16
    topics: list[VoteResponseTopicData]
    node_endpoints: list[NodeEndpoint] = field("1+", default_factory=list, tag=0)
