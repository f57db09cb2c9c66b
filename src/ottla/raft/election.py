"""Elections. Of a single voter: it is a candidate, votes for itself and leads, without asking anyone. KIP-595.

Kafka stores the candidate's state and then the leader's. With one voter nothing can happen between the two, so only
the leader's is stored: it is also what Kafka leaves behind.
"""

from typing import TYPE_CHECKING

from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.raft.batches import control_batch
from ottla.raft.control_records import leader_change
from ottla.raft.effects import AppendBatch, BecameLeader, Effect, StoreElection
from ottla.raft.election_state import ElectionState
from ottla.raft.state import Leader, QuorumState, RaftError
from ottla.raft.voter_set import NOT_IN_LOG

if TYPE_CHECKING:
    from ottla.protocol.message import Message


def start_election(state: QuorumState, *, last_log_epoch: int, now_ms: int) -> list[Effect]:
    voters = state.history.voters
    if state.local not in voters:
        raise RaftError(f"node {state.local.node_id} with this directory is not among the voters {voters.node_ids}")
    if not voters.is_only(state.local):
        raise RaftError(f"a quorum of {len(voters.voters)} voters: one is what this version can run")
    epoch = max(state.election.epoch, last_log_epoch) + 1
    state.election = ElectionState(epoch, leader_id=state.local.node_id)
    return [StoreElection(state.election), BecameLeader(epoch), _start_of_epoch(state, now_ms)]


def _start_of_epoch(state: QuorumState, now_ms: int) -> Effect:
    """The epoch's first batch. The first leader of all also writes the voters that formatting left (KIP-853)."""
    history = state.history
    base_offset = state.log_end_offset
    messages: list[Message] = [leader_change(state.local.node_id, history.voters, [state.local.node_id])]
    if history.kraft_version >= 1 and history.voters_offset == NOT_IN_LOG:
        messages.append(KRaftVersionRecord(version=0, kraft_version=history.kraft_version))
        messages.append(history.voters.to_record())
        history.set_kraft_version(history.kraft_version, base_offset + 1)
        history.set_voters(history.voters, base_offset + 2)
    state.role = Leader(epoch_start_offset=base_offset, synced_offset=base_offset)
    state.log_end_offset = base_offset + len(messages)
    return AppendBatch(
        control_batch(base_offset, state.epoch, messages, now_ms),
        base_offset,
        state.log_end_offset - 1,
        state.epoch,
        now_ms,
    )
