"""A source task at work: polls, transforms, converts, produces, stores how far it is (`AbstractWorkerSourceTask`)."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.api.task import RecordMetadata, SourceTask
from ottla.connect.task.clients import import_confluent, make_producer
from ottla.connect.task.conversion import make_converters
from ottla.connect.task.errors import SKIPPED, ErrorConfig, RecordErrors, Reporter, Skipped, Stage
from ottla.connect.task.log_reporter import LogReporter
from ottla.connect.task.submitted_records import SubmittedRecord, SubmittedRecords
from ottla.connect.task.topic_creation import TopicCreation
from ottla.connect.task.transformations import make_chain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import OffsetStorageReader
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.channel import Channel
    from ottla.connect.task.control import Control

_log = logging.getLogger("ottla.connect.source")
POLL_FAILURE_PAUSE_S: Final = 1.0
FULL_WAIT_S: Final = 0.05
REPORT_S: Final = 1.0


class _Offsets:
    """`OffsetStorageReader` over the line to the worker."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def offset(self, partition: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.offsets([partition])[0]

    def offsets(self, partitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        answer = self._channel.ask("read_offsets", partitions=[dict(partition) for partition in partitions])
        found: list[dict[str, Any] | None] = answer["offsets"]
        return found


class _Context:
    def __init__(self, spec: TaskSpec, channel: Channel) -> None:
        self.offset_storage_reader: OffsetStorageReader = _Offsets(channel)
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
        self._submitted = SubmittedRecords()
        self._producer = make_producer(spec)
        self._tells_commits = type(task).commit_record is not SourceTask.commit_record
        self._failure: BaseException | None = None
        self._committing = threading.Lock()
        self._ended = threading.Event()
        self._used_topics: set[str] = set()
        self._pending: dict[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = {}
        self.polled = 0
        self.written = 0
        self.commit_failures = 0

    def run(self) -> None:
        task = self._task
        try:
            task.initialize(_Context(self._spec, self._channel))
            task.start(self._spec.task_config)
            self._channel.send("state", state="RUNNING")
            threading.Thread(target=self._commit_forever, name="offsets", daemon=True).start()
            self._work()
            self._finish()
        finally:
            self._ended.set()
            try:
                task.stop()
            finally:
                self._chain.close()
                self._report()

    def _work(self) -> None:
        control = self._control
        while not control.stopping:
            if self._failure is not None:
                raise self._failure
            if control.paused:
                control.wait_while_paused()
                continue
            try:
                records = self._task.poll()
            except RetriableError as error:
                _log.warning("the task cannot poll, it is tried again: %s", error)
                control.sleep(POLL_FAILURE_PAUSE_S)
                continue
            if records:
                self.polled += len(records)
                self._send(records)
            self._producer.poll(0)

    def _finish(self) -> None:
        """All that was sent arrives, or as much as does in time, and is noted."""
        self._producer.flush(self._spec.offset_flush_timeout_ms / 1000)
        if self._failure is not None:
            raise self._failure
        self._commit()

    # Sending

    def _send(self, records: list[SourceRecord]) -> None:
        convert_key, convert_value = self._converters.key.from_connect_data, self._converters.value.from_connect_data
        transform = self._chain.apply if self._chain else None
        produce, submit, track = self._producer.produce, self._submitted.submit, self._spec.topic_tracking
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
                if track:
                    self._channel.send("topics", topics=[topic])
            submitted = submit(origin.source_partition, origin.source_offset)
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
                if self._failure is not None:
                    raise self._failure

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
        """Left out on purpose: its offset counts as written."""
        self._submitted.submit(record.source_partition, record.source_offset).acknowledged = True
        if self._tells_commits:
            self._task.commit_record(record, None)

    def delivered(self, error: Any, message: Any, submitted: SubmittedRecord, record: SourceRecord | None) -> None:
        if error is not None:
            if not self._tolerates_all or error.fatal():
                text = f"Unrecoverable exception from producer send callback: {error.str()}"
                self._failure = self._failure or ConnectError(text)
                return
            self._errors.skipped += 1
            _log.error("a record to %s could not be written and is left out: %s", message.topic(), error.str())
        else:
            self.written += 1
        submitted.acknowledged = True
        if record is not None:
            try:
                self._task.commit_record(record, None if error is not None else _metadata(message))
            except Exception:
                _log.exception("the task did not like to hear that a record is written")

    # Offsets

    def _commit_forever(self) -> None:
        interval_s = self._spec.offset_flush_interval_ms / 1000
        due = time.monotonic() + interval_s
        while not self._ended.wait(min(REPORT_S, interval_s)):
            self._producer.poll(0)
            self._report()
            if time.monotonic() >= due:
                due = time.monotonic() + interval_s
                try:
                    self._commit()
                except Exception as error:
                    self.commit_failures += 1
                    _log.error("offsets cannot be stored, they are tried again: %s", error)

    def _commit(self) -> None:
        with self._committing:
            offsets = self._submitted.take_committable()
            if offsets:
                self._pending = {**self._pending, **{_identity(each): (each, offset) for each, offset in offsets}}
            if self._pending:
                # What could not be stored stays, and goes with the next.
                self._channel.ask("store_offsets", offsets=[list(each) for each in self._pending.values()])
                self._pending = {}
            self._task.commit()

    def _report(self) -> None:
        values = {
            "source-record-poll-total": self.polled,
            "source-record-write-total": self.written,
            "source-record-active-count": self._submitted.unacknowledged,
            "offset-commit-failures": self.commit_failures,
            "total-record-failures": self._errors.failures,
            "total-records-skipped": self._errors.skipped,
            "total-retries": self._errors.retries,
        }
        self._channel.send("metrics", values=values)


class _Delivery:
    """What librdkafka calls when it knows what became of one record."""

    __slots__ = ("_loop", "_record", "_submitted")

    def __init__(self, loop: SourceLoop, submitted: SubmittedRecord, record: SourceRecord | None) -> None:
        self._loop = loop
        self._submitted = submitted
        self._record = record

    def __call__(self, error: Any, message: Any) -> None:
        self._loop.delivered(error, message, self._submitted, self._record)


def _metadata(message: Any) -> RecordMetadata:
    return RecordMetadata(message.topic(), message.partition(), message.offset(), message.timestamp()[1])


def _identity(partition: Mapping[str, Any] | None) -> str:
    return "" if partition is None else repr(sorted(partition.items()))
