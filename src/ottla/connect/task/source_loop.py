"""A source task at work: polls, transforms, converts, produces (`AbstractWorkerSourceTask`).

How far it is becomes stored is the business of its commits: now and then, or with each transaction.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.api.task import RecordMetadata, SourceTask
from ottla.connect.task.clients import import_confluent, make_producer
from ottla.connect.task.conversion import make_converters
from ottla.connect.task.errors import SKIPPED, ErrorConfig, RecordErrors, Reporter, Skipped, Stage
from ottla.connect.task.log_reporter import LogReporter
from ottla.connect.task.measures import (
    ACTIVE,
    BATCH_SIZE,
    OF_SOURCES,
    OF_TRANSACTIONS,
    PAUSED,
    POLL_TIME,
    POLLED,
    RUNNING,
    WRITTEN,
    TaskMeasures,
    clock_ms,
)
from ottla.connect.task.periodic_commits import PeriodicCommits
from ottla.connect.task.topic_creation import TopicCreation
from ottla.connect.task.transactional_commits import TransactionalCommits
from ottla.connect.task.transformations import make_chain
from ottla.runtime.tracing.tracing import active

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import OffsetStorageReader, TransactionContext
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.batch_spans import SourceSpans
    from ottla.connect.task.channel import Channel
    from ottla.connect.task.control import Control
    from ottla.connect.task.submitted_records import SubmittedRecord

_log = logging.getLogger("ottla.connect.source")
POLL_FAILURE_PAUSE_S: Final = 1.0
FULL_WAIT_S: Final = 0.05
REPORT_S: Final = 1.0
OFFSETS_TIMEOUT_S: Final = 150.0
"""Transactions of other tasks may be open, behind which nobody knows yet what counts."""


class _Offsets:
    """`OffsetStorageReader` over the line to the worker."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def offset(self, partition: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.offsets([partition])[0]

    def offsets(self, partitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        asked = [dict(partition) for partition in partitions]
        answer = self._channel.ask("read_offsets", timeout_s=OFFSETS_TIMEOUT_S, partitions=asked)
        found: list[dict[str, Any] | None] = answer["offsets"]
        return found


class _Context:
    def __init__(self, spec: TaskSpec, channel: Channel, transactions: TransactionContext | None) -> None:
        self.offset_storage_reader: OffsetStorageReader = _Offsets(channel)
        self.transaction_context = transactions
        self._config = spec.task_config

    def configs(self) -> dict[str, str]:
        return dict(self._config)


class SourceLoop:
    """`run()` returns when the task was asked to stop, and raises what it fails with."""

    def __init__(self, spec: TaskSpec, task: SourceTask, plugins: Plugins, channel: Channel, control: Control) -> None:
        self._spec = spec
        self._task = task
        self._channel = channel
        self._control = control
        self._converters = make_converters(spec, plugins)
        config = ErrorConfig.of(spec.connector_config)
        reporters: list[Reporter] = []
        if config.log:
            reporters.append(LogReporter(f"{spec.connector}-{spec.task}", with_messages=config.log_messages))
        self._errors = RecordErrors(config, control, reporters)
        self._tolerates_all = config.tolerates_all
        self._chain = make_chain(spec, plugins, self._errors)
        self._topics = TopicCreation(spec)
        self._producer = make_producer(spec)
        self._measures = TaskMeasures(OF_SOURCES | (OF_TRANSACTIONS if spec.transactional_id is not None else {}))
        commits = PeriodicCommits if spec.transactional_id is None else TransactionalCommits
        self._commits: PeriodicCommits | TransactionalCommits = commits(
            spec, task, channel, self._producer, self._measures
        )
        self._tells_commits = type(task).commit_record is not SourceTask.commit_record
        self._spans = _spans(spec)
        self._failure: BaseException | None = None
        self._ended = threading.Event()
        self._used_topics: set[str] = set()
        self.polled = 0
        self.written = 0

    def run(self) -> None:
        task, commits = self._task, self._commits
        commits.begin()
        try:
            task.initialize(_Context(self._spec, self._channel, commits.transaction_context))
            task.start(self._spec.task_config)
            self._channel.send("state", state="RUNNING")
            self._measures.enter(RUNNING)
            threading.Thread(target=self._tick_forever, name="offsets", daemon=True).start()
            self._work()
            commits.flush()
            self._raise_failure()
            commits.finish()
        except BaseException:
            commits.failed()
            raise
        finally:
            self._ended.set()
            try:
                task.stop()
            finally:
                self._chain.close()
                self._report()

    def _work(self) -> None:
        control, commits, measures = self._control, self._commits, self._measures
        while not control.stopping:
            self._raise_failure()
            if control.paused:
                commits.pausing()
                measures.enter(PAUSED)
                control.wait_while_paused()
                measures.enter(RUNNING)
                continue
            began_ms = clock_ms()
            try:
                records = self._task.poll()
            except RetriableError as error:
                _log.warning("the task cannot poll, it is tried again: %s", error)
                control.sleep(POLL_FAILURE_PAUSE_S)
                continue
            if records:
                measures.record(POLL_TIME, clock_ms() - began_ms)
                measures.record(BATCH_SIZE, len(records))
                self.polled += len(records)
                if self._spans is None:
                    self._send(records)
                else:
                    self._spans.send(self._send, records)
            commits.batch_ended()
            self._producer.poll(0)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # Sending

    def _send(self, records: list[SourceRecord]) -> None:
        convert_key, convert_value = self._converters.key.from_connect_data, self._converters.value.from_connect_data
        transform = self._chain.apply if self._chain else None
        commits = self._commits
        produce, submit, before, sent = self._producer.produce, commits.submit, commits.before, commits.sent
        if self._spans is not None:
            produce = self._spans.produce(produce)
        buffer_error = BufferError
        for record in records:
            origin = record
            if transform is not None:
                transformed = transform(record, origin)
                if transformed is None:
                    self._drop(origin)
                    continue
                record = transformed
            topic = record.topic
            try:
                key = convert_key(topic, record.key_schema, record.key)
                value = convert_value(topic, record.value_schema, record.value)
                headers = self._headers(record) if record.headers else None
            except Exception:
                converted = self._convert_carefully(record, origin)
                if converted is None:
                    self._drop(origin)
                    continue
                key, value, headers = converted
            if topic not in self._used_topics:
                self._topics.ensure(topic)
                self._used_topics.add(topic)
                if self._spec.topic_tracking:
                    self._channel.send("topics", topics=[topic])
            before(topic)
            submitted = submit(origin)
            delivered = _Delivery(self, submitted, origin if self._tells_commits else None)
            partition = -1 if record.kafka_partition is None else record.kafka_partition
            timestamp = record.timestamp or 0
            while True:
                try:
                    produce(topic, value, key, partition, delivered, None, timestamp, headers)
                    break
                except buffer_error:
                    self._producer.poll(FULL_WAIT_S)
                except import_confluent().KafkaException as error:
                    raise ConnectError(f"a record cannot be sent to {topic}: {error.args[0].str()}") from error
                self._raise_failure()
            sent(origin)

    def _headers(self, record: SourceRecord) -> list[tuple[str, bytes | None]]:
        convert, topic = self._converters.header.from_connect_header, record.topic
        return [(each.key, convert(topic, each.key, each.schema, each.value)) for each in record.headers]

    def _convert_carefully(
        self, record: SourceRecord, origin: SourceRecord
    ) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]] | None] | None:
        """Once more, each part by itself; `None`: it is left out."""
        attempt, used = self._errors.attempt, self._converters
        topic = record.topic
        headers = attempt(origin, Stage.HEADER_CONVERTER, used.header_name, self._headers, record)
        if isinstance(headers, Skipped):
            return None
        key: Any = attempt(
            origin, Stage.KEY_CONVERTER, used.key_name, used.key.from_connect_data, topic, record.key_schema, record.key
        )
        if key is SKIPPED:
            return None
        value: Any = attempt(
            origin,
            Stage.VALUE_CONVERTER,
            used.value_name,
            used.value.from_connect_data,
            topic,
            record.value_schema,
            record.value,
        )
        return None if value is SKIPPED else (key, value, headers or None)

    def _drop(self, record: SourceRecord) -> None:
        self._commits.dropped(record)
        if self._tells_commits:
            self._commits.settled(record, None)

    def delivered(
        self, error: Any, message: Any, submitted: SubmittedRecord | None, record: SourceRecord | None
    ) -> None:
        if error is not None:
            if not (self._tolerates_all and self._commits.tolerates_lost_records) or error.fatal():
                text = f"Unrecoverable exception from producer send callback: {error.str()}"
                self._failure = self._failure or ConnectError(text)
                return
            self._errors.skipped += 1
            _log.error("a record to %s could not be written and is left out: %s", message.topic(), error.str())
        else:
            self.written += 1
        if submitted is not None:
            submitted.acknowledged = True
        if record is not None:
            self._commits.settled(record, None if error is not None else _metadata(message))

    def _tick_forever(self) -> None:
        while not self._ended.wait(min(REPORT_S, self._spec.offset_flush_interval_ms / 1000)):
            self._commits.tick()
            self._report()

    def _report(self) -> None:
        measures, active = self._measures, self._commits.unacknowledged
        measures.record(ACTIVE, active)
        measures.grown_to(POLLED, self.polled)
        measures.grown_to(WRITTEN, self.written)
        values = {
            "source-record-poll-total": self.polled,
            "source-record-write-total": self.written,
            "source-record-active-count": active,
        }
        told = values | measures.values() | self._errors.values() | dict(self._task.metrics())
        self._channel.send("metrics", values=told)


def _spans(spec: TaskSpec) -> SourceSpans | None:
    tracing = active()
    if tracing is None:
        return None
    from ottla.connect.task.batch_spans import SourceSpans

    return SourceSpans(spec, tracing)


class _Delivery:
    """What librdkafka calls when it knows what became of one record."""

    __slots__ = ("_loop", "_record", "_submitted")

    def __init__(self, loop: SourceLoop, submitted: SubmittedRecord | None, record: SourceRecord | None) -> None:
        self._loop = loop
        self._submitted = submitted
        self._record = record

    def __call__(self, error: Any, message: Any) -> None:
        self._loop.delivered(error, message, self._submitted, self._record)


def _metadata(message: Any) -> RecordMetadata:
    return RecordMetadata(message.topic(), message.partition(), message.offset(), message.timestamp()[1])
