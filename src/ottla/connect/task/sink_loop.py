"""A sink task at work: consumes, converts, transforms, puts, commits what the task has stored (`WorkerSinkTask`)."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.api.header import Header, Headers
from ottla.connect.api.record import SinkRecord, TimestampType
from ottla.connect.runtime.connector_config import DLQ_TOPIC, TOPICS_REGEX, sink_topics
from ottla.connect.task.clients import import_confluent, make_consumer
from ottla.connect.task.conversion import make_converters
from ottla.connect.task.dead_letters import DeadLetterQueue
from ottla.connect.task.errant_records import ErrantRecords
from ottla.connect.task.errors import ErrorConfig, RecordErrors, Reporter, Skipped, Stage
from ottla.connect.task.log_reporter import LogReporter
from ottla.connect.task.measures import (
    ACTIVE,
    BATCH_SIZE,
    COMPLETED,
    OF_SINKS,
    PAUSED,
    PUT_TIME,
    READ,
    RUNNING,
    SENT,
    TaskMeasures,
    clock_ms,
)
from ottla.connect.task.sink_context import SinkContext
from ottla.connect.task.transformations import make_chain
from ottla.runtime.tracing.tracing import active

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ottla.connect.api.task import SinkTask
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.batch_spans import SinkSpans
    from ottla.connect.task.channel import Listener
    from ottla.connect.task.control import Control

_log = logging.getLogger("ottla.connect.sink")
POLL_RECORDS_MAX: Final = 500
POLL_S: Final = 0.1
REDELIVERY_PAUSE_S: Final = 1.0
TOPICS_REFRESH_S: Final = 60.0
LIST_TOPICS_TIMEOUT_S: Final = 30.0
REPORT_S: Final = 1.0
_TIMESTAMP_TYPES: Final = (TimestampType.NO_TIMESTAMP_TYPE, TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME)


class SinkLoop:
    """`run()` returns when the task was asked to stop, and raises what it fails with."""

    def __init__(self, spec: TaskSpec, task: SinkTask, plugins: Plugins, channel: Listener, control: Control) -> None:
        self._spec = spec
        self._task = task
        self._channel = channel
        self._control = control
        self._converters = make_converters(spec, plugins)
        self._dead_letters = DeadLetterQueue(spec) if spec.connector_config.get(DLQ_TOPIC, "").strip() else None
        self._errors = self._make_errors(ErrorConfig.of(spec.connector_config))
        self._chain = make_chain(spec, plugins, self._errors)
        self._consumer = make_consumer(spec)
        self._measures = TaskMeasures(OF_SINKS)
        self._flush_timeout_s = spec.offset_flush_timeout_ms / 1000
        self._errant = ErrantRecords(task, self._errors, self._dead_letters, self._flush_timeout_s)
        reporter = self._errant if self._reports_errors else None
        self.context = SinkContext(spec.task_config, self._consumer, reporter)
        self._batch: list[SinkRecord] = []
        self._batch_offsets: dict[TopicPartition, int] = {}
        self._current: dict[TopicPartition, int] = {}
        """What is read next of each partition when all that was read is put."""
        self._committed: dict[TopicPartition, int] = {}
        self._open: set[TopicPartition] = set()
        self._is_redelivering = False
        self._is_paused = False
        self._rebalance_failure: BaseException | None = None
        self._used_topics: set[str] = set()
        self._pattern = spec.connector_config.get(TOPICS_REGEX, "").strip()
        self._subscribed: list[str] = []
        self._spans = _spans(spec)
        self.read = 0
        self.put = 0
        self.commits = 0

    def _make_errors(self, config: ErrorConfig) -> RecordErrors:
        reporters: list[Reporter] = []
        if config.log:
            name = f"{self._spec.connector}-{self._spec.task}"
            reporters.append(LogReporter(name, with_messages=config.log_messages))
        if self._dead_letters is not None:
            reporters.append(self._dead_letters)
        self._reports_errors = bool(reporters)
        return RecordErrors(config, self._control, reporters)

    def run(self) -> None:
        task = self._task
        try:
            task.initialize(self.context)
            task.start(self._spec.task_config)
            self._channel.send("state", state="RUNNING")
            self._measures.enter(RUNNING)
            self._subscribe()
            try:
                self._work()
            except BaseException:
                self._close(sorted(self._open), lost=False)
                raise
            self._close_all()
        finally:
            try:
                task.stop()
            finally:
                self._chain.close()
                if self._dead_letters is not None:
                    self._dead_letters.flush(self._flush_timeout_s)
                self._consumer.close()
                self._report()
                if self._dead_letters is not None:
                    self._dead_letters.close()

    # Work

    def _work(self) -> None:
        interval_s = self._spec.offset_flush_interval_ms / 1000
        next_commit = time.monotonic() + interval_s
        next_refresh = time.monotonic() + TOPICS_REFRESH_S
        next_report = time.monotonic()
        while not self._control.stopping:
            now = time.monotonic()
            if now >= next_commit or self.context.take_commit_request():
                self._commit(self._current, closing=False)
                next_commit = now + interval_s
            if self._pattern and now >= next_refresh:
                self._subscribe()
                next_refresh = now + TOPICS_REFRESH_S
            if now >= next_report:
                self._report()
                next_report = now + REPORT_S
            self._follow_pause()
            self._poll(self.context.take_timeout(POLL_S if not self._is_redelivering else REDELIVERY_PAUSE_S))

    def _follow_pause(self) -> None:
        if self._control.paused is self._is_paused:
            return
        self._is_paused = self._control.paused
        self._measures.enter(PAUSED if self._is_paused else RUNNING)
        if self._is_paused:
            self._pause_all()
            self._channel.send("state", state="PAUSED")
        else:
            if not self._is_redelivering:
                self._resume_all()
            self._channel.send("state", state="RUNNING")

    def _poll(self, timeout_s: float) -> None:
        self._rewind()
        messages = self._consumer.consume(POLL_RECORDS_MAX, timeout_s)
        if self._rebalance_failure is not None:
            raise self._rebalance_failure
        if not self._is_redelivering:
            if self._spans is not None:
                self._spans.read(messages)
            self._convert(messages)
        elif messages:  # what came in spite of the pause comes again
            for message in messages:
                if message.error() is None:
                    where = (message.topic(), message.partition(), message.offset())
                    self._consumer.seek(import_confluent().TopicPartition(*where))
        self._deliver()

    def _convert(self, messages: list[Any]) -> None:
        to_key, to_value = self._converters.key.to_connect_data, self._converters.value.to_connect_data
        transform = self._chain.apply if self._chain else None
        batch, offsets = self._batch, self._batch_offsets
        originals = self._errant.originals if self._reports_errors else None
        for message in messages:
            if message.error() is not None:
                self._note(message.error())
                continue
            self.read += 1
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            offsets[TopicPartition(topic, partition)] = offset + 1
            try:
                key_schema, key = to_key(topic, message.key())
                value_schema, value = to_value(topic, message.value())
                headers = self._headers(message)
            except Exception:
                converted = self._convert_carefully(message)
                if converted is None:
                    continue
                (key_schema, key), (value_schema, value), headers = converted
            kind, timestamp = message.timestamp()
            record = SinkRecord(
                topic,
                partition,
                key_schema,
                key,
                value_schema,
                value,
                offset,
                timestamp if kind else None,
                _TIMESTAMP_TYPES[kind],
                headers,
            )
            if topic not in self._used_topics:
                self._used_topics.add(topic)
                if self._spec.topic_tracking:
                    self._channel.send("topics", topics=[topic])
            if transform is not None:
                transformed = transform(record, message)
                if transformed is None:
                    continue
                record = transformed
            if originals is not None:
                originals[id(record)] = message
            batch.append(record)

    def _headers(self, message: Any) -> Headers:
        headers = Headers()
        raw = message.headers()
        if raw:
            convert, topic = self._converters.header.to_connect_header, message.topic()
            for key, value in raw:
                schema, converted = convert(topic, key, value)
                headers.add_header(Header(key, converted, schema))
        return headers

    def _convert_carefully(self, message: Any) -> tuple[Any, Any, Headers] | None:
        attempt, used, topic = self._errors.attempt, self._converters, message.topic()
        key: Any = attempt(message, Stage.KEY_CONVERTER, used.key_name, used.key.to_connect_data, topic, message.key())
        if isinstance(key, Skipped):
            return None
        value: Any = attempt(
            message, Stage.VALUE_CONVERTER, used.value_name, used.value.to_connect_data, topic, message.value()
        )
        if isinstance(value, Skipped):
            return None
        headers = attempt(message, Stage.HEADER_CONVERTER, used.header_name, self._headers, message)
        return None if isinstance(headers, Skipped) else (key, value, headers)

    def _note(self, error: Any) -> None:
        kinds = import_confluent().KafkaError
        if error.fatal() or error.code() in (kinds.TOPIC_AUTHORIZATION_FAILED, kinds.GROUP_AUTHORIZATION_FAILED):
            raise ConnectError(f"the consumer failed: {error.str()}")
        if error.code() != kinds._PARTITION_EOF:
            _log.warning("the consumer: %s", error.str())

    def _deliver(self) -> None:
        began_ms = clock_ms()
        if self._batch:
            self._measures.record(BATCH_SIZE, len(self._batch))
        try:
            if self._spans is None:
                self._task.put(self._batch)
            else:
                self._spans.put(self._task.put, self._batch)
        except RetriableError as error:
            _log.error("the sink cannot take records, they come again: %s", error)
            if not self._is_redelivering:
                self._is_redelivering = True
                self._pause_all()
            return
        except Exception as error:
            raise ConnectError("Exiting WorkerSinkTask due to unrecoverable exception.") from error
        self._measures.record(PUT_TIME, clock_ms() - began_ms)
        self._errant.check()
        self.put += len(self._batch)
        self._current.update(self._batch_offsets)
        self._batch = []
        self._batch_offsets = {}
        self._errant.originals.clear()
        if self._is_redelivering:
            self._is_redelivering = False
            if not self._is_paused:
                self._resume_all()

    # Offsets

    def _commit(self, offsets: Mapping[TopicPartition, int], *, closing: bool) -> None:
        mine = dict(offsets)
        if not mine:
            return
        began_ms = clock_ms()
        self.commits += 1
        stored = self._commit_all(mine, closing=closing)
        self._measures.committed(clock_ms() - began_ms, stored=stored)
        if stored:
            self._measures.record(COMPLETED, 1)

    def _commit_all(self, mine: dict[TopicPartition, int], *, closing: bool) -> bool:
        try:
            self._errant.wait_until_stored()
            stored = self._task.pre_commit(dict(mine))
        except Exception as error:
            if closing:
                _log.warning("offsets are not committed, as the task could not store what it has: %s", error)
                return False
            _log.error("offsets are not committed, and reading goes on behind those that are: %s", error)
            self._seek(self._committed)
            self._current.update(self._committed)
            return False
        wanted = {
            where: offset
            for where, offset in (stored or {}).items()
            if where in mine and offset <= mine[where] and self._committed.get(where) != offset
        }
        if not wanted:
            return True
        kafka = import_confluent()
        try:
            self._consumer.commit(
                offsets=[
                    kafka.TopicPartition(topic, partition, offset) for (topic, partition), offset in wanted.items()
                ],
                asynchronous=False,
            )
        except kafka.KafkaException as error:
            _log.error("offsets cannot be committed, they are tried again: %s", error.args[0].str())
            return False
        self._committed.update(wanted)
        return True

    def _rewind(self) -> None:
        wanted = self.context.take_offsets()
        if wanted:
            self._seek(wanted)
            self._current.update(wanted)
            self._committed.update(wanted)

    def _seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        kafka = import_confluent()
        assigned = self.context.assignment()
        for (topic, partition), offset in offsets.items():
            if TopicPartition(topic, partition) in assigned:
                self._consumer.seek(kafka.TopicPartition(topic, partition, offset))

    # Partitions that come and go

    def _subscribe(self) -> None:
        topics = sink_topics(self._spec.connector_config)
        if self._pattern:
            try:
                known = self._consumer.list_topics(timeout=LIST_TOPICS_TIMEOUT_S).topics
            except import_confluent().KafkaException as error:
                _log.warning("topics cannot be listed, those that are read stay: %s", error.args[0].str())
                return
            topics = sorted(topic for topic in known if re.fullmatch(self._pattern, topic))
        if topics == self._subscribed:
            return
        self._subscribed = topics
        if topics:
            handlers: dict[str, Callable[..., None]] = {
                "on_assign": self._assigned,
                "on_revoke": self._revoked,
                "on_lost": self._lost,
            }
            self._consumer.subscribe(topics, **handlers)
        else:
            self._consumer.unsubscribe()

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        try:
            self._find_place(consumer, partitions)
            consumer.assign(partitions)
            if self._is_paused or self._is_redelivering:
                self._pause_all()
            opened = [TopicPartition(each.topic, each.partition) for each in partitions]
            self._open.update(opened)
            if opened:
                self._task.open(opened)
        except Exception as error:
            self._rebalance_failure = self._rebalance_failure or error

    def _find_place(self, consumer: Any, partitions: list[Any]) -> None:
        """Where reading begins: at what is committed, unless the partitions are given offsets here."""
        for committed in consumer.committed(partitions, timeout=LIST_TOPICS_TIMEOUT_S):
            if committed.offset >= 0:
                where = TopicPartition(committed.topic, committed.partition)
                self._committed[where] = self._current[where] = committed.offset

    def _revoked(self, _consumer: Any, partitions: list[Any]) -> None:
        self._close([TopicPartition(each.topic, each.partition) for each in partitions], lost=False)

    def _lost(self, _consumer: Any, partitions: list[Any]) -> None:
        self._close([TopicPartition(each.topic, each.partition) for each in partitions], lost=True)

    def _close(self, partitions: list[TopicPartition], *, lost: bool) -> None:
        partitions = [where for where in partitions if where in self._open]
        self._open.difference_update(partitions)
        try:
            if not lost:
                self._commit(
                    {where: self._current[where] for where in partitions if where in self._current}, closing=True
                )
            if partitions:
                self._task.close(partitions)
        except Exception as error:
            self._rebalance_failure = self._rebalance_failure or error
        gone = set(partitions)
        for where in partitions:
            self._current.pop(where, None)
            self._committed.pop(where, None)
            self._batch_offsets.pop(where, None)
        self._batch = [
            record
            for record in self._batch
            if TopicPartition(record.original_topic, record.original_kafka_partition or 0) not in gone
        ]

    def _close_all(self) -> None:
        """Before the group is left: what is stored is committed, once."""
        self._close(sorted(self._open), lost=False)
        self._consumer.unsubscribe()
        if self._rebalance_failure is not None:
            raise self._rebalance_failure

    def _pause_all(self) -> None:
        self._consumer.pause(self._consumer.assignment())

    def _resume_all(self) -> None:
        paused = self.context.paused
        assignment: Iterable[Any] = self._consumer.assignment()
        self._consumer.resume([each for each in assignment if (each.topic, each.partition) not in paused])

    def _report(self) -> None:
        measures = self._measures
        measures.grown_to(READ, self.read)
        measures.grown_to(SENT, self.put)
        behind = (self._current[where] - offset for where, offset in self._committed.items() if where in self._current)
        measures.record(ACTIVE, sum(max(each, 0) for each in behind))
        values = {
            "sink-record-read-total": self.read,
            "sink-record-send-total": self.put,
            "partition-count": len(self._current),
            "offset-commit-seq-no": self.commits,
            "offset-commit-skip-rate": 0,
            "offset-commit-skip-total": 0,
            "deadletterqueue-produce-requests": self._dead_letters.sent if self._dead_letters else 0,
            "deadletterqueue-produce-failures": self._dead_letters.failed if self._dead_letters else 0,
        }
        self._channel.send("metrics", values=values | measures.values() | self._errors.values())


def _spans(spec: TaskSpec) -> SinkSpans | None:
    tracing = active()
    if tracing is None:
        return None
    from ottla.connect.task.batch_spans import SinkSpans

    return SinkSpans(spec, tracing)
