"""FetchSnapshot: a follower that is too far behind gets the state instead of the history. KIP-630, 853.

Piece by piece from position 0; when it is whole, the shell makes it durable and lets the log start at its end.
"""

from ottla.protocol.api.fetch_snapshot import (
    FetchSnapshotRequest,
    FetchSnapshotResponse,
    FetchSnapshotResponsePartitionSnapshot,
    FetchSnapshotResponseTopicSnapshot,
    LeaderIdAndEpoch,
    NodeEndpoint,
)
from ottla.protocol.api.fetch_snapshot import SnapshotId as WireSnapshotId
from ottla.protocol.errors import ErrorCode
from ottla.raft import leadership
from ottla.raft.connections import InFlight
from ottla.raft.epoch_history import OffsetAndEpoch
from ottla.raft.inbound import Inbound
from ottla.raft.peer_effects import InstallSnapshot, ReceiveSnapshot
from ottla.raft.responses import PARTITION, TOPIC, has_cluster_id, leader_endpoints, leader_node_endpoint
from ottla.raft.said import handle_common
from ottla.raft.snapshot_id import BOOTSTRAP_SNAPSHOT_ID, SnapshotId
from ottla.raft.state import Follower, Leader, Now, QuorumState
from ottla.raft.under_way import SnapshotFetch
from ottla.raft.validation import leader_only
from ottla.raft.voter_set import ReplicaKey, VoterSet


def handle_fetch_snapshot(state: QuorumState, inbound: Inbound, request: FetchSnapshotRequest, now: Now) -> None:
    if not has_cluster_id(state, request.cluster_id):
        _refuse(state, inbound, ErrorCode.INCONSISTENT_CLUSTER_ID)
        return
    if len(request.topics) != 1 or len(request.topics[0].partitions) != 1:
        _refuse(state, inbound, ErrorCode.INVALID_REQUEST)
        return
    topic, asked = request.topics[0], request.topics[0].partitions[0]
    answer = _partition(state)
    answer.index = asked.partition
    role = state.role
    wanted = SnapshotId(asked.snapshot_id.end_offset, asked.snapshot_id.epoch)
    error = leader_only(state, asked.current_leader_epoch)
    if (topic.name, asked.partition) != (TOPIC, PARTITION):
        answer.error_code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    elif error is not ErrorCode.NONE or not isinstance(role, Leader):
        answer.error_code = error
    elif wanted == BOOTSTRAP_SNAPSHOT_ID or wanted not in state.snapshots.snapshots():
        answer.error_code = ErrorCode.SNAPSHOT_NOT_FOUND
    elif not 0 <= asked.position < state.snapshots.size(wanted):
        answer.error_code = ErrorCode.POSITION_OUT_OF_RANGE
    else:
        leadership.replica_fetched(state, role, ReplicaKey(request.replica_id, asked.replica_directory_id), None, now)
        answer.snapshot_id = WireSnapshotId(end_offset=wanted.end_offset, epoch=wanted.epoch)
        answer.size = state.snapshots.size(wanted)
        answer.position = asked.position
        answer.unaligned_records = memoryview(
            state.snapshots.read_at(wanted, asked.position, max(request.max_bytes, 1))
        )
    _answer(state, inbound, topic.name, answer)


def _partition(state: QuorumState) -> FetchSnapshotResponsePartitionSnapshot:
    return FetchSnapshotResponsePartitionSnapshot(
        index=PARTITION,
        error_code=ErrorCode.NONE,
        snapshot_id=WireSnapshotId(end_offset=0, epoch=0),
        current_leader=LeaderIdAndEpoch(leader_id=state.election.leader_id, leader_epoch=state.epoch),
        size=0,
        position=0,
        unaligned_records=memoryview(b""),
    )


def _refuse(state: QuorumState, inbound: Inbound, error: ErrorCode) -> None:
    state.reply(inbound, FetchSnapshotResponse(error_code=error, topics=[]))


def _answer(
    state: QuorumState, inbound: Inbound, topic: str, partition: FetchSnapshotResponsePartitionSnapshot
) -> None:
    response = FetchSnapshotResponse(
        error_code=ErrorCode.NONE,
        topics=[FetchSnapshotResponseTopicSnapshot(name=topic, partitions=[partition])],
        node_endpoints=leader_node_endpoint(
            state, inbound, 1, lambda node_id, host, port: NodeEndpoint(node_id=node_id, host=host, port=port)
        ),
    )
    state.reply(inbound, response)


def begin(state: QuorumState, snapshot: SnapshotFetch) -> None:
    """The leader named it; one that is here already, whole, is only to be installed."""
    if snapshot.snapshot_id in state.snapshots.snapshots():
        snapshot.is_whole = True
        state.emit(InstallSnapshot(snapshot.snapshot_id))


def handle_fetch_snapshot_response(
    state: QuorumState, waiting: InFlight, response: FetchSnapshotResponse, now: Now
) -> bool:
    if response.error_code != ErrorCode.NONE or len(response.topics) != 1 or len(response.topics[0].partitions) != 1:
        return False
    said = response.topics[0].partitions[0]
    leader, before = said.current_leader, state.role
    endpoints = leader_endpoints(state, leader.leader_id, response.node_endpoints)
    handled = handle_common(state, now, said.error_code, leader.leader_id, leader.leader_epoch, endpoints)
    if handled is not None:
        return handled and (said.error_code == ErrorCode.NONE or state.role is not before)
    role, asked = state.role, waiting.request
    assert isinstance(asked, FetchSnapshotRequest), asked
    if not isinstance(role, Follower) or role.snapshot is None or role.snapshot.is_whole:
        return True
    if said.error_code != ErrorCode.NONE:
        role.snapshot = None  # it was deleted meanwhile: the next fetch names another
        role.fetch_deadline_ms = now.monotonic_ms + state.settings.fetch_timeout_ms
        return said.error_code == ErrorCode.SNAPSHOT_NOT_FOUND
    snapshot = role.snapshot
    named = SnapshotId(said.snapshot_id.end_offset, said.snapshot_id.epoch)
    records = said.unaligned_records
    data = bytes(records) if isinstance(records, bytes | bytearray | memoryview) else b""
    if named != snapshot.snapshot_id or said.position != snapshot.position or not data:
        role.snapshot = None
        return False
    state.emit(ReceiveSnapshot(named, said.position, data))
    snapshot.position += len(data)
    if snapshot.position >= said.size:
        snapshot.is_whole = True
        state.emit(InstallSnapshot(named))
    role.has_fetched = True
    role.fetch_deadline_ms = now.monotonic_ms + state.settings.fetch_timeout_ms
    return True


def installed(state: QuorumState, snapshot_id: SnapshotId, kraft_version: int | None, voters: VoterSet | None) -> None:
    """The log is empty now and starts at the snapshot's end; all of that is on our disk."""
    assert isinstance(state.role, Follower), state.role
    state.epochs.start_at(OffsetAndEpoch(snapshot_id.end_offset, snapshot_id.epoch))
    state.history.start_at(snapshot_id.end_offset, kraft_version, voters)
    state.log_end_offset = state.synced_offset = snapshot_id.end_offset
    state.advance_high_watermark(snapshot_id.end_offset)
    state.role.snapshot = None


def refused(state: QuorumState) -> None:
    """What came is damaged: from the beginning."""
    if isinstance(state.role, Follower):
        state.role.snapshot = None
