"""FetchSnapshot, API 59: versions 0 to 1.

KIP-630 (0), KIP-853 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Int64, Records, Uint16, Uuid


class SnapshotId(Struct):
    end_offset: Int64
    epoch: Int32


class FetchSnapshotRequestPartitionSnapshot(Struct):
    partition: Int32
    current_leader_epoch: Int32
    snapshot_id: SnapshotId
    position: Int64
    replica_directory_id: Uuid = field("1+", default=ZERO_UUID, tag=0, ignorable=True)


class FetchSnapshotRequestTopicSnapshot(Struct):
    name: str
    partitions: list[FetchSnapshotRequestPartitionSnapshot]


class FetchSnapshotRequest(Request, api=59, versions="0-1", flexible="0+"):
    """Asks for a part of a metadata snapshot."""

    cluster_id: str | None = field(default=None, nullable="0+", tag=0)
    replica_id: Int32 = field(default=-1)
    max_bytes: Int32 = field(default=2147483647)
    topics: list[FetchSnapshotRequestTopicSnapshot]


class LeaderIdAndEpoch(Struct):
    leader_id: Int32 = field(default=0)
    leader_epoch: Int32 = field(default=0)


class FetchSnapshotResponsePartitionSnapshot(Struct):
    index: Int32
    error_code: Int16
    snapshot_id: SnapshotId
    current_leader: LeaderIdAndEpoch = field(default_factory=LeaderIdAndEpoch, tag=0)
    size: Int64
    position: Int64
    unaligned_records: Records


class FetchSnapshotResponseTopicSnapshot(Struct):
    name: str
    partitions: list[FetchSnapshotResponsePartitionSnapshot]


class NodeEndpoint(Struct):
    node_id: Int32
    host: str
    port: Uint16


class FetchSnapshotResponse(Response, api=59, versions="0-1", flexible="0+"):
    """A range of bytes of the snapshot, and its size."""

    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    error_code: Int16
    topics: list[FetchSnapshotResponseTopicSnapshot]
    node_endpoints: list[NodeEndpoint] = field("1+", default_factory=list, tag=0)
