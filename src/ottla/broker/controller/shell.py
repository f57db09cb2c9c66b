"""The active controller: decisions in, committed metadata out. One thread, no locks.

    submit ─► decide (against everything appended) ─► QuorumShell appends ─► replay into the next image
                                                              │
                  publish (delta, image), answer ◄─ commit ◄─ sync, and a majority of the voters

A node with the controller role has one; it is active between the moment when the quorum says that it leads, everything
before being replayed, and the loss of leadership. Decisions see what was appended before them, committed or not;
subscribers and answers wait for the commit. When leadership is lost, what was not committed is thrown away, and who
waits is told NOT_CONTROLLER. KIP-500, 631; Kafka's `QuorumController`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from ottla.broker.controller.by_time import ByTime
from ottla.broker.controller.committed_metadata import Subscriber
from ottla.broker.controller.quorum_shell import QuorumShell
from ottla.broker.controller.settings import ControllerSettings
from ottla.broker.storage_format import BOOTSTRAP_CHECKPOINT
from ottla.log.checkpoint import read_whole
from ottla.metadata.controller.bootstrap import activate, default_bootstrap_records
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.controllers import register_controller
from ottla.metadata.controller.heartbeats import BrokerHeartbeats
from ottla.metadata.controller.result import ControllerResult, ControllerView, Decision
from ottla.metadata.image import MetadataImage
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import VersionedRecord, decode_record, encode_record
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.snapshot import read_snapshot
from ottla.raft.state import RaftError
from ottla.runtime.time import Clock, Timers

T = TypeVar("T")


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
        quorum: QuorumShell,
        *,
        clock: Clock,
        timers: Timers,
        random: Random,
    ) -> None:
        self.settings = settings
        self.schema = schema
        self.quorum = quorum
        self.heartbeats = BrokerHeartbeats(settings.session_timeout_ms)
        self.is_active = False
        self._clock = clock
        self._random = random
        self._loader = MetadataLoader()
        """Of everything appended, while active."""
        self._waiting: deque[_Waiting] = deque()
        self._by_time = ByTime(self, settings, clock, timers)
        self._closed = False
        quorum.controller = self

    # ── what is known: the quorum's ────────────────────────────────────────────────────────────────────────────────

    @property
    def image(self) -> MetadataImage:
        """The committed image, as last published."""
        return self.quorum.image

    @property
    def leader_epoch(self) -> int:
        return self.quorum.leader_epoch

    @property
    def history(self) -> QuorumHistory:
        """Voters and `kraft.version`."""
        return self.quorum.history

    @property
    def high_watermark(self) -> int:
        return self.quorum.high_watermark

    @property
    def log_end_offset(self) -> int:
        return self.quorum.log_end_offset

    def subscribe(self, subscriber: Subscriber) -> None:
        self.quorum.subscribe(subscriber)

    # ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, *, clean: bool = False) -> None:
        """Start the quorum. A sole voter leads when it returns; what a fresh cluster needs is committed then.

        Raises what `QuorumShell.start` raises.
        """
        self.quorum.start(clean=clean)
        if self.is_active:
            self.quorum.commit_now()

    async def close(self) -> None:
        """Commit what was appended, or hand over; then close the log. No decision is taken any more."""
        self._closed = True
        self._by_time.stop()
        await self.quorum.close()
        self._fail_waiting(KafkaError(ErrorCode.NOT_CONTROLLER, "The controller has stopped"))

    # ── the quorum's word ──────────────────────────────────────────────────────────────────────────────────────────

    def leading(self, epoch: int) -> None:
        self._loader = self.quorum.loader().copy()
        self.is_active = True
        self.heartbeats.activate(self._loader.image, self._clock.monotonic_ms())
        bootstrap, in_transaction = self._bootstrap_records(), self._loader.in_transaction
        min_isr = self.settings.min_insync_replicas
        endpoints = self.quorum.settings.controller_endpoints
        node_id = self.quorum.settings.node_id
        try:
            self._decide(lambda view: activate(view, bootstrap, min_isr, in_transaction=in_transaction))
            self._decide(lambda view: register_controller(view, node_id, self.settings.incarnation_id, endpoints))
        except RaftError:
            return  # the time to resign came before it had begun: `leads_no_more` was said
        self._by_time.start()

    def leads_no_more(self) -> None:
        self.is_active = False
        self.heartbeats.deactivate()
        self._by_time.stop()
        self._fail_waiting(KafkaError(ErrorCode.NOT_CONTROLLER, "This node is not the active controller any more"))

    def committed(self, offset: int) -> None:
        while self._waiting and self._waiting[0].end_offset <= offset:
            self._waiting.popleft().answer()

    def failed(self, error: Exception) -> None:
        self._fail_waiting(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"The metadata log has failed: {error}"))

    def _fail_waiting(self, error: KafkaError) -> None:
        while self._waiting:
            self._waiting.popleft().fail(error)

    def _bootstrap_records(self) -> Sequence[VersionedRecord]:
        if self.quorum.image.features.metadata_version:
            return ()
        content = read_whole(self.quorum.files, self.quorum.settings.metadata_directory / BOOTSTRAP_CHECKPOINT)
        if content is None:
            return default_bootstrap_records()
        return [VersionedRecord(decode_record(value)) for value in read_snapshot(content).values]

    # ── decisions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, decision: Decision[T]) -> "asyncio.Future[T]":
        """Decide now, append, and answer when committed and published. Raises nothing: errors are the future's.

        What was submitted in one turn of the loop, or while the disk was busy, shares one sync.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            response = self._decide(decision)
        except (KafkaError, OSError, ValueError, RaftError) as error:
            future.set_exception(_as_kafka_error(error))
            return future

        def answer() -> None:
            if not future.done():
                future.set_result(response)

        def fail(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        quorum = self.quorum
        if quorum.applied_offset >= quorum.log_end_offset:
            answer()
            return future
        self._waiting.append(_Waiting(quorum.log_end_offset, answer, fail))
        quorum.sync_soon()
        return future

    def decide_now(self, decision: Decision[T]) -> T:
        """Decide, append, sync, commit and publish before returning: for the start of a sole voter."""
        response = self._decide(decision)
        self.quorum.commit_now()
        return response

    def _decide(self, decision: Decision[T]) -> T:
        if self.quorum.failure is not None or self._closed:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "The controller has stopped")
        if not self.is_active:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "This node is not the active controller")
        result: ControllerResult[T] = decision(self._view())
        for records in result.batches():
            self._append(records)
        return result.response

    def _view(self) -> ControllerView:
        return ControllerView(
            image=self._loader.image,
            next_offset=self.quorum.log_end_offset,
            now_ms=self._clock.now_ms(),
            monotonic_ms=self._clock.monotonic_ms(),
            random=self._random,
        )

    def _append(self, records: Sequence[VersionedRecord]) -> None:
        quorum = self.quorum
        last_offset = quorum.append([encode_record(record) for record in records])
        self._loader.take([record.record for record in records], last_offset)
        delta = self._loader.publish(epoch=quorum.leader_epoch, timestamp_ms=self._clock.now_ms())
        quorum.replayed(delta, self._loader.image)


def _as_kafka_error(error: Exception) -> KafkaError:
    if isinstance(error, KafkaError):
        return error
    if isinstance(error, OSError):
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"The metadata log has failed: {error}")
    if isinstance(error, RaftError):
        return KafkaError(ErrorCode.NOT_CONTROLLER, str(error))
    return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error))
