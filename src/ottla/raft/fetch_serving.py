"""A leader answers Fetch. KIP-595, 630, 853, 1166.

Where the replica's log ends, by offset and epoch, is looked up in ours: it is the same history (records follow), it
diverged (where to cut), or it ends before ours begins (which snapshot to fetch). Without news the answer waits until
there are records, a new high watermark, or the time is over.
"""

from ottla.protocol.api.fetch import (
    EpochEndOffset,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    SnapshotId,
)
from ottla.protocol.errors import ErrorCode
from ottla.raft import leadership
from ottla.raft import snapshot_id as ids
from ottla.raft.epoch_history import OffsetAndEpoch
from ottla.raft.fetch_answers import NO_HIGH_WATERMARK, fetch_partition, fetch_response
from ottla.raft.inbound import Inbound
from ottla.raft.responses import PARTITION, TOPIC, TOPIC_ID, has_cluster_id
from ottla.raft.state import Leader, Now, QuorumState
from ottla.raft.under_way import ParkedFetch
from ottla.raft.validation import leader_only
from ottla.raft.voter_set import ReplicaKey

MAX_PARKED_FETCHES = 1_000
"""Beyond, a fetch is answered at once."""


def handle_fetch(state: QuorumState, inbound: Inbound, request: FetchRequest, now: Now) -> None:
    if not has_cluster_id(state, request.cluster_id):
        state.reply(inbound, FetchResponse(error_code=ErrorCode.INCONSISTENT_CLUSTER_ID, responses=[]))
        return
    if not _is_of_metadata(request):
        state.reply(inbound, FetchResponse(error_code=ErrorCode.INVALID_REQUEST, responses=[]))
        return
    asked = request.topics[0].partitions[0]
    if (
        min(request.max_wait_ms, asked.fetch_offset, asked.last_fetched_epoch) < 0
        or asked.last_fetched_epoch > asked.current_leader_epoch
        or _replica(request, asked).node_id == state.local.node_id
    ):
        state.reply(inbound, fetch_response(state, inbound, fetch_partition(state, ErrorCode.INVALID_REQUEST)))
        return
    response, is_news = _serve(state, inbound, request, now)
    role = state.role
    if is_news or request.max_wait_ms == 0 or not isinstance(role, Leader) or len(role.parked) >= MAX_PARKED_FETCHES:
        state.reply(inbound, response)
        return
    deadline_ms = now.monotonic_ms + request.max_wait_ms
    role.parked[inbound.token] = ParkedFetch(inbound, deadline_ms, asked.fetch_offset, asked.high_watermark, response)


def complete_parked(state: QuorumState, role: Leader, now: Now) -> float:
    """Answers those for whom there is news, or whose time is over. When the next one's is."""
    next_ms = float("inf")
    for token, parked in list(role.parked.items()):
        if token not in role.parked:
            continue
        high_watermark = role.high_watermark or NO_HIGH_WATERMARK
        if parked.offset < state.log.end_offset or high_watermark > parked.high_watermark:
            del role.parked[token]
            assert isinstance(parked.inbound.request, FetchRequest)
            response, _ = _serve(state, parked.inbound, parked.inbound.request, now)
            state.reply(parked.inbound, response)
        elif now.monotonic_ms >= parked.deadline_ms:
            del role.parked[token]
            state.reply(parked.inbound, parked.empty)
        elif parked.offset < state.log_end_offset:
            next_ms = now.monotonic_ms  # what was appended in this event can be read after it
        else:
            next_ms = min(next_ms, parked.deadline_ms)
    return next_ms


def _is_of_metadata(request: FetchRequest) -> bool:
    if len(request.topics) != 1 or len(request.topics[0].partitions) != 1:
        return False
    topic = request.topics[0]
    return (topic.topic_id == TOPIC_ID or topic.topic == TOPIC) and topic.partitions[0].partition == PARTITION


def _replica(request: FetchRequest, asked: FetchPartition) -> ReplicaKey:
    node_id = max(request.replica_id, request.replica_state.replica_id)
    return ReplicaKey(node_id, asked.replica_directory_id)


def _serve(state: QuorumState, inbound: Inbound, request: FetchRequest, now: Now) -> tuple[FetchResponse, bool]:
    """(answer, whether it says anything new)"""
    asked = request.topics[0].partitions[0]
    error = leader_only(state, asked.current_leader_epoch)
    role = state.role
    if error is not ErrorCode.NONE or not isinstance(role, Leader):
        return fetch_response(state, inbound, fetch_partition(state, error)), True
    position = find_position(state, asked.fetch_offset, asked.last_fetched_epoch)
    data = b""
    if position is None:
        data = (
            state.log.read(asked.fetch_offset, request.max_bytes) if asked.fetch_offset < state.log.end_offset else b""
        )
        leadership.replica_fetched(state, role, _replica(request, asked), asked.fetch_offset, now)
    partition = fetch_partition(state, ErrorCode.NONE, data)
    if isinstance(position, ids.SnapshotId):
        partition.snapshot_id = SnapshotId(end_offset=position.end_offset, epoch=position.epoch)
    elif position is not None:
        partition.diverging_epoch = EpochEndOffset(epoch=position.epoch, end_offset=position.offset)
    knows_less = (role.high_watermark or NO_HIGH_WATERMARK) > asked.high_watermark
    return fetch_response(state, inbound, partition), bool(data) or position is not None or knows_less


def find_position(state: QuorumState, offset: int, epoch: int) -> ids.SnapshotId | OffsetAndEpoch | None:
    """`None`: our history contains (offset, epoch). Otherwise the snapshot to take, or where histories part."""
    snapshots = state.snapshots.snapshots()
    latest = snapshots[-1] if snapshots else None
    start = state.log.start_offset
    if offset == 0 and latest is not None and latest != ids.BOOTSTRAP_SNAPSHOT_ID:
        return latest
    if start == 0 and offset == 0:
        return None
    earliest = snapshots[0] if snapshots else None
    if earliest is not None and latest is not None:
        before = offset < start or (offset == start and start != 0 and epoch != earliest.epoch)
        if before or epoch < earliest.epoch:
            return latest
    end = state.epochs.end_of(epoch, state.log_end_offset)
    return None if end.epoch == epoch and offset <= end.offset else end
