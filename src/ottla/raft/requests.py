"""Requests that a replica sends about the one partition of `__cluster_metadata`. KIP-595, 630, 853, 996; `RaftUtil`."""

from ottla.protocol.api.begin_quorum_epoch import (
    BeginQuorumEpochRequest,
    BeginQuorumEpochRequestPartitionData,
    BeginQuorumEpochRequestTopicData,
)
from ottla.protocol.api.begin_quorum_epoch import LeaderEndpoint as BeginLeaderEndpoint
from ottla.protocol.api.end_quorum_epoch import (
    EndQuorumEpochRequest,
    EndQuorumEpochRequestPartitionData,
    EndQuorumEpochRequestTopicData,
    ReplicaInfo,
)
from ottla.protocol.api.end_quorum_epoch import LeaderEndpoint as EndLeaderEndpoint
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchTopic, ReplicaState
from ottla.protocol.api.fetch_snapshot import (
    FetchSnapshotRequest,
    FetchSnapshotRequestPartitionSnapshot,
    FetchSnapshotRequestTopicSnapshot,
)
from ottla.protocol.api.fetch_snapshot import SnapshotId as WireSnapshotId
from ottla.protocol.api.update_raft_voter import KRaftVersionFeature, Listener, UpdateRaftVoterRequest
from ottla.protocol.api.vote import VoteRequest, VoteRequestPartitionData, VoteRequestTopicData
from ottla.raft.responses import PARTITION, TOPIC, TOPIC_ID
from ottla.raft.state import Prospective, QuorumState, Resigned
from ottla.raft.under_way import SnapshotFetch
from ottla.raft.voter_set import ReplicaKey

MIN_KRAFT_VERSION, MAX_KRAFT_VERSION = 0, 1


def vote(state: QuorumState, voter: ReplicaKey) -> VoteRequest:
    end = state.end
    partition = VoteRequestPartitionData(
        partition_index=PARTITION,
        replica_epoch=state.epoch,
        replica_id=state.local.node_id,
        replica_directory_id=state.local.directory_id,
        voter_directory_id=voter.directory_id,
        last_offset_epoch=end.epoch,
        last_offset=end.offset,
        pre_vote=isinstance(state.role, Prospective),
    )
    return VoteRequest(
        cluster_id=state.settings.cluster_id,
        voter_id=voter.node_id,
        topics=[VoteRequestTopicData(topic_name=TOPIC, partitions=[partition])],
    )


def begin_quorum_epoch(state: QuorumState, voter: ReplicaKey) -> BeginQuorumEpochRequest:
    partition = BeginQuorumEpochRequestPartitionData(
        partition_index=PARTITION,
        voter_directory_id=voter.directory_id,
        leader_id=state.local.node_id,
        leader_epoch=state.epoch,
    )
    return BeginQuorumEpochRequest(
        cluster_id=state.settings.cluster_id,
        voter_id=voter.node_id,
        topics=[BeginQuorumEpochRequestTopicData(topic_name=TOPIC, partitions=[partition])],
        leader_endpoints=[
            BeginLeaderEndpoint(name=name, host=host, port=port)
            for name, (host, port) in state.settings.local_endpoints.items()
        ],
    )


def end_quorum_epoch(state: QuorumState, role: Resigned) -> EndQuorumEpochRequest:
    partition = EndQuorumEpochRequestPartitionData(
        partition_index=PARTITION,
        leader_id=state.local.node_id,
        leader_epoch=state.epoch,
        preferred_successors=[key.node_id for key in role.preferred_successors],
        preferred_candidates=[
            ReplicaInfo(candidate_id=key.node_id, candidate_directory_id=key.directory_id)
            for key in role.preferred_successors
        ],
    )
    return EndQuorumEpochRequest(
        cluster_id=state.settings.cluster_id,
        topics=[EndQuorumEpochRequestTopicData(topic_name=TOPIC, partitions=[partition])],
        leader_endpoints=[
            EndLeaderEndpoint(name=name, host=host, port=port)
            for name, (host, port) in state.settings.local_endpoints.items()
        ],
    )


def fetch(state: QuorumState) -> FetchRequest:
    end = state.end
    partition = FetchPartition(
        partition=PARTITION,
        current_leader_epoch=state.epoch,
        fetch_offset=end.offset,
        last_fetched_epoch=end.epoch,
        partition_max_bytes=0,
        replica_directory_id=state.local.directory_id,
        high_watermark=state.high_watermark if state.high_watermark else -1,
    )
    return FetchRequest(
        cluster_id=state.settings.cluster_id,
        replica_state=ReplicaState(replica_id=state.local.node_id),
        max_wait_ms=state.settings.fetch_max_wait_ms,
        min_bytes=0,
        max_bytes=state.settings.fetch_max_bytes,
        topics=[FetchTopic(topic_id=TOPIC_ID, partitions=[partition])],
    )


def fetch_snapshot(state: QuorumState, snapshot: SnapshotFetch) -> FetchSnapshotRequest:
    partition = FetchSnapshotRequestPartitionSnapshot(
        partition=PARTITION,
        current_leader_epoch=state.epoch,
        snapshot_id=WireSnapshotId(end_offset=snapshot.snapshot_id.end_offset, epoch=snapshot.snapshot_id.epoch),
        position=snapshot.position,
        replica_directory_id=state.local.directory_id,
    )
    return FetchSnapshotRequest(
        cluster_id=state.settings.cluster_id,
        replica_id=state.local.node_id,
        max_bytes=state.settings.fetch_snapshot_max_bytes,
        topics=[FetchSnapshotRequestTopicSnapshot(name=TOPIC, partitions=[partition])],
    )


def update_voter(state: QuorumState) -> UpdateRaftVoterRequest:
    return UpdateRaftVoterRequest(
        cluster_id=state.settings.cluster_id,
        current_leader_epoch=state.epoch,
        voter_id=state.local.node_id,
        voter_directory_id=state.local.directory_id,
        listeners=[
            Listener(name=name, host=host, port=port) for name, (host, port) in state.settings.local_endpoints.items()
        ],
        kraft_version_feature=KRaftVersionFeature(
            min_supported_version=MIN_KRAFT_VERSION, max_supported_version=MAX_KRAFT_VERSION
        ),
    )
