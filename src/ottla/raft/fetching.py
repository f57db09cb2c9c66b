"""A follower, or an observer, fetches: what it asks, and what it does with the answer. KIP-595, 630, 853.

answer                  what follows
records                 checked, appended; the next fetch says that they are on our disk, so it waits for the sync
a diverging epoch       what the leader does not have is cut off, back to where the histories part
a snapshot id           the snapshot is fetched, and takes the log's place
an error                the leader is looked for among the others
"""

from ottla.protocol.api.fetch import EpochEndOffset, FetchRequest, FetchResponse
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.raft import leadership, requests, snapshot_fetching
from ottla.raft.batches import RaftLogError, read_batches
from ottla.raft.connections import NEVER, InFlight
from ottla.raft.effects import AppendBatch
from ottla.raft.election_state import NOBODY
from ottla.raft.first_election import nobody_leads
from ottla.raft.peer_effects import TruncateLog
from ottla.raft.responses import leader_endpoints
from ottla.raft.said import handle_common
from ottla.raft.sending import send, servers
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.state import CommittedDataLostError, Follower, Now, QuorumState
from ottla.raft.under_way import SnapshotFetch
from ottla.runtime.files import Buffer


def poll_fetch(state: QuorumState, role: Follower, now: Now) -> float:
    """From the leader; from anyone who may know better when it does not answer."""
    connections = state.connections
    leader = role.endpoints.get(state.settings.listener_name)
    if not _may_fetch(state):
        return NEVER  # until the disk has what we have
    if leader is None:
        return poll_any_server(state, now)
    if connections.has_timed_out(leader, now.monotonic_ms):
        connections.back_off(leader, now.monotonic_ms)
        return poll_any_server(state, now)
    if connections.is_backing_off(leader, now.monotonic_ms):
        return min(poll_any_server(state, now), connections.ready_at(leader))
    if not connections.has_any_in_flight(now.monotonic_ms):
        snapshot = role.snapshot
        if snapshot is not None:
            return send(state, now, leader, lambda: requests.fetch_snapshot(state, snapshot))
        return send(state, now, leader, lambda: requests.fetch(state))
    return connections.next_change_ms(now.monotonic_ms)


def poll_any_server(state: QuorumState, now: Now) -> float:
    """To learn who leads: the next of the servers that is ready."""
    if not _may_fetch(state):
        return NEVER
    known = servers(state)
    if not state.connections.has_any_in_flight(now.monotonic_ms):
        server = state.connections.ready_server(known, now.monotonic_ms)
        if server is not None:
            send(state, now, server, lambda: requests.fetch(state))
    return state.connections.next_change_ms(now.monotonic_ms)


def _may_fetch(state: QuorumState) -> bool:
    """A fetch says that what comes before its offset is on our disk."""
    role = state.role
    is_installing = isinstance(role, Follower) and role.snapshot is not None and role.snapshot.is_whole
    return state.synced_offset >= state.log_end_offset and not is_installing


def handle_fetch_response(state: QuorumState, waiting: InFlight, response: FetchResponse, now: Now) -> bool:
    if response.error_code != ErrorCode.NONE:
        return False
    if len(response.responses) != 1 or len(response.responses[0].partitions) != 1:
        return False
    said = response.responses[0].partitions[0]
    leader, before = said.current_leader, state.role
    endpoints = leader_endpoints(state, leader.leader_id, response.node_endpoints)
    if said.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER and leader.leader_id == NOBODY:
        nobody_leads(state, waiting.destination, leader.leader_epoch, now)
    handled = handle_common(state, now, said.error_code, leader.leader_id, leader.leader_epoch, endpoints)
    if handled is not None:
        return handled and (said.error_code == ErrorCode.NONE or state.role is not before)
    role, asked = state.role, waiting.request
    if said.error_code != ErrorCode.NONE or not isinstance(role, Follower):
        return False
    assert isinstance(asked, FetchRequest), asked
    at = asked.topics[0].partitions[0]
    if (at.fetch_offset, at.last_fetched_epoch) != state.end or role.snapshot is not None:
        return True  # the answer to where we were once
    if said.diverging_epoch.epoch >= 0:
        truncate(state, said.diverging_epoch)
    elif said.snapshot_id.epoch >= 0 or said.snapshot_id.end_offset >= 0:
        if said.snapshot_id.epoch < 0 or said.snapshot_id.end_offset < state.high_watermark:
            return False
        role.snapshot = SnapshotFetch(SnapshotId(said.snapshot_id.end_offset, said.snapshot_id.epoch))
        snapshot_fetching.begin(state, role.snapshot)
    else:
        records = said.records
        if isinstance(records, bytes | bytearray | memoryview) and not append(state, records):
            return False
        if said.high_watermark >= 0:
            state.advance_high_watermark(min(said.high_watermark, state.log_end_offset))
    role.has_fetched = True
    role.fetch_deadline_ms = now.monotonic_ms + state.settings.fetch_timeout_ms
    return True


def truncate(state: QuorumState, diverging: EpochEndOffset) -> None:
    """To where the leader's epoch ends, or where ours does that is not above it, whichever comes first."""
    if diverging.epoch == 0:
        offset = min(diverging.end_offset, state.log_end_offset)
    else:
        local = state.epochs.end_of(diverging.epoch, state.log_end_offset)
        offset = min(local.offset, diverging.end_offset) if local.epoch == diverging.epoch else local.offset
    offset = max(offset, 0)
    if offset < state.high_watermark:
        raise CommittedDataLostError(
            f"the leader of epoch {state.epoch} asks to cut the log at {offset}, "
            f"and everything below {state.high_watermark} is committed"
        )
    if offset >= state.log_end_offset:
        return
    state.epochs.truncate_to(offset)
    state.history.truncate_to(offset)
    state.log_end_offset = offset
    state.synced_offset = min(state.synced_offset, offset)
    state.emit(TruncateLog(offset))


def append(state: QuorumState, records: Buffer) -> bool:
    """The batches that follow our log, as far as they are what a leader of this epoch may send. False if none is."""
    if len(records) == 0:
        return True
    appended = False
    data = memoryview(records)
    position = 0
    try:
        for batch in read_batches(data):
            if batch.base_offset != state.log_end_offset or not state.epochs.last_epoch <= batch.epoch <= state.epoch:
                break
            piece = bytes(data[position : position + batch.size])
            position += batch.size
            state.epochs.assign(batch.epoch, batch.base_offset)
            state.log_end_offset = batch.last_offset + 1
            state.emit(AppendBatch(piece, batch.base_offset, batch.last_offset, batch.epoch, batch.timestamp_ms))
            leadership.note_control(state, batch.control)
            appended = True
    except (RaftLogError, ProtocolError):
        return appended
    return appended
