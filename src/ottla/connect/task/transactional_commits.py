"""Records and offsets of a source in one transaction: exactly once (KIP-618, `ExactlyOnceWorkerSourceTask`).

    fence who had the task before ─► begin with its transactional id ─► is it still this task's turn? ─► read offsets
    ─► records … ─► [poll | interval | connector says so]: offsets, commit ─► records …

Whatever goes wrong with a transaction ends the task. The next one aborts what it left open, and goes on at the offsets
that were committed. `read_committed` readers see each record once.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime.exactly_once import TransactionBoundary
from ottla.connect.store.json_text import encode_json
from ottla.connect.store.source_partition import partition_identity
from ottla.connect.task.clients import import_confluent
from ottla.connect.task.measures import TRANSACTION_SIZE
from ottla.connect.task.transaction_context import SourceTransactionContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import RecordMetadata, SourceTask
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.channel import Channel
    from ottla.connect.task.measures import TaskMeasures

_log = logging.getLogger("ottla.connect.source")

BEGIN_TIMEOUT_S: Final = 60.0
COMMIT_TIMEOUT_S: Final = 60.0
ABORT_TIMEOUT_S: Final = 5.0
RETRY_PAUSE_S: Final = 0.1
FENCE_TIMEOUT_S: Final = 120.0
KEYS_MAX: Final = 100_000
"""Source partitions whose keys in the topic of offsets are remembered."""


class TransactionalCommits:
    tolerates_lost_records = False

    def __init__(
        self, spec: TaskSpec, task: SourceTask, channel: Channel, producer: Any, measures: TaskMeasures
    ) -> None:
        self._spec = spec
        self._measures = measures
        self._task = task
        self._channel = channel
        self._producer = producer
        self._boundary = TransactionBoundary(spec.transaction_boundary)
        self._interval_s = spec.transaction_interval_ms / 1000
        self._last_commit = time.monotonic()
        self._is_open = False
        self._offsets: dict[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = {}
        self._keys: dict[str, bytes] = {}
        self._settled: list[tuple[SourceRecord, RecordMetadata | None]] = []
        self._size = 0
        self._failure: str | None = None
        self.transaction_context = (
            SourceTransactionContext() if self._boundary is TransactionBoundary.CONNECTOR else None
        )
        self.failures = 0

    @property
    def unacknowledged(self) -> int:
        return len(self._producer)

    def begin(self) -> None:
        """Before the task looks where it was: nobody else writes its records any more. `ConnectError`."""
        self._channel.ask("fence", timeout_s=FENCE_TIMEOUT_S)
        self._do("begin with its transactional id", BEGIN_TIMEOUT_S, self._producer.init_transactions)
        self._channel.ask("verify", timeout_s=FENCE_TIMEOUT_S, generation=self._spec.generation)
        self._last_commit = time.monotonic()

    def before(self, topic: str) -> None:
        if topic == self._spec.offsets_topic:
            # Its offsets could not be read while the transaction is open in which it wrote there.
            raise ConnectError(
                "Source tasks may not produce to their own offsets topics when exactly-once support is enabled"
            )
        if not self._is_open:
            self._begin_transaction()

    def submit(self, _record: SourceRecord) -> None:
        return

    def sent(self, record: SourceRecord) -> None:
        self._size += 1
        self._note(record)

    def dropped(self, record: SourceRecord) -> None:
        """Left out on purpose: its offset counts as written."""
        self._note(record)

    def settled(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        """The task hears of it when the transaction is committed."""
        self._settled.append((record, metadata))

    def _note(self, record: SourceRecord) -> None:
        partition = record.source_partition
        self._offsets[partition_identity(partition)] = (partition, record.source_offset)
        if self.transaction_context is None:
            return
        commits, aborts = self.transaction_context.take_record(record)
        if aborts:
            self._abort()
        if commits or aborts:
            self._commit()

    def batch_ended(self) -> None:
        if self._boundary is TransactionBoundary.POLL:
            self._commit()
        elif self._boundary is TransactionBoundary.CONNECTOR:
            self._follow_connector()
        elif time.monotonic() >= self._last_commit + self._interval_s:
            self._commit()

    def pausing(self) -> None:
        """What is open must not wait for the end of the pause."""
        self.finish()

    def finish(self) -> None:
        if self._boundary is TransactionBoundary.CONNECTOR:
            self._follow_connector()
        else:
            self._commit()

    def _follow_connector(self) -> None:
        assert self.transaction_context is not None
        commits, aborts = self.transaction_context.take_batch()
        if aborts:
            self._abort()
        if commits or aborts:
            self._commit()

    def tick(self) -> None:
        return

    def flush(self) -> None:
        return

    def failed(self) -> None:
        """Who reads committed records need not wait for the transaction to time out."""
        if not self._is_open:
            return
        try:
            self._producer.abort_transaction(ABORT_TIMEOUT_S)
        except import_confluent().KafkaException as error:
            _log.warning("the transaction stays open until the next start: %s", error.args[0].str())

    # Transactions

    def _begin_transaction(self) -> None:
        try:
            self._producer.begin_transaction()
        except import_confluent().KafkaException as error:
            raise ConnectError(f"the task cannot begin a transaction: {error.args[0].str()}") from error
        self._is_open = True

    def _abort(self) -> None:
        if not self._is_open:
            _log.warning("there is nothing in the transaction that the connector wants to be aborted")
            return
        self._do("abort its transaction", COMMIT_TIMEOUT_S, self._producer.abort_transaction)
        self._is_open = False
        self._size = 0

    def _commit(self) -> None:
        self._last_commit = time.monotonic()
        if self._is_open or self._offsets:
            try:
                self._write_offsets()
                self._do("commit its transaction", COMMIT_TIMEOUT_S, self._producer.commit_transaction)
                if self._failure is not None:
                    raise ConnectError(f"the offsets of the task cannot be written: {self._failure}")
            except BaseException:
                self.failures += 1
                self._measures.committed(0, stored=False)
                raise
            self._is_open = False
            self._measures.committed((time.monotonic() - self._last_commit) * 1000, stored=True)
            self._measures.record(TRANSACTION_SIZE, self._size)
            self._size = 0
            offsets, self._offsets = self._offsets, {}
            if self._spec.copies_offsets and offsets:
                self._channel.ask("store_offsets", offsets=[list(each) for each in offsets.values()], aside=True)
        settled, self._settled = self._settled, []
        for record, metadata in settled:
            try:
                self._task.commit_record(record, metadata)
            except Exception:
                _log.exception("the task did not like to hear that a record is written")
        self._task.commit()

    def _write_offsets(self) -> None:
        if not self._offsets:
            return
        if not self._is_open:
            self._begin_transaction()
        topic, produce = self._spec.offsets_topic, self._producer.produce
        for identity, key in self._found_keys().items():
            value = encode_json(self._offsets[identity][1])
            while True:
                try:
                    produce(topic, value, key, on_delivery=self._written)
                    break
                except BufferError:
                    self._producer.poll(RETRY_PAUSE_S)
                except import_confluent().KafkaException as error:
                    raise ConnectError(f"the offsets of the task cannot be written: {error.args[0].str()}") from error

    def _found_keys(self) -> dict[str, bytes]:
        """Under which the offset of each source partition stands, in Java's order of fields if a Java task wrote it."""
        unknown = [identity for identity in self._offsets if identity not in self._keys]
        if not unknown:
            return {identity: self._keys[identity] for identity in self._offsets}
        answer = self._channel.ask("offset_keys", partitions=[self._offsets[identity][0] for identity in unknown])
        told = dict(zip(unknown, (key.encode() for key in answer["keys"]), strict=True))
        found = {identity: told.get(identity) or self._keys[identity] for identity in self._offsets}
        if len(self._keys) + len(told) > KEYS_MAX:
            self._keys.clear()
        self._keys |= told
        return found

    def _written(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._failure = self._failure or error.str()

    def _do(self, what: str, timeout_s: float, call: Callable[[float], object]) -> None:
        deadline = time.monotonic() + timeout_s
        kafka = import_confluent()
        while True:
            try:
                call(max(deadline - time.monotonic(), RETRY_PAUSE_S))
                return
            except kafka.KafkaException as error:
                cause = error.args[0]
                if not cause.retriable() or time.monotonic() >= deadline:
                    text = f"the task cannot {what}: {cause.str()}"
                    if cause.code() in (kafka.KafkaError._FENCED, kafka.KafkaError.INVALID_PRODUCER_EPOCH):
                        text += _FENCED
                    raise ConnectError(text) from error
                time.sleep(RETRY_PAUSE_S)


_FENCED: Final = (
    ". Either a later run of the task has begun, or its transaction was open for longer than transaction.timeout.ms: "
    "then make that longer (producer.override.transaction.timeout.ms), or transactions shorter "
    "(transaction.boundary.interval.ms, or transaction.boundary=poll)"
)
