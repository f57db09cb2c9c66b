"""KRaft consensus of one replica as a state machine: events in, effects out, no I/O and no clock. KIP-595.

    start ──► election ──► leadership: append ──► (shell syncs) ──► log_synced ──► high watermark

Each event is a method here and a transition in a file of its own. A single voter today; votes, fetches and voter
changes become events of the same shape.
"""

from collections.abc import Sequence

from ottla.raft import election, leadership
from ottla.raft.effects import Effect
from ottla.raft.election_state import ElectionState
from ottla.raft.state import Leader, QuorumState, Unattached
from ottla.raft.voter_set import QuorumHistory, ReplicaKey


class RaftQuorum:
    def __init__(
        self,
        local: ReplicaKey,
        history: QuorumHistory,
        *,
        stored_election: ElectionState | None,
        log_end_offset: int,
        last_log_epoch: int,
    ) -> None:
        self._state = QuorumState(
            local=local,
            history=history,
            election=stored_election or ElectionState(epoch=0),
            log_end_offset=log_end_offset,
            high_watermark=0,
            role=Unattached(),
        )
        self._last_log_epoch = last_log_epoch

    @property
    def epoch(self) -> int:
        return self._state.epoch

    @property
    def leader_id(self) -> int:
        """-1: not known."""
        return self._state.election.leader_id

    @property
    def is_leader(self) -> bool:
        return isinstance(self._state.role, Leader)

    @property
    def high_watermark(self) -> int:
        return self._state.high_watermark

    @property
    def log_end_offset(self) -> int:
        """After every append that was asked for."""
        return self._state.log_end_offset

    @property
    def history(self) -> QuorumHistory:
        return self._state.history

    def start(self, now_ms: int) -> list[Effect]:
        """`RaftError` if this replica cannot take part."""
        return election.start_election(self._state, last_log_epoch=self._last_log_epoch, now_ms=now_ms)

    def append(self, values: Sequence[bytes], now_ms: int) -> list[Effect]:
        return leadership.append_records(self._state, values, now_ms)

    def log_synced(self, end_offset: int) -> list[Effect]:
        return leadership.local_log_synced(self._state, end_offset)
