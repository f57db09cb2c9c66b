"""Sinks: what turns a record into bytes and hands it to the collector. Serializers and topics are resolved once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.tasks.exception_handlers import ProducerRecord, SerializationExceptionOrigin
from ottla.streams.topology.topic_name_extractor import RecordContext

if TYPE_CHECKING:
    from ottla.streams.operator import Push
    from ottla.streams.record import Headers
    from ottla.streams.tasks.failures import Failures
    from ottla.streams.tasks.record_collector import RecordCollector
    from ottla.streams.tasks.task_metrics import TaskMetrics
    from ottla.streams.tasks.task_state import TaskState
    from ottla.streams.topology.built import SinkNode


def sink_push(
    node: SinkNode, state: TaskState, collector: RecordCollector, failures: Failures, metrics: TaskMetrics
) -> Push:
    """The quickest way for what this sink does: most have one topic, and leave the partition to the key's hash."""
    if isinstance(node.topic, str) and node.partitioner is None:
        return _plain(node, node.topic, collector, failures, metrics)
    return _Sink(node, state, collector, failures, metrics).process


def _plain(node: SinkNode, topic: str, collector: RecordCollector, failures: Failures, metrics: TaskMetrics) -> Push:
    serialize_key, serialize_value, send = node.key_serializer, node.value_serializer, collector.send
    slow = _Serializing(node, failures)
    produced, sampler = metrics.produced(node.name, topic), metrics.sampler
    note = produced.note
    count, looked_at = 0, 1

    def process(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        nonlocal count, looked_at
        try:
            key_bytes = serialize_key(topic, key, headers)
            value_bytes = serialize_value(topic, value, headers)
        except Exception:
            data = slow.serialize(topic, key, value, timestamp_ms, headers, None)
            if data is None:
                return
            key_bytes, value_bytes = data
        send(topic, key_bytes, value_bytes, headers, timestamp_ms, None)
        count += 1
        if count == looked_at:
            note(key_bytes, value_bytes, headers, timestamp_ms)
            looked_at += sampler.step

    def take() -> int:
        nonlocal count, looked_at
        taken, count, looked_at = count, 0, 1
        return taken

    produced.take = take
    return process


class _Serializing:
    """Both serializers, and the handler that is asked when one fails."""

    def __init__(self, node: SinkNode, failures: Failures) -> None:
        self._node = node
        self._failures = failures

    def serialize(
        self, topic: str, key: Any, value: Any, timestamp_ms: int, headers: Headers, partition: int | None
    ) -> tuple[bytes | None, bytes | None] | None:
        origin = SerializationExceptionOrigin.KEY
        try:
            key_bytes = self._node.key_serializer(topic, key, headers)
            origin = SerializationExceptionOrigin.VALUE
            return key_bytes, self._node.value_serializer(topic, value, headers)
        except Exception as failure:
            record = ProducerRecord(topic, key, value, headers, timestamp_ms, partition)
            self._failures.unserializable(self._node.name, record, failure, origin)
            return None


class _Sink(_Serializing):
    """With a topic for each record, or a partitioner."""

    def __init__(
        self,
        node: SinkNode,
        state: TaskState,
        collector: RecordCollector,
        failures: Failures,
        metrics: TaskMetrics,
    ) -> None:
        super().__init__(node, failures)
        self._state = state
        self._collector = collector
        self._metrics = metrics
        if isinstance(node.topic, str):
            metrics.produced(node.name, node.topic)

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        topic = self._node.topic
        if not isinstance(topic, str):
            raw = self._state.record.raw
            if raw is None:
                context = RecordContext(None, None, None, timestamp_ms, headers)
            else:
                context = RecordContext(raw.topic, raw.partition, raw.offset, timestamp_ms, headers)
            topic = topic(key, value, context)
        for partition in self._partitions(topic, key, value):
            data = self.serialize(topic, key, value, timestamp_ms, headers, partition)
            if data is not None:
                self._collector.send(topic, *data, headers, timestamp_ms, partition)
                self._metrics.produced(self._node.name, topic).add(*data, headers, timestamp_ms)

    def _partitions(self, topic: str, key: Any, value: Any) -> list[int | None]:
        partitioner = self._node.partitioner
        if partitioner is None:
            return [None]
        count = self._collector.partitions_for(topic)
        chosen = partitioner(topic, key, value, count)
        if chosen is None:
            return [None]
        if not chosen:
            self._state.drop(self._node.name, "its partitioner chose no partition")
        wrong = [each for each in chosen if not 0 <= each < count]
        if wrong:
            raise StreamsError(
                f"the partitioner of {self._node.name} chose partition {wrong[0]} of {topic}, of {count}"
            )
        return [*sorted(set(chosen))]
