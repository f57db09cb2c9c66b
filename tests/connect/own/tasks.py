"""Tasks of connectors in this process, with what a worker gives them: stored offsets, a reporter, another try.

What they read and write is real. How the worker does its part is tested with the worker.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ottla.connect.api.connector import SinkConnector, SourceConnector, TopicPartition
from ottla.connect.api.errors import RetriableError
from ottla.connect.api.record import SinkRecord, TimestampType
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import (
        ErrantRecordReporter,
        OffsetStorageReader,
        SinkTask,
        SourceTask,
        TransactionContext,
    )
    from ottla.connect.data.schema import Schema

TIMEOUT_S = 60.0


class StoredOffsets:
    """What a worker stored, by partition."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}

    def offset(self, partition: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.stored.get(repr(sorted(partition.items())))

    def offsets(self, partitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        return [self.offset(partition) for partition in partitions]

    def store(self, record: SourceRecord) -> None:
        if record.source_partition is not None and record.source_offset is not None:
            self.stored[repr(sorted(record.source_partition.items()))] = dict(record.source_offset)


class _SourceContext:
    def __init__(self, props: dict[str, str], offsets: StoredOffsets) -> None:
        self.offset_storage_reader: OffsetStorageReader = offsets
        self.transaction_context: TransactionContext | None = None
        self._props = props

    def configs(self) -> dict[str, str]:
        return self._props


class _ConnectorContext:
    def __init__(self) -> None:
        self.reconfigured = 0
        self.error: BaseException | None = None

    def request_task_reconfiguration(self) -> None:
        self.reconfigured += 1

    def raise_error(self, error: BaseException) -> None:
        self.error = error


class Source:
    """A source's first task; `take(n)` is its next n records, and stores their offsets, as if they were written."""

    def __init__(
        self,
        connector: type[SourceConnector],
        props: Mapping[str, object],
        offsets: StoredOffsets | None = None,
        *,
        task: int = 0,
        tasks: int = 1,
    ) -> None:
        self.offsets = offsets or StoredOffsets()
        self.context = _ConnectorContext()
        self.connector = connector()
        self.connector.initialize(self.context)
        self.connector.start({key: str(value) for key, value in props.items()})
        self.task_configs = self.connector.task_configs(tasks)
        self.task: SourceTask | None = None
        if self.task_configs:
            self.task = self.connector.task_class()()
            self.task.initialize(_SourceContext(self.task_configs[task], self.offsets))
            self.task.start(self.task_configs[task])

    def poll(self) -> list[SourceRecord]:
        assert self.task is not None
        try:
            records = self.task.poll() or []
        except RetriableError:
            return []
        for record in records:
            self.offsets.store(record)
            self.task.commit_record(record, None)
        self.task.commit()
        return records

    def take(self, count: int) -> list[SourceRecord]:
        """At least so many, or as many as there are in time."""
        found: list[SourceRecord] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(found) < count and time.monotonic() < deadline:
            found += self.poll()
        return found

    def poll_until(self, done: Callable[[], bool], *, polls: int = 1 << 30) -> list[SourceRecord]:
        """Until it is done, or so often."""
        found: list[SourceRecord] = []
        deadline = time.monotonic() + TIMEOUT_S
        while not done() and polls > 0:
            polls -= 1
            assert time.monotonic() < deadline, "it was not done in time"
            found += self.poll()
        return found

    def stop(self) -> None:
        if self.task is not None:
            self.task.stop()
        self.connector.stop()


class _SinkContext:
    def __init__(self, sink: Sink, props: dict[str, str], *, reports: bool) -> None:
        self.errant_record_reporter: ErrantRecordReporter | None = sink if reports else None
        self._sink = sink
        self._props = props
        self.rewound: dict[TopicPartition, int] = {}
        self.timeouts: list[int] = []

    def configs(self) -> dict[str, str]:
        return self._props

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.rewound.update(offsets)

    def timeout(self, timeout_ms: int) -> None:
        self.timeouts.append(timeout_ms)

    def assignment(self) -> set[TopicPartition]:
        return set(self._sink.next)

    def pause(self, *_partitions: TopicPartition) -> None:
        return

    def resume(self, *_partitions: TopicPartition) -> None:
        return

    def request_commit(self) -> None:
        return


class Sink:
    """A sink's task with one topic; `put` numbers the records; `report` keeps what it cannot take."""

    def __init__(
        self,
        connector: type[SinkConnector],
        props: Mapping[str, object],
        *,
        topic: str = "things",
        reports: bool = False,
        offset: int = 0,
    ) -> None:
        self.topic = topic
        self.next = {TopicPartition(topic, 0): offset}
        self.rejected: list[tuple[SinkRecord, BaseException]] = []
        self.retried = 0
        self.connector = connector()
        self.connector.start({key: str(value) for key, value in props.items()})
        config = self.connector.task_configs(1)[0]
        self.context = _SinkContext(self, config, reports=reports)
        self.task: SinkTask = self.connector.task_class()()
        self.task.initialize(self.context)
        self.task.start(config)
        self.task.open(list(self.next))

    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        self.rejected.append((record, error))
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def records(
        self,
        *values: Any,
        keys: Sequence[Any] | None = None,
        key_schema: Schema | None = None,
        partition: int = 0,
        timestamps: Sequence[int] | None = None,
    ) -> list[SinkRecord]:
        found = []
        for number, value in enumerate(values):
            where = TopicPartition(self.topic, partition)
            offset = self.next.get(where, 0)
            self.next[where] = offset + 1
            schema = value.schema if isinstance(value, Struct) else None
            key = keys[number] if keys is not None else None
            at = timestamps[number] if timestamps is not None else 1_700_000_000_000 + offset
            found.append(
                SinkRecord(self.topic, partition, key_schema, key, schema, value, offset, at, TimestampType.CREATE_TIME)
            )
        return found

    def put(self, *values: Any, **how: Any) -> None:
        self.deliver(self.records(*values, **how))

    def deliver(self, records: Sequence[SinkRecord]) -> None:
        """As the worker does: what is to be tried again comes again."""
        while True:
            try:
                self.task.put(records)
                return
            except RetriableError:
                self.retried += 1

    def commit(self) -> dict[TopicPartition, int]:
        return dict(self.task.pre_commit(dict(self.next)))

    def stop(self) -> None:
        self.task.close(list(self.next))
        self.task.stop()


def errors_of(connector: type[SourceConnector | SinkConnector], props: Mapping[str, object]) -> dict[str, list[str]]:
    """By key: what the connector finds wrong with a configuration."""
    values = connector().validate({key: str(value) for key, value in props.items()})
    return {value.name: value.error_messages for value in values if value.error_messages}
