"""One replica of a simulated quorum: the core, a log and snapshots on a disk that loses what was not synced.

A crash keeps what was synced, and of the batches after it any first few; a truncation that was not synced may be
undone. `quorum-state` is durable when it is stored, which is what the shell must see to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.raft_checker import digest_after

from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.control_record.voters_record import VotersRecord
from ottla.raft.batches import read_batches
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch, BecameLeader, Effect, StoreElection
from ottla.raft.peer_effects import InstallSnapshot, LeaderChanged, ReceiveSnapshot, Reply, SendRequest, TruncateLog
from ottla.raft.quorum import RaftQuorum
from ottla.raft.quorum_history import NOT_IN_LOG, QuorumHistory
from ottla.raft.snapshot import read_snapshot, write_snapshot
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.voter_set import ReplicaKey, VoterSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.raft_world import RaftWorld

    from ottla.raft.election_state import ElectionState
    from ottla.raft.settings import RaftSettings


class CrashedError(Exception):
    """The process is gone, between one effect and the next."""


@dataclass(frozen=True, slots=True)
class Batch:
    base_offset: int
    last_offset: int
    epoch: int
    data: bytes


@dataclass(slots=True)
class SimulatedLog:
    """`ReplicatedLog` in memory."""

    batches: list[Batch] = field(default_factory=list)
    start_offset: int = 0
    synced: list[Batch] = field(default_factory=list)
    """What a crash leaves for sure."""

    @property
    def end_offset(self) -> int:
        return self.batches[-1].last_offset + 1 if self.batches else self.start_offset

    @property
    def epochs(self) -> Sequence[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for batch in self.batches:
            if not found or batch.epoch > found[-1][0]:
                found.append((batch.epoch, batch.base_offset))
        return found

    def read(self, offset: int, max_bytes: int) -> bytes:
        data = b""
        for batch in self.batches:
            if batch.last_offset >= offset and (not data or len(data) + len(batch.data) <= max_bytes):
                data += batch.data
            elif data:
                break
        return data

    def crash(self, random: Random) -> None:
        common = 0
        while common < min(len(self.synced), len(self.batches)) and self.synced[common] is self.batches[common]:
            common += 1
        if common < len(self.synced) and random.random() < 0.5:
            self.batches = list(self.synced)  # the truncation never reached the disk
        else:
            kept = max(common, random.randint(common, len(self.batches)))
            if common == len(self.synced):
                kept = max(kept, len(self.synced))
            self.batches = self.batches[:kept]
        self.synced = list(self.batches)


@dataclass(slots=True)
class SimulatedSnapshots:
    """`SnapshotReader` in memory; a snapshot is here when it is whole and durable."""

    contents: dict[SnapshotId, bytes] = field(default_factory=dict)
    partial: tuple[SnapshotId, bytearray] | None = None

    def snapshots(self) -> Sequence[SnapshotId]:
        return sorted(self.contents)

    def size(self, snapshot_id: SnapshotId) -> int:
        return len(self.contents[snapshot_id])

    def read_at(self, snapshot_id: SnapshotId, position: int, max_bytes: int) -> bytes:
        return self.contents[snapshot_id][position : position + max_bytes]


class SimulatedReplica:
    def __init__(self, world: RaftWorld, key: ReplicaKey, settings: RaftSettings) -> None:
        self.world = world
        self.key = key
        self.settings = settings
        self.log = SimulatedLog()
        self.snapshots = SimulatedSnapshots()
        self.stored: ElectionState | None = None
        self.is_up = False
        self.incarnation = 0
        self.quorum: RaftQuorum
        self.applied_offset = 0
        self.digest = b""
        """Of everything that was applied: the state machine of the test."""
        self._crash_after: int | None = None
        self._sync_wanted = False

    # ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        self.is_up = True
        self.incarnation += 1
        self._sync_wanted = False
        self._crash_after = None
        self.snapshots.partial = None
        history = self._load()
        self.quorum = RaftQuorum(
            self.key,
            history,
            settings=self.settings,
            log=self.log,
            snapshots=self.snapshots,
            random=Random(self.world.random.random()),
            stored_election=self.stored,
        )
        self.execute(self.quorum.start(self.world.now))

    def _load(self) -> QuorumHistory:
        """As a node does: the newest snapshot, then the control records of the log after it."""
        kraft_version, voters = self.world.initial_kraft_version, self.world.initial_voters
        history = QuorumHistory(kraft_version, voters)
        self.applied_offset, self.digest = 0, b""
        known = self.snapshots.snapshots()
        if known:
            content = read_snapshot(self.snapshots.contents[known[-1]])
            in_log = known[-1].end_offset - 1
            history.start_at(known[-1].end_offset, content.kraft_version, content.voters)
            if content.voters is None:
                history.start_at(known[-1].end_offset, None, None)
            self.applied_offset, self.digest = in_log + 1, content.values[0]
            if self.log.end_offset < known[-1].end_offset:
                self.log.batches, self.log.synced = [], []
                self.log.start_offset = known[-1].end_offset
        for stored in self.log.batches:
            for batch in read_batches(stored.data):
                for offset, message in batch.control:
                    if offset < self.applied_offset:
                        continue
                    if isinstance(message, KRaftVersionRecord):
                        history.set_kraft_version(message.kraft_version, offset)
                    elif isinstance(message, VotersRecord):
                        history.set_voters(VoterSet.from_record(message), offset)
        assert history.voters_offset >= NOT_IN_LOG
        return history

    def crash(self) -> None:
        self.is_up = False
        self.log.crash(self.world.random)

    def arm(self, effects: int) -> None:
        """Crash in the middle of what is to be done, after so many effects."""
        self._crash_after = effects

    # ── effects ────────────────────────────────────────────────────────────────────────────────────────────────────

    def execute(self, effects: list[Effect]) -> None:
        queue = list(effects)
        while queue:
            if self._crash_after is not None:
                self._crash_after -= 1
                if self._crash_after < 0:
                    raise CrashedError
            queue = self._do(queue[0]) + queue[1:]
        self.world.schedule_poll(self)

    def _do(self, effect: Effect) -> list[Effect]:
        world = self.world
        match effect:
            case StoreElection():
                world.checker.stored(self.key, effect.election)
                self.stored = effect.election
            case AppendBatch():
                assert effect.base_offset == self.log.end_offset
                self.log.batches.append(Batch(effect.base_offset, effect.last_offset, effect.epoch, effect.batch))
                self._want_sync()
            case TruncateLog():
                while self.log.batches and self.log.batches[-1].last_offset >= effect.offset:
                    self.log.batches.pop()
                assert self.log.end_offset == effect.offset
            case BecameLeader():
                world.checker.became_leader(self, effect.epoch)
            case LeaderChanged():
                pass
            case AdvanceHighWatermark():
                self._apply(effect.offset)
            case SendRequest():
                world.send(self, effect)
            case Reply():
                world.reply(self, effect)
            case ReceiveSnapshot():
                if effect.position == 0:
                    self.snapshots.partial = (effect.snapshot_id, bytearray())
                assert self.snapshots.partial is not None
                assert self.snapshots.partial[0] == effect.snapshot_id
                assert len(self.snapshots.partial[1]) == effect.position
                self.snapshots.partial[1].extend(effect.data)
            case InstallSnapshot():
                return self._install(effect.snapshot_id)
        return []

    def _want_sync(self) -> None:
        if self._sync_wanted:
            return
        self._sync_wanted = True
        incarnation = self.incarnation

        def synced() -> None:
            if self.incarnation != incarnation or not self.is_up:
                return
            self._sync_wanted = False
            self.log.synced = list(self.log.batches)
            self.world.run(self, lambda: self.quorum.log_synced(self.log.end_offset, self.world.now))

        self.world.later(self.world.disk_delay_ms(), synced)

    def _install(self, snapshot_id: SnapshotId) -> list[Effect]:
        partial = self.snapshots.partial
        if snapshot_id not in self.snapshots.contents:
            assert partial is not None
            assert partial[0] == snapshot_id
            self.snapshots.contents[snapshot_id] = bytes(partial[1])
        self.snapshots.partial = None
        content = read_snapshot(self.snapshots.contents[snapshot_id])
        self.log.batches, self.log.synced = [], []
        self.log.start_offset = snapshot_id.end_offset
        for old in [one for one in self.snapshots.contents if one < snapshot_id]:
            del self.snapshots.contents[old]
        self.applied_offset, self.digest = snapshot_id.end_offset, content.values[0]
        self.world.checker.applied(self, self.quorum.epoch)
        self.world.installed += 1
        return self.quorum.snapshot_installed(snapshot_id, content.kraft_version, content.voters, self.world.now)

    # ── the state machine above ────────────────────────────────────────────────────────────────────────────────────

    def _apply(self, high_watermark: int) -> None:
        assert high_watermark <= self.log.end_offset, "what is not here cannot be committed"
        for batch in self.log.batches:
            if self.applied_offset <= batch.base_offset and batch.last_offset < high_watermark:
                self.digest = digest_after(self.digest, batch.data)
                self.applied_offset = batch.last_offset + 1
                self.world.checker.applied(self, self.quorum.epoch)
        self.world.checker.high_watermark(self, high_watermark)

    def take_snapshot(self) -> None:
        """Of what is applied; what it contains may go from the log."""
        if self.applied_offset <= self.log.start_offset:
            return
        epoch = next(batch.epoch for batch in self.log.batches if batch.last_offset == self.applied_offset - 1)
        snapshot_id = SnapshotId(self.applied_offset, epoch)
        if snapshot_id in self.snapshots.contents:
            return
        kraft_version, voters = self.quorum.history.before(snapshot_id.end_offset)
        pieces = write_snapshot(
            snapshot_id,
            [self.digest],
            last_contained_timestamp_ms=0,
            now_ms=0,
            kraft_version=kraft_version,
            voters=voters,
        )
        self.snapshots.contents[snapshot_id] = b"".join(pieces)
        self.world.snapshots += 1
        if self.world.random.random() < 0.7:  # the log before it goes, and older snapshots
            for old in [one for one in self.snapshots.contents if one < snapshot_id]:
                del self.snapshots.contents[old]
            self.log.batches = [one for one in self.log.batches if one.base_offset >= snapshot_id.end_offset]
            self.log.synced = [one for one in self.log.synced if one.base_offset >= snapshot_id.end_offset]
            self.log.start_offset = snapshot_id.end_offset
            self.quorum.log_starts_at(snapshot_id)
