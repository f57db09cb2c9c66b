"""The running controller: decisions in, committed metadata out. One thread, no locks.

    submit ─► decide (against everything appended) ─► raft appends ─► replay into the next image
                                                          │
                  publish (delta, image), answer ◄─ commit ◄─ sync, in a thread, shared by all that came meanwhile

Decisions see what was appended before them, committed or not; subscribers and answers wait for the commit. An error of
the disk ends the controller: `on_failure` is told once, and every later decision fails. KIP-500, 595, 631;
Kafka's `QuorumController` and `MetadataLoader`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from ottla.broker.controller.loading import load_metadata, newest_snapshot
from ottla.broker.controller.metadata_log import MetadataLog
from ottla.broker.controller.quorum_files import QuorumFiles
from ottla.broker.controller.settings import ControllerSettings
from ottla.broker.controller.snapshots import Snapshots
from ottla.broker.storage_format import BOOTSTRAP_CHECKPOINT, CLUSTER_METADATA_DIRECTORY
from ottla.log.checkpoint import read_whole
from ottla.metadata.controller.bootstrap import activate, default_bootstrap_records
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.controllers import register_controller
from ottla.metadata.controller.result import ControllerResult, ControllerView, Decision
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import VersionedRecord, decode_record, encode_record
from ottla.metadata.snapshot_records import snapshot_records
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.abort_transaction_record import AbortTransactionRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch, BecameLeader, Effect, StoreElection
from ottla.raft.quorum import RaftQuorum
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.settings import RaftSettings
from ottla.raft.snapshot import read_snapshot
from ottla.raft.state import Now, RaftError
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet
from ottla.runtime.files import FileSystem
from ottla.runtime.time import Clock, Timer, Timers

T = TypeVar("T")

Subscriber = Callable[[MetadataDelta, MetadataImage], None]
RunBlocking = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a function that blocks where it does not hold up the loop (`asyncio.to_thread`)."""


@dataclass(slots=True)
class _Uncommitted:
    """One batch that was appended: what to publish and whom to answer once it is committed."""

    last_offset: int
    size: int
    timestamp_ms: int
    delta: MetadataDelta | None
    image: MetadataImage


@dataclass(slots=True)
class _Waiting:
    end_offset: int
    """Answer when everything below is committed."""
    answer: Callable[[], None]
    fail: Callable[[Exception], None]


