"""KRaft consensus of one replica as a state machine: events in, effects out, no I/O and no clock. KIP-595, 853, 996.

    start, poll ─┐                                             ┌─► StoreElection, AppendBatch, TruncateLog: the disk
    requests     │   ┌────────────────────────────────────┐    │   InstallSnapshot, ReceiveSnapshot
    answers      ├──►│ transition of the role ─► poll     │────┤
    append       │   └────────────────────────────────────┘    ├─► SendRequest, Reply: the network
    log_synced  ─┘                                             └─► BecameLeader, LeaderChanged, AdvanceHighWatermark

Each event is a method here and a transition in a file of its own; after each, what is due is done (`polling`), and
`next_poll_ms` says when `poll` is wanted if nothing happens. The effects of an event are done, in order, before the
next event; only syncs may take their time, and `log_synced` tells of them. Who loses power loses what was not synced.

Everything is lazily imported that a single voter does not need: it starts on the critical path of a node's start.
"""

from collections.abc import Sequence
from random import Random

from ottla.protocol.message import Response
from ottla.raft import election, leadership, polling, transitions
from ottla.raft.connections import NEVER
from ottla.raft.effects import Effect
from ottla.raft.election_state import ElectionState
from ottla.raft.epoch_history import EpochHistory, OffsetAndEpoch
from ottla.raft.inbound import Inbound
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.replicated_log import ReplicatedLog, SnapshotReader
from ottla.raft.settings import Address, RaftSettings
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.state import Leader, Now, QuorumState, Resigned, Role
from ottla.raft.voter_set import ReplicaKey, VoterSet


