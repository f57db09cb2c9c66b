"""What a leader does: appends, moves the high watermark, and resigns when nobody follows. KIP-595, 853; `LeaderState`.

The high watermark is the highest offset that a majority of the voters has on disk, once that lies beyond the epoch's
first record (Raft, section 5.4.2). A follower's disk is known by where it fetches from; the leader's own by what was
synced, which may come later than the majority's. A leader that is not among the voters any more does not count.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.raft import transitions
from ottla.raft.batches import control_batch, data_batch
from ottla.raft.control_records import leader_change
from ottla.raft.effects import AppendBatch, BecameLeader
from ottla.raft.election_state import ElectionState
from ottla.raft.quorum_history import NOT_IN_LOG
from ottla.raft.state import Candidate, Leader, Now, Progress, QuorumState, RaftError
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

if TYPE_CHECKING:
    from ottla.protocol.message import Message

CHECK_QUORUM_TIMEOUT_FACTOR = 1.5
OBSERVER_SESSION_TIMEOUT_MS = 300_000
MAX_OBSERVERS = 1_000
"""Whose progress is remembered; more may fetch."""


def become_leader(state: QuorumState, role: Candidate, now: Now) -> None:
    state.connections.reset()
    state.set_election(ElectionState(state.epoch, leader_id=state.local.node_id))
    state.emit(BecameLeader(state.epoch))
    leader = Leader(
        epoch_start_offset=state.log_end_offset,
        voters={node_id: Progress() for node_id in state.history.voters.node_ids},
        check_quorum_deadline_ms=_check_quorum_deadline(state, now),
        begin_epoch_at_ms=now.monotonic_ms,
    )
    state.role = leader
    _append_start_of_epoch(state, sorted(role.votes.granted), now)


def _append_start_of_epoch(state: QuorumState, granting: list[int], now: Now) -> None:
    """The first leader of all writes the voters that formatting left; each, its own endpoints if they changed."""
    history = state.history
    messages: list[Message] = [leader_change(state.local.node_id, history.voters, granting)]
    if history.kraft_version >= 1:
        local = local_voter(state)
        is_new = history.voters_offset == NOT_IN_LOG
        known = history.voters.get(state.local.node_id)  # `None`: it was voted out, which may not be committed yet
        needs_update = local is not None and known is not None and known != local
        if is_new or needs_update:
            voters = history.voters.with_update(local) if local is not None else None
            messages.append(KRaftVersionRecord(version=0, kraft_version=history.kraft_version))
            messages.append((voters or history.voters).to_record())
    append_control(state, messages, now)


def local_voter(state: QuorumState) -> VoterNode | None:
    """This replica as it would be a voter; `None` where it does not say how it is reached."""
    endpoints = state.settings.local_endpoints
    return VoterNode(state.local, dict(endpoints)) if endpoints else None


def append_control(state: QuorumState, messages: "Sequence[Message]", now: Now) -> int:
    """One batch, which counts at once. Its last offset."""
    base_offset = state.log_end_offset
    note_control(state, [(base_offset + index, message) for index, message in enumerate(messages)])
    batch = control_batch(base_offset, state.epoch, messages, now.wall_ms)
    _append(state, batch, len(messages), now)
    return state.log_end_offset - 1


def append_records(state: QuorumState, values: Sequence[bytes], now: Now) -> None:
    """One batch. `RaftError` unless this replica leads; `ValueError` if the records do not fit into one batch."""
    if not isinstance(state.role, Leader):
        raise RaftError(f"node {state.local.node_id} does not lead epoch {state.epoch}")
    batch = data_batch(state.log_end_offset, state.epoch, values, now.wall_ms)
    _append(state, batch, len(values), now)


def _append(state: QuorumState, batch: bytes, count: int, now: Now) -> None:
    base_offset = state.log_end_offset
    state.epochs.assign(state.epoch, base_offset)
    state.log_end_offset = base_offset + count
    state.emit(AppendBatch(batch, base_offset, state.log_end_offset - 1, state.epoch, now.wall_ms))


def note_control(state: QuorumState, control: "Sequence[tuple[int, Message]]") -> None:
    """Voters and `kraft.version` count from where they stand, committed or not."""
    from ottla.protocol.control_record.voters_record import VotersRecord

    for offset, message in control:
        if isinstance(message, KRaftVersionRecord):
            state.history.set_kraft_version(message.kraft_version, offset)
        elif isinstance(message, VotersRecord):
            state.history.set_voters(VoterSet.from_record(message), offset)
            if isinstance(state.role, Leader):
                follow_voters(state, state.role)


def follow_voters(state: QuorumState, role: Leader) -> None:
    """The voters have changed: their progress is kept, as voters or as observers."""
    old, voters = role.voters, state.history.voters
    role.voters = {}
    for voter in voters:
        node_id = voter.key.node_id
        observed = [key for key in role.observers if voter.is_key(key)]
        if node_id in old:
            role.voters[node_id] = old[node_id]
        else:
            role.voters[node_id] = role.observers[observed[0]] if observed else Progress()
        for key in observed:
            del role.observers[key]
    role.fetched &= set(role.voters)


def log_synced(state: QuorumState, end_offset: int) -> None:
    """Everything below `end_offset` is on our disk."""
    assert end_offset <= state.log_end_offset, f"synced {end_offset} of {state.log_end_offset}"
    state.synced_offset = max(state.synced_offset, end_offset)
    if isinstance(state.role, Leader):
        update_high_watermark(state, state.role)


def update_high_watermark(state: QuorumState, role: Leader) -> bool:
    """True if it moved."""
    local_id = state.local.node_id
    local_votes = state.local in state.history.voters
    offsets = [
        state.synced_offset if node_id == local_id and local_votes else (progress.end_offset or 0)
        for node_id, progress in role.voters.items()
    ]
    offset = sorted(offsets, reverse=True)[len(offsets) // 2]
    if offset <= role.epoch_start_offset or offset <= (role.high_watermark or -1):
        return False
    role.high_watermark = offset
    state.advance_high_watermark(offset)
    return True


def replica_fetched(state: QuorumState, role: Leader, replica: ReplicaKey, offset: int | None, now: Now) -> bool:
    """It has everything below `offset` on its disk (`None`: it fetches a snapshot). True: the high watermark moved."""
    if replica.node_id < 0:
        return False
    voter = state.history.voters.get(replica.node_id)
    if voter is not None and voter.is_key(replica):
        progress = role.voters[replica.node_id]
        _count_fetched(state, role, replica.node_id, now)
    else:
        voter = None
        if replica not in role.observers and len(role.observers) >= MAX_OBSERVERS:
            return False
        progress = role.observers.setdefault(replica, Progress())
    if offset is None:
        return False
    _note_progress(state, progress, offset, now)
    return voter is not None and update_high_watermark(state, role)


def _note_progress(state: QuorumState, progress: Progress, offset: int, now: Now) -> None:
    if offset >= state.log_end_offset:
        progress.last_caught_up_wall_ms = max(progress.last_caught_up_wall_ms, now.wall_ms)
    elif offset >= progress.leader_end_at_last_fetch >= 0:
        progress.last_caught_up_wall_ms = max(progress.last_caught_up_wall_ms, progress.last_fetch_wall_ms)
    progress.last_fetch_ms = now.monotonic_ms
    progress.last_fetch_wall_ms = max(progress.last_fetch_wall_ms, now.wall_ms)
    progress.leader_end_at_last_fetch = state.log_end_offset
    progress.end_offset = offset  # may be lower than before: of a disk that lost what it had, it must not count
    progress.has_acknowledged = True


def _count_fetched(state: QuorumState, role: Leader, node_id: int, now: Now) -> None:
    role.fetched.add(node_id)
    needed = state.history.voters.majority - (1 if state.is_voter else 0)
    if len(role.fetched) >= needed:
        role.fetched.clear()
        heard_from_majority(state, role, now)


def heard_from_majority(state: QuorumState, role: Leader, now: Now) -> None:
    role.check_quorum_deadline_ms = _check_quorum_deadline(state, now)


def _check_quorum_deadline(state: QuorumState, now: Now) -> float:
    return now.monotonic_ms + int(state.settings.fetch_timeout_ms * CHECK_QUORUM_TIMEOUT_FACTOR)


def resign(state: QuorumState, role: Leader, now: Now) -> None:
    """Those that are furthest are asked to take over first."""
    others = [voter for voter in state.history.voters if voter.key.node_id != state.local.node_id]
    others.sort(key=lambda voter: -(role.voters[voter.key.node_id].end_offset or 0))
    transitions.become_resigned(state, now, [voter.key for voter in others])


def forget_observers(role: Leader, now: Now) -> None:
    """Those that have not fetched for long."""
    for key, progress in list(role.observers.items()):
        if now.monotonic_ms - (progress.last_fetch_ms or 0) >= OBSERVER_SESSION_TIMEOUT_MS:
            del role.observers[key]
