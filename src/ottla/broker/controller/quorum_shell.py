"""`__cluster_metadata-0` on this node, in whatever role: only voter, voter, or observer. One thread, no locks.

    requests, answers ─┐                     ┌─► log, `quorum-state`, snapshots ── sync, in a thread, shared
    time              ─┼─► RaftQuorum ─ effects ─► RaftTransport, replies
    append (leader)   ─┘                     └─► high watermark ─► CommittedMetadata ─► (delta, image) to subscribers

It executes the effects of consensus, in order, and then does what follows from them: publishes what is committed, tells
the controller of this node that it leads (once it has replayed all that came before its epoch) or leads no more, and
sets the timer. An error of the disk, or a history that contradicts what was committed, ends it: `on_failure` is told.
A sole voter starts synchronously, and needs neither transport nor timers. KIP-500, 595, 630, 853; `KafkaRaftManager`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol

from ottla.broker.controller.committed_metadata import Appended, CommittedMetadata, Subscriber
from ottla.broker.controller.loading import load_metadata, newest_snapshot
from ottla.broker.controller.metadata_log import MetadataLog
from ottla.broker.controller.poll_timer import PollTimer
from ottla.broker.controller.quorum_files import QuorumFiles
from ottla.broker.controller.settings import QuorumSettings
from ottla.broker.controller.snapshots import Snapshots
from ottla.broker.storage_format import CLUSTER_METADATA_DIRECTORY
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.metadata.loader import MetadataLoader
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch, BecameLeader, Effect, StoreElection
from ottla.raft.quorum import RaftQuorum
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.settings import Address
from ottla.raft.state import Leader, Now, RaftError
from ottla.raft.voter_set import ReplicaKey
from ottla.runtime.files import FileSystem
from ottla.runtime.time import Clock, Timers

if TYPE_CHECKING:
    from ottla.broker.controller.quorum_network import QuorumNetwork, RaftTransport
    from ottla.log.log import Log
    from ottla.protocol.message import Request, Response

RunBlocking = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a function that blocks where it does not hold up the loop (`asyncio.to_thread`)."""
LeaderSubscriber = Callable[[int, int], None]

MAX_POLLS = 10
"""In one go, without anything happening; then the loop gets its turn."""
HAND_OVER_TIMEOUT_MS = 5_000.0
"""How long a leader that stops waits for another one."""
NOBODY = -1


class LocalController(Protocol):
    """The controller of this node, as the quorum calls it."""

    def leading(self, epoch: int) -> None:
        """Everything before this epoch is replayed: decide."""
        ...

    def leads_no_more(self) -> None: ...

    def committed(self, offset: int) -> None:
        """Everything below `offset` is committed and published."""
        ...

    def failed(self, error: Exception) -> None: ...