class RaftQuorum:
    def __init__(
        self,
        local: ReplicaKey,
        history: QuorumHistory,
        *,
        settings: RaftSettings,
        log: ReplicatedLog,
        snapshots: SnapshotReader,
        random: Random,
        stored_election: ElectionState | None,
    ) -> None:
        """Of a replica whose log is as `log` says, all of it on disk."""
        epochs = EpochHistory(log.epochs)
        known = snapshots.snapshots()
        if known and log.start_offset > 0:
            start = next((one for one in known if one.end_offset >= log.start_offset), known[-1])
            epochs.set_snapshot(OffsetAndEpoch(start.end_offset, start.epoch))
        self._state = QuorumState(
            local,
            history,
            settings=settings,
            log=log,
            snapshots=snapshots,
            random=random,
            election=stored_election or ElectionState(epoch=0),
            epochs=epochs,
        )
        self.next_poll_ms = NEVER
        """On the monotonic clock."""

    # ── what is known ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def epoch(self) -> int:
        return self._state.epoch

    @property
    def election(self) -> ElectionState:
        return self._state.election

    @property
    def leader_id(self) -> int:
        """-1: not known. A leader that resigned is known as this epoch's until the next."""
        return self._state.election.leader_id

    @property
    def leader_endpoint(self) -> Address | None:
        """Where the leader listens for other replicas, if both are known."""
        state = self._state
        name = state.settings.listener_name
        return state.leader_endpoints.get(name) or state.history.voters.endpoints(self.leader_id).get(name)

    @property
    def role(self) -> Role:
        """To look at, not to change."""
        return self._state.role

    @property
    def is_leader(self) -> bool:
        return isinstance(self._state.role, Leader)

    @property
    def is_voter(self) -> bool:
        return self._state.is_voter

    @property
    def high_watermark(self) -> int:
        return self._state.high_watermark

    @property
    def log_end_offset(self) -> int:
        """After every append that was asked for."""
        return self._state.log_end_offset

    @property
    def synced_offset(self) -> int:
        return self._state.synced_offset

    @property
    def history(self) -> QuorumHistory:
        return self._state.history

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, now: Now) -> list[Effect]:
        """Once, before everything else. A single voter leads when this returns."""
        state = self._state
        state.role = transitions.initial_role(state, now)
        if state.history.voters.is_only(state.local):
            election.start_election(state, now)
        return self._polled(now)

    def poll(self, now: Now) -> list[Effect]:
        """Time has passed: at `next_poll_ms`, or whenever."""
        return self._polled(now)

    def handle_request(self, inbound: Inbound, now: Now) -> list[Effect]:
        """The answer is an effect `Reply`, now or later. `RaftError` for a request that is none of the quorum's."""
        from ottla.raft import dispatch

        dispatch.handle_request(self._state, inbound, now)
        return self._polled(now)

    def forget_request(self, token: int) -> None:
        """Whoever asked is gone, and waits for no answer."""
        role = self._state.role
        if isinstance(role, Leader):
            role.parked.pop(token, None)
            if role.change is not None and role.change.token == token:
                role.change.token = -1

    def handle_response(self, correlation_id: int, response: Response, now: Now) -> list[Effect]:
        """The answer to a `SendRequest`. Nothing happens if nobody waits for it any more."""
        from ottla.raft import dispatch

        state = self._state
        waiting = state.connections.find(correlation_id)
        if waiting is not None:
            well = dispatch.handle_response(state, waiting, response, now)
            state.connections.finished(waiting, well=well, now_ms=now.monotonic_ms)
        return self._polled(now)

    def request_failed(self, correlation_id: int, now: Now) -> list[Effect]:
        """A `SendRequest` that will have no answer: nobody is there, or the connection broke."""
        from ottla.raft import dispatch

        state = self._state
        waiting = state.connections.find(correlation_id)
        if waiting is not None:
            dispatch.request_failed(state, waiting)
            state.connections.finished(waiting, well=False, now_ms=now.monotonic_ms)
        return self._polled(now)

    def peer_is_gone(self, address: Address, now: Now) -> list[Effect]:
        """Nobody listens at `address`, as its system says: a leader that was there need not be waited for."""
        from ottla.raft import peer_loss

        peer_loss.peer_is_gone(self._state, address, now)
        return self._polled(now)

    def append(self, values: Sequence[bytes], now: Now) -> list[Effect]:
        """One batch. `RaftError` unless this replica leads; `ValueError` if the records do not fit into one batch."""
        leadership.append_records(self._state, values, now)
        return self._polled(now)

    def log_synced(self, end_offset: int, now: Now) -> list[Effect]:
        """What this replica appended below `end_offset` is on its disk, and has not been truncated since."""
        leadership.log_synced(self._state, min(end_offset, self._state.log_end_offset))
        return self._polled(now)

    def snapshot_installed(
        self, snapshot_id: SnapshotId, kraft_version: int | None, voters: VoterSet | None, now: Now
    ) -> list[Effect]:
        """After `InstallSnapshot`, before any other event."""
        from ottla.raft import snapshot_fetching

        snapshot_fetching.installed(self._state, snapshot_id, kraft_version, voters)
        return self._polled(now)

    def snapshot_refused(self, now: Now) -> list[Effect]:
        """Instead of `snapshot_installed`: what came is damaged."""
        from ottla.raft import snapshot_fetching

        snapshot_fetching.refused(self._state)
        return self._polled(now)

    def log_starts_at(self, snapshot_id: SnapshotId) -> None:
        """The log before this snapshot was deleted."""
        state = self._state
        state.epochs.set_snapshot(OffsetAndEpoch(snapshot_id.end_offset, snapshot_id.epoch))
        state.history.forget_before(snapshot_id.end_offset)

    def upgrade_kraft_version(self, level: int, now: Now) -> list[Effect]:
        """To voters that stand in the log. `RaftError`, `KafkaError`."""
        from ottla.raft import voter_changes

        voter_changes.upgrade_kraft_version(self._state, level, now)
        return self._polled(now)

    def resign(self, epoch: int, now: Now) -> list[Effect]:
        """Give up leading `epoch`; nothing if that is over already."""
        role = self._state.role
        if isinstance(role, Leader) and epoch == self._state.epoch:
            role.wants_to_resign = True
        return self._polled(now)

    def shut_down(self, now: Now) -> list[Effect]:
        """A leader hands over (`may_stop` says when); nobody starts an election any more."""
        if self._state.is_voter and len(self._state.history.voters) == 1:
            return []
        self._state.is_shutting_down = True
        return self._polled(now)

    @property
    def may_stop(self) -> bool:
        """Nobody needs to hear of us any more."""
        role = self._state.role
        return not isinstance(role, Leader | Resigned) or (isinstance(role, Resigned) and not role.unacknowledged)

    def _polled(self, now: Now) -> list[Effect]:
        self.next_poll_ms = polling.poll(self._state, now)
        effects, self._state.effects = self._state.effects, []
        return effects
