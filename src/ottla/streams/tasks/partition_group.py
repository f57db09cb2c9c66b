"""The records that a task has buffered, and which of them is next: the one with the least timestamp.

Kafka Streams' `PartitionGroup` and `RecordQueue`. The head of each queue is deserialized ahead, since its timestamp
decides; what cannot be read, or has no valid time, never becomes a head.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.tasks.task_metrics import consumed_bytes
from ottla.streams.topology.timestamp_extractor import ConsumedRecord, fail_on_invalid_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.runtime.metrics.sensor import Sensor
    from ottla.streams.operator import Push
    from ottla.streams.record import RawRecord, TopicPartition
    from ottla.streams.topology.built import SourceNode

UNKNOWN_TIME = -1

MAX_TASK_IDLE_DISABLED = -1


class RecordQueue:
    """One partition's records, as they were read, and the source node that they go to."""

    __slots__ = (
        "consumed",
        "consumed_offset",
        "extract",
        "head",
        "head_offset",
        "key_deserializer",
        "next_offset",
        "on_unreadable",
        "on_untimely",
        "partition",
        "partition_time_ms",
        "push",
        "raws",
        "source_name",
        "value_deserializer",
    )

    def __init__(
        self,
        partition: TopicPartition,
        source: SourceNode,
        push: Push,
        on_unreadable: Callable[[str, RawRecord, Exception], None],
        on_untimely: Callable[[str, RawRecord, int], None],
        consumed: Sensor,
    ) -> None:
        self.partition = partition
        self.consumed = consumed
        self.source_name = source.name
        self.key_deserializer = source.key_deserializer
        self.value_deserializer = source.value_deserializer
        extract = source.timestamp_extractor
        # The default one looks at the record's own time alone, which needs no object made of the record.
        self.extract = None if extract is fail_on_invalid_timestamp else extract
        self.push = push
        self.on_unreadable = on_unreadable
        self.on_untimely = on_untimely
        self.raws: deque[RawRecord] = deque()
        self.head: tuple[int, Any, Any, RawRecord] | None = None  # timestamp, key, value, as it was read
        self.head_offset: int | None = None
        self.partition_time_ms = UNKNOWN_TIME
        self.consumed_offset: int | None = None
        self.next_offset: int | None = None  # the consumer's position, which may lie behind control records

    def __len__(self) -> int:
        return len(self.raws) + (self.head is not None)

    def add(self, records: Sequence[RawRecord], now_ms: int) -> None:
        if records:
            self.raws.extend(records)
            self.consumed.record_many(len(records), consumed_bytes(records), 0, 0, now_ms)

    def advance(self) -> bool:
        """Make the next readable record the head; False when there is none. Whatever was skipped counts as consumed."""
        raws = self.raws
        while raws:
            raw = raws.popleft()
            decoded = self.decode(raw)
            if decoded is not None:
                self.head = decoded
                return True
            self.consumed_offset = raw.offset
        self.head = None
        return False

    def decode(self, raw: RawRecord) -> tuple[int, Any, Any, RawRecord] | None:
        """Timestamp, key, value, as it was read; None when it is to be skipped."""
        topic, partition, offset, timestamp_ms, key_bytes, value_bytes, headers = raw
        try:
            key = self.key_deserializer(topic, key_bytes, headers)
            value = self.value_deserializer(topic, value_bytes, headers)
        except Exception as failure:
            self.on_unreadable(self.source_name, raw, failure)
            return None
        if self.extract is not None or timestamp_ms < 0:
            extract = self.extract or fail_on_invalid_timestamp
            record = ConsumedRecord(topic, partition, offset, timestamp_ms, key, value, headers)
            try:
                timestamp_ms = extract(record, self.partition_time_ms)
            except StreamsError:
                raise
            except Exception as failure:
                raise StreamsError(f"the timestamp extractor failed for {record}: {failure!r}") from failure
            if timestamp_ms < 0:
                self.on_untimely(self.source_name, raw, timestamp_ms)
                return None
        return timestamp_ms, key, value, raw

    def commit_offset(self) -> int | None:
        """The first offset that is not processed; None while nothing was read."""
        if self.head is not None:
            return self.head[3].offset
        if self.raws:
            return self.raws[0].offset
        consumed = None if self.consumed_offset is None else self.consumed_offset + 1
        if self.next_offset is not None and (consumed is None or self.next_offset > consumed):
            return self.next_offset
        return consumed

    def clear(self) -> None:
        self.raws.clear()
        self.head = None
        self.partition_time_ms = UNKNOWN_TIME


