"""What one task measures: of itself, its source and sink nodes, its topics and its stores.

The levels of Kafka Streams (`TaskMetrics`, `ProcessorNodeMetrics`, `TopicMetrics`). What records cost is seconds of an
application's day: at INFO all records are counted, and of large batches the sizes and latencies of one in 64 are
looked at, unless `every_record` asks for all. What sinks have written is added up when a batch is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.metrics.sensor import Statistic
from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import average_and_maximum, rate_and_count, rate_and_total
from ottla.streams.metrics.streams_metrics import StreamsMetrics
from ottla.streams.topology.built import SinkNode, SourceNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.runtime.metrics.sensor import Sensor
    from ottla.streams.metrics.registry import Definition, MetricsRegistry, MetricsScope
    from ottla.streams.operator import Operator, Push
    from ottla.streams.record import Headers, RawRecord
    from ottla.streams.tasks.task_state import TaskState
    from ottla.streams.topology.built import SubTopology

TASK_GROUP: Final = "stream-task-metrics"
NODE_GROUP: Final = "stream-processor-node-metrics"
TOPIC_GROUP: Final = "stream-topic-metrics"
SMALL_BATCH: Final = 64
ONE_OF: Final = 64
"""Of larger batches sizes and latencies of every 64th record are looked at."""
FRAME_BYTES: Final = 8 + 8 + 4
"""Timestamp, offset and partition, which Kafka Streams counts with the bytes of a record."""

_LATENCY: Final[list[Definition]] = [
    ("record-e2e-latency-avg", Statistic.AVERAGE, "milliseconds from a record's time to its end here, on average"),
    ("record-e2e-latency-max", Statistic.MAXIMUM, "milliseconds from a record's time to its end here, at most"),
    ("record-e2e-latency-min", Statistic.MINIMUM, "milliseconds from a record's time to its end here, at least"),
]
_CONSUMED: Final[list[Definition]] = [
    ("records-consumed-total", Statistic.COUNT, "records read from the topic"),
    ("bytes-consumed-total", Statistic.TOTAL, "bytes read from the topic"),
]
_PRODUCED: Final[list[Definition]] = [
    ("records-produced-total", Statistic.COUNT, "records written to the topic"),
    ("bytes-produced-total", Statistic.TOTAL, "bytes written to the topic"),
]


class Sampler:
    """Which records of a batch are looked at: the first, and then every `step`th."""

    __slots__ = ("step",)

    def __init__(self) -> None:
        self.step = 1


class Produced:
    """What one sink has written to one topic: how many records, and the sizes and latencies of those looked at."""

    __slots__ = ("_bytes", "_frame_bytes", "_latency", "_looked_at", "_sensor", "_state", "_untaken", "take")

    def __init__(self, topic: str, sensor: Sensor, latency: Sensor, state: TaskState) -> None:
        self._sensor = sensor
        self._latency = latency
        self._state = state
        self._frame_bytes = FRAME_BYTES + len(topic.encode())
        self._looked_at = 0
        self._bytes = 0
        self._untaken = 0
        self.take: Callable[[], int] = self._take
        """How many there were since the last call."""

    def note(self, key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int) -> None:
        self._looked_at += 1
        self._bytes += len(key or b"") + len(value or b"") + (headers_bytes(headers) if headers else 0)
        now_ms = self._state.wall_clock_ms
        self._latency.record(now_ms - timestamp_ms, now_ms)

    def add(self, key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int) -> None:
        """For a sink that does not count by itself."""
        self._untaken += 1
        self.note(key, value, headers, timestamp_ms)

    def _take(self) -> int:
        taken, self._untaken = self._untaken, 0
        return taken

    def settle(self, now_ms: int) -> None:
        """A batch is over: those that were not looked at are taken for as large as the others."""
        count = self.take()
        if count:
            total = count * self._frame_bytes + self._bytes * count // max(1, self._looked_at)
            self._looked_at = self._bytes = 0
            self._sensor.record_many(count, total, 0, 0, now_ms)


class TaskMetrics:
    def __init__(
        self,
        registry: MetricsRegistry,
        thread_id: str,
        sub_topology: SubTopology,
        state: TaskState,
        *,
        every_record: bool = False,
    ) -> None:
        """Nobody sees them before `publish`: a copy has few of them."""
        self.registry: Final = registry
        self.thread_id: Final = thread_id
        self.sampler: Final = Sampler()
        self.every_record: Final = every_record
        self._state = state
        self.tags: Final[Mapping[str, str]] = {"thread-id": thread_id, "task-id": state.task_id}
        self.scope: Final[MetricsScope] = registry.scope(published=False)
        self._copy_scope: Final = registry.scope(published=False)
        self._sub_topology = sub_topology
        self._make_task_sensors()
        self.update: Final = self._copy_scope.sensor(
            TASK_GROUP, self.tags, rate_and_total("update", "records that a copy has read"), RecordingLevel.DEBUG
        )
        nodes = sub_topology.nodes
        ends = [name for name, node in nodes.items() if isinstance(node, SourceNode) or not children_of(node)]
        self._latencies = {name: self._node_sensor(name, _LATENCY, RecordingLevel.INFO) for name in ends}
        self._processed = {
            each.name: self._node_sensor(each.name, rate_and_count("process", "records"), RecordingLevel.DEBUG)
            for each in sub_topology.sources
        }
        self._consumed: dict[tuple[str, str], Sensor] = {}
        self._produced: dict[tuple[str, str], Produced] = {}
        state.metrics = StreamsMetrics(registry, thread_id)
        state.on_drop = self._note_drop
        state.on_skip = self._note_skip

    def _make_task_sensors(self) -> None:
        info, debug = RecordingLevel.INFO, RecordingLevel.DEBUG
        self.process = self._task_sensor(rate_and_count("process", "records"), debug)
        self.process_latency = self._task_sensor(average_and_maximum("process-latency", "nanoseconds a record"), debug)
        self.punctuate = self._task_sensor(
            average_and_maximum("punctuate-latency", "nanoseconds a punctuation")
            + rate_and_count("punctuate", "punctuations"),
            debug,
        )
        self.lateness = self._task_sensor(
            average_and_maximum("record-lateness", "milliseconds of a record behind stream time"), debug
        )
        self.enforced = self._task_sensor(
            rate_and_count("enforced-processing", "times that a partition without records was not waited for"), debug
        )
        self.dropped = self._task_sensor(rate_and_total("dropped-records", "records skipped"), info)
        self.restored = self._task_sensor(rate_and_total("restore", "records restored"), debug)
        self.to_restore = self._task_sensor(
            [("restore-remaining-records-total", Statistic.TOTAL, "records still to be restored")], info
        )
        self.process_ratio = self._task_sensor(
            [("active-process-ratio", Statistic.VALUE, "the task's part of the time that the thread processes")], info
        )

    # Their life

    def publish(self) -> None:
        self._copy_scope.withdraw()
        self.scope.publish()

    def publish_copy(self) -> None:
        self.scope.withdraw()
        self._copy_scope.publish()

    def close(self) -> None:
        self.scope.close()
        self._copy_scope.close()

    def gauge(self, name: str, description: str, read: Callable[[], Any]) -> None:
        self.scope.gauge(TASK_GROUP, self.tags, name, description, read)

    # Sources

    def consumed(self, source: str, topic: str) -> Sensor:
        """The sensor of what a source reads of a topic; made for each of its topics when the task is."""
        key = source, topic
        if key not in self._consumed:
            tags = {**self.tags, "processor-node-id": source, "topic": topic}
            self._consumed[key] = self.scope.sensor(TOPIC_GROUP, tags, _CONSUMED, RecordingLevel.INFO)
        return self._consumed[key]

    def source_latency(self, source: str, timestamp_ms: int) -> None:
        now_ms = self._state.wall_clock_ms
        self._latencies[source].record(now_ms - timestamp_ms, now_ms)

    def measured_source(self, source: str, push: Push) -> Push:
        """`push` of a source; with a stopwatch and more around it where DEBUG is recorded."""
        if not self.registry.records(RecordingLevel.DEBUG):
            return push
        state, stopwatch_ns = self._state, self.registry.stopwatch_ns
        node, task, latency, lateness = self._processed[source], self.process, self.process_latency, self.lateness

        def measured(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
            now_ms = state.wall_clock_ms
            lateness.record(state.stream_time_ms - timestamp_ms, now_ms)
            node.record(1, now_ms)
            task.record(1, now_ms)
            start_ns = stopwatch_ns()
            push(key, value, timestamp_ms, headers)
            latency.record(stopwatch_ns() - start_ns, now_ms)

        return measured

    # Ends

    def produced(self, sink: str, topic: str) -> Produced:
        key = sink, topic
        if key not in self._produced:
            tags = {**self.tags, "processor-node-id": sink, "topic": topic}
            sensor = self.scope.sensor(TOPIC_GROUP, tags, _PRODUCED, RecordingLevel.INFO)
            self._produced[key] = Produced(topic, sensor, self._latencies[sink], self._state)
        return self._produced[key]

    def measured_end(self, node: str, push: Push) -> Push:
        """`push` of an operator, which looks at the latency where it has no children."""
        if node not in self._latencies:
            return push
        latency, sampler, state = self._latencies[node], self.sampler, self._state
        count, looked_at = 0, 1

        def measured(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
            nonlocal count, looked_at
            push(key, value, timestamp_ms, headers)
            count += 1
            if count == looked_at:
                now_ms = state.wall_clock_ms
                latency.record(now_ms - timestamp_ms, now_ms)
                looked_at += sampler.step

        return measured

    def counted_emissions(self, node: str, operator: Operator, forward: Push) -> tuple[Push, Push]:
        """`forward` and `process` of an operator that holds records back, which count what it lets go at DEBUG."""
        name, process = operator.emits_as, operator.process
        emitted = self._node_sensor(node, rate_and_count(name, "records let go"), RecordingLevel.DEBUG)
        if name != "suppression-emit":
            latencies = average_and_maximum(f"{name}-latency", "milliseconds of letting records go")
            took = self._node_sensor(node, latencies, RecordingLevel.DEBUG)
        if not emitted.enabled or not operator.emits_late:
            return forward, process
        state, stopwatch_ns = self._state, self.registry.stopwatch_ns

        def counted(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
            emitted.record(1, state.wall_clock_ms)
            forward(key, value, timestamp_ms, headers)

        def timed(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
            before, start_ns = emitted.count, stopwatch_ns()
            process(key, value, timestamp_ms, headers)
            if emitted.count > before:
                took.record((stopwatch_ns() - start_ns) / 1e6, state.wall_clock_ms)

        return counted, process if name == "suppression-emit" else timed

    def begin(self, buffered: int) -> None:
        """A batch begins: of a small one every record is looked at."""
        self.sampler.step = 1 if self.every_record or buffered <= SMALL_BATCH else ONE_OF

    def begin_flush(self) -> None:
        """As a large batch: nobody knows how much a cache will write."""
        self.begin(SMALL_BATCH + 1)

    def finish(self, now_ms: int) -> None:
        """A batch is over."""
        self.sampler.step = 1
        for each in self._produced.values():
            each.settle(now_ms)

    def _note_drop(self) -> None:
        self.dropped.record(1, self._state.wall_clock_ms)

    def _note_skip(self, source: str, raw: RawRecord) -> None:
        """It was counted with its batch, and Kafka Streams does not count it."""
        sensor = self._consumed.get((source, raw.topic))
        if sensor is not None:
            sensor.count -= 1
            sensor.total -= consumed_bytes([raw])

    def _task_sensor(self, definitions: list[Definition], level: RecordingLevel) -> Sensor:
        return self.scope.sensor(TASK_GROUP, self.tags, definitions, level)

    def _node_sensor(self, node: str, definitions: list[Definition], level: RecordingLevel) -> Sensor:
        return self.scope.sensor(NODE_GROUP, {**self.tags, "processor-node-id": node}, definitions, level)


def children_of(node: Any) -> tuple[str, ...]:
    return () if isinstance(node, SinkNode) else node.children


def consumed_bytes(records: Sequence[RawRecord]) -> int:
    """Of one topic, as Kafka Streams counts: a key or value that is null has the size -1."""
    count = len(records)
    some = records if count <= SMALL_BATCH else records[::ONE_OF]
    sizes = sum(_size(record) for record in some)
    return count * (FRAME_BYTES + len(records[0].topic.encode())) + sizes * count // len(some)


def _size(record: RawRecord) -> int:
    _, _, _, _, key, value, headers = record
    size = (-1 if key is None else len(key)) + (-1 if value is None else len(value))
    return size + headers_bytes(headers) if headers else size


def headers_bytes(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value or b"") for name, value in headers)