class ControllerShell:
    def __init__(
        self,
        settings: ControllerSettings,
        schema: ConfigSchema,
        *,
        files: FileSystem,
        clock: Clock,
        timers: Timers,
        random: Random,
        run_blocking: RunBlocking = asyncio.to_thread,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self.settings = settings
        self.schema = schema
        self._files = files
        self._clock = clock
        self._timers = timers
        self._random = random
        self._run_blocking = run_blocking
        self._on_failure = on_failure
        self._directory = settings.metadata_directory / CLUSTER_METADATA_DIRECTORY
        self._quorum_files = QuorumFiles(files, self._directory)
        self._image = EMPTY_IMAGE
        self._loader = MetadataLoader()
        self._subscribers: list[Subscriber] = []
        self._uncommitted: deque[_Uncommitted] = deque()
        self._waiting: deque[_Waiting] = deque()
        self._sync_task: asyncio.Task[None] | None = None
        self._snapshot_task: asyncio.Task[None] | None = None
        self._no_op_timer: Timer | None = None
        self._failure: Exception | None = None
        self._closed = False
        # Made by `start`.
        self._log: MetadataLog
        self._quorum: RaftQuorum
        self._snapshots: Snapshots

    # ── what is known ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def image(self) -> MetadataImage:
        """The committed image, as last published."""
        return self._image

    @property
    def leader_epoch(self) -> int:
        return self._quorum.epoch

    @property
    def history(self) -> QuorumHistory:
        """Voters and `kraft.version`."""
        return self._quorum.history

    @property
    def high_watermark(self) -> int:
        return self._quorum.high_watermark

    @property
    def log_end_offset(self) -> int:
        """After everything that was appended, committed or not."""
        return self._quorum.log_end_offset

    def subscribe(self, subscriber: Subscriber) -> None:
        """Called at once with (a delta that makes the image out of nothing, the image), then at every commit."""
        self._subscribers.append(subscriber)
        if self._image is not EMPTY_IMAGE:
            delta = MetadataDelta(EMPTY_IMAGE)
            for versioned in snapshot_records(self._image):
                delta.replay(versioned.record)
            subscriber(delta, self._image)

    # ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, *, clean: bool = False) -> None:
        """Load, lead, write what a fresh cluster needs; blocking. When it returns, all of that is committed.

        `clean`: the last run closed its log. Raises `RaftLogError`, `QuorumStateError`, `MetadataError`, `RaftError` or
        `OSError`: the directory cannot be run on.
        """
        now_ms = self._clock.now_ms()
        self._files.make_directory(self._directory)
        self._quorum_files.remove_unfinished()
        snapshot = newest_snapshot(self._quorum_files)
        snapshot_end = 0 if snapshot is None else snapshot[0].end_offset
        self._log = MetadataLog.open(
            self._files, self._directory, self.settings, clean=clean, recovery_point=snapshot_end, now_ms=now_ms
        )
        if self._log.end_offset < snapshot_end:
            self._log.start_at(snapshot_end, now_ms)
        loaded = load_metadata(self._log, snapshot, self._static_voters())
        self._loader = loaded.loader
        self._snapshots = Snapshots(self.settings, self._quorum_files, self._log)
        if loaded.bytes_since_snapshot:
            self._snapshots.count(loaded.bytes_since_snapshot, now_ms)
        self._quorum = RaftQuorum(
            ReplicaKey(self.settings.node_id, self.settings.directory_id),
            loaded.history,
            settings=RaftSettings(cluster_id=self.settings.cluster_id),
            log=self._log,
            snapshots=self._quorum_files,
            random=self._random,
            stored_election=self._quorum_files.load_election(),
        )
        self._image = self._loader.image
        self._check_alone(loaded.history.voters)
        self._execute(self._quorum.start(self._now()))
        self._activate()
        self.commit_now()
        self._schedule_no_op()

    def _check_alone(self, voters: VoterSet) -> None:
        """`RaftError` unless this node is the only voter: there is no network between controllers yet."""
        local = ReplicaKey(self.settings.node_id, self.settings.directory_id)
        if local not in voters:
            raise RaftError(f"node {local.node_id} with this directory is not among the voters {voters.node_ids}")
        if not voters.is_only(local):
            raise RaftError(f"a quorum of {len(voters)} voters: one is what this version can run")

    def _now(self) -> Now:
        return Now(self._clock.monotonic_ms(), self._clock.now_ms())

    def _activate(self) -> None:
        if self._loader.in_transaction:
            self._append([VersionedRecord(AbortTransactionRecord(reason="The controller was restarted"))])
        bootstrap = self._bootstrap_records()
        self._decide(lambda view: activate(view, bootstrap, self.settings.min_insync_replicas))
        self._decide(
            lambda view: register_controller(
                view, self.settings.node_id, self.settings.incarnation_id, self.settings.controller_endpoints
            )
        )

    def _bootstrap_records(self) -> Sequence[VersionedRecord]:
        content = read_whole(self._files, self.settings.metadata_directory / BOOTSTRAP_CHECKPOINT)
        if content is None:
            return default_bootstrap_records()
        return [VersionedRecord(decode_record(value)) for value in read_snapshot(content).values]

    def _static_voters(self) -> VoterSet:
        """Who votes where nothing says otherwise: this node."""
        return VoterSet(
            (
                VoterNode(
                    ReplicaKey(self.settings.node_id, self.settings.directory_id),
                    {e.listener_name: (e.host, e.port) for e in self.settings.controller_endpoints},
                ),
            )
        )

    async def close(self) -> None:
        """Commit what was appended, then close the log. No decision is taken any more."""
        self._closed = True
        if self._no_op_timer is not None:
            self._no_op_timer.cancel()
        for task in (self._snapshot_task, self._sync_task):
            if task is not None:
                await task
        if self._failure is None:
            self.commit_now()
        self._log.close()

    # ── decisions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, decision: Decision[T]) -> "asyncio.Future[T]":
        """Decide now, append, and answer when committed and published. Raises nothing: errors are the future's.

        What was submitted in one turn of the loop, or while the disk was busy, shares one sync.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            response = self._decide(decision)
        except (KafkaError, OSError, ValueError) as error:
            future.set_exception(_as_kafka_error(error))
            return future

        def answer() -> None:
            if not future.done():
                future.set_result(response)

        def fail(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        if self._quorum.high_watermark >= self._quorum.log_end_offset:
            answer()
            return future
        self._waiting.append(_Waiting(self._quorum.log_end_offset, answer, fail))
        if self._sync_task is None:
            self._sync_task = asyncio.get_running_loop().create_task(self._sync())
        return future

    def decide_now(self, decision: Decision[T]) -> T:
        """Decide, append, sync, commit and publish before returning: for a node's start, when nobody waits yet."""
        response = self._decide(decision)
        self.commit_now()
        return response

    def _decide(self, decision: Decision[T]) -> T:
        if self._failure is not None or self._closed:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "The controller has stopped")
        result: ControllerResult[T] = decision(self._view())
        if result.records:
            self._append(result.records)
        return result.response

    def _view(self) -> ControllerView:
        return ControllerView(
            image=self._loader.image,
            next_offset=self._quorum.log_end_offset,
            now_ms=self._clock.now_ms(),
            random=self._random,
        )

    def _append(self, records: Sequence[VersionedRecord]) -> None:
        now = self._now()
        effects = self._quorum.append([encode_record(record) for record in records], now)
        self._execute(effects)
        last_offset = self._quorum.log_end_offset - 1
        self._loader.take([record.record for record in records], last_offset)
        delta = self._loader.publish(epoch=self._quorum.epoch, timestamp_ms=now.wall_ms)
        size = sum(len(effect.batch) for effect in effects if isinstance(effect, AppendBatch))
        self._uncommitted.append(_Uncommitted(last_offset, size, now.wall_ms, delta, self._loader.image))

    # ── effects of consensus ───────────────────────────────────────────────────────────────────────────────────────

    def _execute(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case AppendBatch():
                    try:
                        self._log.append(effect.batch, epoch=effect.epoch, now_ms=effect.timestamp_ms)
                    except OSError as error:
                        self._fail(error)
                        raise
                case StoreElection():
                    history = self._quorum.history
                    content = effect.election.to_json(history.kraft_version, history.voters.node_ids)
                    self._quorum_files.store_election(content)
                case AdvanceHighWatermark():
                    self._log.committed(effect.offset)
                    self._commit(effect.offset)
                case BecameLeader():
                    pass  # decisions are taken from here on; there is nobody to tell yet
                case _:
                    raise RaftError(f"a single voter has no use for {type(effect).__name__}")

    def commit_now(self) -> None:
        """Sync on this thread and commit everything that was appended."""
        self._log.sync()
        self._execute(self._quorum.log_synced(self._quorum.log_end_offset, self._now()))

    async def _sync(self) -> None:
        try:
            while self._quorum.high_watermark < self._quorum.log_end_offset:
                end_offset = self._quorum.log_end_offset
                pending = self._log.prepare_sync()
                if pending is not None:
                    await self._run_blocking(pending.sync)
                    pending.complete()
                self._execute(self._quorum.log_synced(end_offset, self._now()))
        except Exception as error:
            self._fail(error)
        finally:
            self._sync_task = None

    def _commit(self, high_watermark: int) -> None:
        while self._uncommitted and self._uncommitted[0].last_offset < high_watermark:
            batch = self._uncommitted.popleft()
            self._snapshots.count(batch.size, batch.timestamp_ms)
            self._image = batch.image
            if batch.delta is not None:
                for subscriber in self._subscribers:
                    subscriber(batch.delta, batch.image)
        while self._waiting and self._waiting[0].end_offset <= high_watermark:
            self._waiting.popleft().answer()

    def _fail(self, error: Exception) -> None:
        if self._failure is not None:
            return
        self._failure = error
        for waiting in self._waiting:
            waiting.fail(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"The metadata log has failed: {error}"))
        self._waiting.clear()
        if self._on_failure is not None:
            self._on_failure(error)

    # ── what happens by itself ─────────────────────────────────────────────────────────────────────────────────────

    def _schedule_no_op(self) -> None:
        if self.settings.max_idle_interval_ms:
            self._no_op_timer = self._timers.call_later(self.settings.max_idle_interval_ms, self._write_no_op)

    def _write_no_op(self) -> None:
        """A record so that followers and observers see time pass (KIP-835); and a look whether a snapshot is due."""
        if self._closed or self._failure is not None:
            return
        self.submit(_no_op).add_done_callback(lambda done: done.exception())
        if self._snapshot_task is None and self._snapshots.due(self._clock.now_ms()):
            self._snapshot_task = asyncio.get_running_loop().create_task(self._write_snapshot())
        self._schedule_no_op()

    async def _write_snapshot(self) -> None:
        """Of the committed image; written in a thread, for the image does not change."""
        image, now_ms = self._image, self._clock.now_ms()
        kraft_version, voters = self._quorum.history.before(image.offset + 1)
        try:
            self._snapshots.begin()
            await self._run_blocking(lambda: self._snapshots.write(image, kraft_version, voters, now_ms))
            start = self._snapshots.clean(now_ms)
            if start is not None:
                self._quorum.log_starts_at(start)
        except Exception as error:
            self._fail(error)
        finally:
            self._snapshot_task = None


def _no_op(view: ControllerView) -> ControllerResult[None]:
    return ControllerResult([VersionedRecord(NoOpRecord())], None)


def _as_kafka_error(error: Exception) -> KafkaError:
    if isinstance(error, KafkaError):
        return error
    if isinstance(error, OSError):
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"The metadata log has failed: {error}")
    return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error))