class PartitionGroup:
    """All queues of a task. `by_time` is a heap of those with a head, ordered and broken as Java's PriorityQueue."""

    __slots__ = ("_deadlines", "_enforced", "_lags", "by_time", "max_task_idle_ms", "queues")

    def __init__(self, queues: Mapping[TopicPartition, RecordQueue], max_task_idle_ms: int, enforced: Sensor) -> None:
        """`enforced` counts how often a partition without records was not waited for any longer."""
        self.queues = dict(queues)
        self._enforced = enforced
        self.by_time: list[RecordQueue] = []
        self.max_task_idle_ms = max_task_idle_ms
        self._lags: dict[TopicPartition, int] = {}
        self._deadlines: dict[TopicPartition, int] = {}

    @property
    def buffered(self) -> int:
        return sum(len(queue) for queue in self.queues.values())

    def add(self, partition: TopicPartition, records: Sequence[RawRecord], now_ms: int) -> int:
        """How many records that partition has buffered now."""
        queue = self.queues[partition]
        queue.add(records, now_ms)
        if queue.head is None and queue.advance():
            self.offer(queue)
        return len(queue)

    def offer(self, queue: RecordQueue) -> None:
        heap = self.by_time
        heap.append(queue)
        at = len(heap) - 1
        time_ms = queue.head[0] if queue.head else UNKNOWN_TIME
        while at > 0:
            parent = (at - 1) >> 1
            above = heap[parent]
            assert above.head is not None
            if time_ms >= above.head[0]:
                break
            heap[at] = above
            at = parent
        heap[at] = queue

    def poll(self) -> RecordQueue:
        heap = self.by_time
        first = heap[0]
        moved = heap.pop()
        if heap:
            assert moved.head is not None
            time_ms = moved.head[0]
            at, size = 0, len(heap)
            while at < size >> 1:
                child = 2 * at + 1
                below = heap[child]
                assert below.head is not None
                if child + 1 < size and (right := heap[child + 1].head) is not None and below.head[0] > right[0]:
                    child += 1
                    below = heap[child]
                assert below.head is not None
                if time_ms <= below.head[0]:
                    break
                heap[at] = below
                at = child
            heap[at] = moved
        return first

    def update_lags(self, lag_of: Callable[[TopicPartition], int | None]) -> None:
        """Ask how far each partition's end is known to be ahead of what was fetched; None where it is not known."""
        if self.max_task_idle_ms != MAX_TASK_IDLE_DISABLED:
            self._lags = {each: lag for each in self.queues if (lag := lag_of(each)) is not None}

    def ready(self, now_ms: int) -> bool:
        """Whether the least head is known to be the next record, or was waited for long enough (KIP-353, KIP-695)."""
        if self.max_task_idle_ms == MAX_TASK_IDLE_DISABLED:
            return True
        queued = waited = False
        for partition, queue in self.queues.items():
            if queue.head is not None:
                self._deadlines.pop(partition, None)
                queued = True
                continue
            if self._lags.get(partition, -1) != 0:  # not known, or more is there to be fetched
                self._deadlines.pop(partition, None)
                return False
            if now_ms < self._deadlines.setdefault(partition, now_ms + self.max_task_idle_ms):
                return False
            waited = True
        if queued and waited:
            self._enforced.record(1, now_ms)
        return queued

    def clear(self) -> None:
        for queue in self.queues.values():
            queue.clear()
        self.by_time.clear()
        self._lags.clear()
        self._deadlines.clear()