class QuorumShell:
    def __init__(
        self,
        settings: QuorumSettings,
        *,
        files: FileSystem,
        clock: Clock,
        timers: Timers,
        random: Random,
        run_blocking: RunBlocking = asyncio.to_thread,
        on_failure: Callable[[Exception], None] | None = None,
        transport: "RaftTransport | None" = None,
    ) -> None:
        self.settings = settings
        self.files = files
        self.local = ReplicaKey(settings.node_id, settings.directory_id)
        self.controller: LocalController | None = None
        """Of this node, if it has that role; before `start`."""
        self._clock = clock
        self._timers = timers
        self._random = random
        self._run_blocking = run_blocking
        self._on_failure = on_failure
        self._transport = transport
        self._network: QuorumNetwork | None = None
        self._directory = settings.metadata_directory / CLUSTER_METADATA_DIRECTORY
        self._quorum_files = QuorumFiles(files, self._directory)
        self._leader_subscribers: list[LeaderSubscriber] = []
        self._told_leader = (NOBODY, -1)
        self._led_epoch: int | None = None
        """The epoch that the controller was told to lead."""
        self._sync_task: asyncio.Task[None] | None = None
        self._sync_limit = 0
        self._snapshot_task: asyncio.Task[None] | None = None
        self._poll_timer = PollTimer(clock, timers, lambda: self._event(self._quorum.poll))
        self._is_settling = False
        self._may_stop: asyncio.Event | None = None
        self._failure: Exception | None = None
        self._closed = False
        # Made by `start`.
        self._log: MetadataLog
        self._quorum: RaftQuorum
        self._snapshots: Snapshots
        self._committed: CommittedMetadata

    # ── what is known ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def image(self) -> MetadataImage:
        """The committed metadata, as last published."""
        return self._committed.image

    @property
    def raft(self) -> RaftQuorum:
        """To look at; events go through this shell."""
        return self._quorum

    @property
    def log(self) -> "Log":
        """To look at."""
        return self._log.log

    @property
    def leader_id(self) -> int:
        """-1: not known."""
        return self._quorum.leader_id

    @property
    def leader_epoch(self) -> int:
        return self._quorum.epoch

    def leader_endpoint(self) -> Address | None:
        """Where the leader's controller listens, if both are known."""
        return self._quorum.leader_endpoint

    @property
    def history(self) -> QuorumHistory:
        """Voters and `kraft.version`."""
        return self._quorum.history

    @property
    def is_sole_voter(self) -> bool:
        return self._quorum.history.voters.is_only(self.local)

    @property
    def majority_is_gone(self) -> bool:
        """At the addresses of so many voters nobody listens that nothing can be decided."""
        if self._network is None:
            return False
        voters, name, gone = list(self.history.voters), self.settings.listener_name, self._network.gone
        return 2 * sum(voter.endpoints.get(name) in gone for voter in voters) >= len(voters)

    @property
    def high_watermark(self) -> int:
        return self._quorum.high_watermark

    @property
    def applied_offset(self) -> int:
        """Everything below it is in the image."""
        return self._committed.next_offset

    @property
    def log_end_offset(self) -> int:
        """After everything that was appended, committed or not."""
        return self._quorum.log_end_offset

    @property
    def failure(self) -> Exception | None:
        return self._failure

    def subscribe(self, subscriber: Subscriber) -> None:
        """Called at once with (a delta that makes the image out of nothing, the image), then at every commit."""
        self._committed.subscribe(subscriber)

    def on_leader_changed(self, subscriber: LeaderSubscriber) -> None:
        """Called with (leader id, epoch) whenever that changes; -1: nobody is known to lead."""
        self._leader_subscribers.append(subscriber)

    # ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, *, clean: bool = False) -> None:
        """Load, and take part; blocking. A sole voter leads when it returns, and all it had in its log is replayed.

        `clean`: the last run closed its log. Raises `RaftLogError`, `QuorumStateError`, `MetadataError`, `RaftError` or
        `OSError`: the directory cannot be run on.
        """
        settings, now_ms = self.settings, self._clock.now_ms()
        self.files.make_directory(self._directory)
        self._quorum_files.remove_unfinished()
        snapshot = newest_snapshot(self._quorum_files)
        snapshot_end = 0 if snapshot is None else snapshot[0].end_offset
        self._log = MetadataLog.open(
            self.files, self._directory, settings, clean=clean, recovery_point=snapshot_end, now_ms=now_ms
        )
        if self._log.end_offset < snapshot_end:
            self._log.start_at(snapshot_end, now_ms)
        loaded = load_metadata(self._log, snapshot, settings.static_voters)
        if not len(loaded.history.voters) and not settings.bootstrap_servers:
            raise RaftError("nobody votes, and nobody can be asked: set controller.quorum.bootstrap.servers")
        self._snapshots = Snapshots(settings, self._quorum_files, self._log)
        if loaded.history.voters.is_only(self.local):
            self._committed = CommittedMetadata(self._log, loaded.loader, self._log.end_offset)
            if loaded.bytes_since_snapshot:
                self._snapshots.count(loaded.bytes_since_snapshot, now_ms)
        else:
            self._committed = CommittedMetadata(
                self._log, MetadataLoader(loaded.snapshot_image), max(loaded.snapshot_end, self._log.start_offset)
            )
        self._committed.counted = self._snapshots.count
        self._quorum = RaftQuorum(
            self.local,
            loaded.history,
            settings=settings.of_raft(),
            log=self._log,
            snapshots=self._quorum_files,
            random=self._random,
            stored_election=self._quorum_files.load_election(),
        )
        self._execute(self._quorum.start(self.now()))
        self._settle()

    def now(self) -> Now:
        return Now(self._clock.monotonic_ms(), self._clock.now_ms())

    async def close(self) -> None:
        """Hand over if this node leads others; then close the log."""
        if not self._closed and self._failure is None and not self.is_sole_voter:
            await self._hand_over()
        self._closed = True
        self._poll_timer.cancel()
        if self._network is not None:
            self._network.close()
        for task in (self._snapshot_task, self._sync_task):
            if task is not None:
                await task
        if self._failure is None:
            self._log.sync()
            if self.is_sole_voter and self._quorum.is_leader:
                self.commit_now()
        self._log.close()

    async def _hand_over(self) -> None:
        self._event(self._quorum.shut_down)
        if self._quorum.may_stop:
            return
        self._may_stop = stopping = asyncio.Event()
        timer = self._timers.call_later(HAND_OVER_TIMEOUT_MS, stopping.set)
        await stopping.wait()
        timer.cancel()

    # ── what a leader does ─────────────────────────────────────────────────────────────────────────────────────────

    def append(self, values: Sequence[bytes]) -> int:
        """One batch; its last offset. `RaftError` unless this node leads, and goes on to; `ValueError`, `OSError`."""
        epoch = self._quorum.epoch
        effects = self._quorum.append(values, self.now())
        last_offset = self._quorum.log_end_offset - 1
        try:
            self._execute(effects)
        except OSError as error:
            self._fail(error)
            raise
        if not self._quorum.is_leader or self._quorum.epoch != epoch:  # it was time to resign
            self._settle()
            raise RaftError("this node ceased to lead while it appended: its successor decides what becomes of that")
        return last_offset

    def upgrade_kraft_version(self, level: int) -> None:
        """Appended, when it returns: from static voters to voters in the log. `KafkaError` if that cannot be."""
        try:
            self._execute(self._quorum.upgrade_kraft_version(level, self.now()))
        except RaftError as error:
            raise KafkaError(ErrorCode.INVALID_UPDATE_VERSION, str(error)) from None
        self._settle()

    def replayed(self, delta: MetadataDelta | None, image: MetadataImage) -> None:
        """What the batch that was appended last leads to: shown when it is committed."""
        self._committed.replayed(delta, image)
        self._settle()

    def loader(self) -> MetadataLoader:
        """Of what is committed: its image, and whether a metadata transaction is open."""
        return self._committed.loader()

    def commit_now(self) -> None:
        """Sync on this thread, and commit everything that was appended: of a sole voter."""
        self._log.sync()
        self._execute(self._quorum.log_synced(self._quorum.log_end_offset, self.now()))
        self._settle()

    def sync_soon(self) -> None:
        """What was appended reaches the disk, and consensus is told; all that comes meanwhile shares the next sync."""
        if self._sync_task is None and self._quorum.synced_offset < self._quorum.log_end_offset and not self._closed:
            self._sync_task = asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        try:
            while self._failure is None and self._quorum.synced_offset < self._quorum.log_end_offset:
                self._sync_limit = self._quorum.log_end_offset
                pending = self._log.prepare_sync()
                if pending is not None:
                    await self._run_blocking(pending.sync)
                    pending.complete()
                self._execute(self._quorum.log_synced(self._sync_limit, self.now()))
                self._settle()
                self._snapshot_if_due()
        except Exception as error:
            self._fail(error)
        finally:
            self._sync_task = None

    # ── events from outside ────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, request: "Request", api_version: int, listener: str) -> "asyncio.Future[Response]":
        """A request to the quorum, of another replica or of an administrator. Cancel it when whoever asked is gone."""
        return self._peers().ask(request, api_version, listener)

    def event(self, event: Callable[[Now], Sequence[Effect]]) -> None:
        """Let consensus know, and do what it says."""
        self._event(event)

    def _event(self, event: Callable[[Now], Sequence[Effect]]) -> None:
        if self._failure is not None or self._closed:
            return
        try:
            self._execute(event(self.now()))
            self._settle()
            self._snapshot_if_due()
            self.sync_soon()
        except Exception as error:
            self._fail(error)

    # ── effects of consensus ───────────────────────────────────────────────────────────────────────────────────────

    def _execute(self, effects: Sequence[Effect]) -> None:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            match effect:
                case AppendBatch():
                    self._log.append(effect.batch, epoch=effect.epoch, now_ms=effect.timestamp_ms)
                    if self._quorum.is_leader and effect.epoch == self._quorum.epoch:
                        size = len(effect.batch)
                        self._committed.appended(
                            Appended(effect.base_offset, effect.last_offset, size, effect.timestamp_ms)
                        )
                case StoreElection():
                    history = self._quorum.history
                    content = effect.election.to_json(history.kraft_version, history.voters.node_ids)
                    self._quorum_files.store_election(content)
                case AdvanceHighWatermark():
                    self._log.committed(effect.offset)
                case BecameLeader():
                    pass  # `_settle` sees it, and whether all before it is replayed
                case _:
                    queue.extendleft(reversed(self._peers().execute(effect)))

    def _peers(self) -> "QuorumNetwork":
        """What only a quorum of several needs."""
        if self._network is None:
            from ottla.broker.controller.quorum_network import QuorumNetwork

            self._network = QuorumNetwork(self, self._quorum_files, self._transport)
        return self._network

    def truncate(self, offset: int) -> None:
        self._sync_limit = min(self._sync_limit, offset)
        self._log.truncate_to(offset, self._clock.now_ms())

    def leader_changed(self) -> None:
        """Somebody else leads, or nobody: what this node appended as leader may go."""
        self._committed.forget_appended()
        if self._led_epoch is not None:
            self._led_epoch = None
            if self.controller is not None:
                self.controller.leads_no_more()

    def installed(self, image: MetadataImage, end_offset: int) -> None:
        """A snapshot that is durable takes the place of the log."""
        self._sync_limit = 0
        self._log.start_at(end_offset, self._clock.now_ms())
        self._committed.install(image, end_offset)

    # ── what follows ───────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        """Publish, tell who leads, poll what is due; whoever hears of it may cause further events meanwhile."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            for _ in range(MAX_POLLS):
                is_done = self._publish()
                self._tell_controller()
                now = self.now()
                if self._quorum.next_poll_ms > now.monotonic_ms:
                    break
                self._execute(self._quorum.poll(now))
        finally:
            self._is_settling = False
        self._tell_leader()
        if self._may_stop is not None and self._quorum.may_stop:
            self._may_stop.set()
        if not self._closed:
            self._poll_timer.set(0.0 if not is_done else self._quorum.next_poll_ms - self._clock.monotonic_ms())

    def _publish(self) -> bool:
        before = self._committed.next_offset
        is_done = self._committed.advance(self._quorum.high_watermark)
        if self.controller is not None and self._committed.next_offset > before:
            self.controller.committed(self._committed.next_offset)
        return is_done

    def _tell_controller(self) -> None:
        role = self._quorum.role
        if self.controller is None or not isinstance(role, Leader) or self._led_epoch == self._quorum.epoch:
            return
        start, replayed = role.epoch_start_offset, self._committed.next_offset
        if replayed > start or (self.is_sole_voter and replayed == start):
            self._led_epoch = self._quorum.epoch
            self.controller.leading(self._quorum.epoch)

    def _tell_leader(self) -> None:
        leader = (self._quorum.leader_id, self._quorum.epoch)
        if leader != self._told_leader:
            self._told_leader = leader
            for subscriber in self._leader_subscribers:
                subscriber(*leader)

    def _fail(self, error: Exception) -> None:
        if self._failure is not None:
            return
        self._failure = error
        if self.controller is not None:
            self.controller.failed(error)
        if self._on_failure is not None:
            self._on_failure(error)

    # ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _snapshot_if_due(self) -> None:
        if self._snapshot_task is None and not self._closed and self._snapshots.due(self._clock.now_ms()):
            self._snapshot_task = asyncio.get_running_loop().create_task(self._write_snapshot())

    async def _write_snapshot(self) -> None:
        """Of the committed image; written in a thread, for the image does not change."""
        image, now_ms = self._committed.image, self._clock.now_ms()
        kraft_version, voters = self._quorum.history.before(image.offset + 1)
        try:
            self._snapshots.begin()
            if image is not EMPTY_IMAGE:
                await self._run_blocking(lambda: self._snapshots.write(image, kraft_version, voters, now_ms))
                start = self._snapshots.clean(now_ms)
                if start is not None:
                    self._quorum.log_starts_at(start)
        except Exception as error:
            self._fail(error)
        finally:
            self._snapshot_task = None
