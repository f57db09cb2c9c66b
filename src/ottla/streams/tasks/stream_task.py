"""One task: the records of its partitions go through its operators, and it says what to commit. Without any I/O.

    task = StreamTask(…)            operators made, stores closed
    task.open_stores()              restore `task.stores` now, from their changelogs
    task.initialize(committed)      operators bound; from here on records are processed
    task.add_records(…); task.process(now, limit); task.maybe_punctuate(now)
    offsets = task.prepare_commit() caches are flushed: producer flush and commit come after this
    task.post_commit(…)             what was flushed becomes durable
    task.close()

Records and the clock are handed in; what the task writes goes to its `RecordCollector`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ottla.runtime.tracing.tracing import active
from ottla.streams.errors import StreamsError, TaskCorruptedError, TaskMigratedError
from ottla.streams.metrics.registry import MetricsRegistry
from ottla.streams.state.directory import ROCKSDB
from ottla.streams.tasks.context import TaskStoreContext
from ottla.streams.tasks.failures import FailedProcessingError, Failures
from ottla.streams.tasks.partition_group import PartitionGroup, RecordQueue
from ottla.streams.tasks.store_metrics import measure_store
from ottla.streams.tasks.task_metrics import TaskMetrics
from ottla.streams.tasks.task_state import TaskState
from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata, decode_metadata, encode_metadata
from ottla.streams.tasks.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ottla.streams.operator import Push
    from ottla.streams.record import RawRecord, TopicPartition
    from ottla.streams.state.store import StateStore
    from ottla.streams.tasks.punctuation import PunctuationSchedule
    from ottla.streams.tasks.record_collector import RecordCollector
    from ottla.streams.topology.built import SourceNode, SubTopology


class StreamTask:
    def __init__(
        self,
        sub_topology: SubTopology,
        partition: int,
        input_partitions: Iterable[TopicPartition],
        application_id: str,
        config: Mapping[str, Any],
        collector: RecordCollector,
        *,
        directory: str | None = None,
        cache_bytes: int = 0,
        global_stores: Mapping[str, StateStore] | None = None,
        metrics: MetricsRegistry | None = None,
        thread_id: str = "",
        every_record: bool = False,
    ) -> None:
        """`cache_bytes` is for all stores of the task; each gets its share. `directory` is the task's own.

        What it measures is seen in `metrics` once `task.metrics` are published; with `every_record` also latencies are
        those of every record.
        """
        self.sub_topology = sub_topology
        self.state = TaskState(f"{sub_topology.id}_{partition}", application_id, config, global_stores or {})
        self._collector = collector
        self.failures = Failures(self.state, collector)
        self.metrics = TaskMetrics(
            metrics or MetricsRegistry(), thread_id, sub_topology, self.state, every_record=every_record
        )
        self.wiring = Wiring(sub_topology.nodes, self.state, collector, self.failures, self.metrics)
        queues = {each: self._queue(each) for each in input_partitions}
        self.group = PartitionGroup(queues, int(config.get("max.task.idle.ms") or 0), self.metrics.enforced)
        self._single = next(iter(queues.values())) if len(queues) == 1 else None
        cached = sum(builder.caching_enabled for builder in sub_topology.stores.values())
        share = cache_bytes // cached if cached else 0
        self.store_context = TaskStoreContext(self.state, sub_topology, partition, collector, directory, share)
        if cached and share:
            self.metrics.gauge("cache-size-bytes-total", "bytes that the task's caches hold", self._cache_size_bytes)
        buffered = "records that were read and are not processed yet"
        self.metrics.gauge("active-buffer-count", buffered, lambda: self.buffered_records)
        self.processed_records = 0
        self._begun_at: dict[TopicPartition, int] = {}
        self._commit_needed = False
        self._initialized = False
        self._closed = False

    @property
    def task_id(self) -> str:
        return self.state.task_id

    @property
    def stores(self) -> Mapping[str, StateStore]:
        return self.state.stores

    @property
    def dropped_records(self) -> int:
        return self.state.dropped_records

    @property
    def stream_time_ms(self) -> int:
        return self.state.stream_time_ms

    @property
    def buffered_records(self) -> int:
        return self.group.buffered

    def buffered_of(self, partition: TopicPartition) -> int:
        return len(self.group.queues[partition])

    @property
    def input_partitions(self) -> tuple[TopicPartition, ...]:
        return tuple(self.group.queues)

    # Starting

    def open_stores(self, built: Mapping[str, StateStore] | None = None) -> None:
        """`built`: stores that are open already, as those of a standby task that becomes active."""
        for name, builder in self.sub_topology.stores.items():
            store = built.get(name) if built is not None else None
            if store is None:
                if builder.caching_enabled and not self.store_context.cache_bytes:
                    builder = builder.with_caching_disabled()  # so that every change goes on, that of nothing, too
                store = builder.build()
                store.open(self.store_context)
                self._measure(store, cached=builder.caching_enabled)
            self.state.stores[name] = store

    def _measure(self, store: StateStore, *, cached: bool) -> None:
        directory = self.store_context.directory
        files = None if directory is None else Path(directory) / ROCKSDB / store.name
        measure_store(store, self.metrics.scope, self.metrics.tags, self.state.record, files, cached=cached)

    def _cache_size_bytes(self) -> int:
        return sum(getattr(store, "cache_size_bytes", 0) for store in list(self.state.stores.values()))

    def initialize(self, committed: Mapping[TopicPartition, OffsetAndMetadata], now_ms: int = 0) -> None:
        """Bind the operators. `committed`: what the group had committed, whose metadata has the partitions' times."""
        for partition, offset in committed.items():
            metadata = decode_metadata(offset.metadata)
            queue = self.group.queues[partition]
            queue.partition_time_ms = metadata.partition_time_ms
            self._begun_at[partition] = offset.offset
            self.state.stream_time_ms = max(self.state.stream_time_ms, metadata.partition_time_ms)
            kept = self.state.processor_metadata
            for key, value in metadata.processor_metadata.items():
                kept[key] = max(value, kept.get(key, value))
        self.state.wall_clock_ms = now_ms
        self.wiring.bind()
        self._initialized = True

    @property
    def position(self) -> dict[TopicPartition, int]:
        """By input partition: the offset of the last record that the stores know of, with all before it (KIP-796)."""
        found = {}
        in_a_record = self.state.record.raw is not None
        for partition, queue in self.group.queues.items():
            offset = queue.consumed_offset
            if offset is None:
                offset = self._begun_at.get(partition, 0) - 1
            if queue.next_offset is not None and not len(queue) and not in_a_record:
                offset = max(offset, queue.next_offset - 1)  # behind control records
            if offset >= 0:
                found[partition] = offset
        return found

    # Running

    def add_records(self, partition: TopicPartition, records: Sequence[RawRecord]) -> int:
        """How many records of that partition wait now; above `buffered.records.per.partition` it is to be paused."""
        now_ms = self.state.wall_clock_ms
        if self._single is not None:
            queue = self.group.queues[partition]
            queue.add(records, now_ms)
            return len(queue.raws)
        return self.group.add(partition, records, now_ms)

    def note_position(self, partition: TopicPartition, next_offset: int) -> None:
        """The consumer's position: the offset after control records, and of everything handed over."""
        queue = self.group.queues[partition]
        before = queue.commit_offset()
        queue.next_offset = next_offset
        if before is not None and queue.commit_offset() != before:
            self._commit_needed = True

    def update_lags(self, lag_of: Callable[[TopicPartition], int | None]) -> None:
        self.group.update_lags(lag_of)

    def is_processable(self, now_ms: int) -> bool:
        if self._single is not None:
            return bool(self._single.raws)
        return bool(self.group.by_time) and self.group.ready(now_ms)

    def process(self, now_ms: int, limit: int) -> int:
        """Process up to `limit` records; how many it was. Fewer: there are no more, or others must come first."""
        state, metrics = self.state, self.metrics
        state.wall_clock_ms = now_ms
        try:
            metrics.begin(len(self._single.raws) if self._single is not None else self.group.buffered)
            done = self._process(now_ms, 1)
            if state.record.raw is not None:
                metrics.source_latency(self._source_of(state.record.raw.topic).name, state.record.timestamp_ms)
            if done and limit > 1:
                done += self._process(now_ms, limit - 1)
        except FailedProcessingError as failure:
            raise self._failed(failure.node) from failure.__cause__
        except StreamsError:
            raise
        except Exception as failure:
            raise self._failed(self.wiring.failed_node(failure)) from failure
        finally:
            state.record.raw = None
            metrics.finish(now_ms)
        self.processed_records += done
        return done

    def _process(self, now_ms: int, limit: int) -> int:
        single = self._single
        return self._process_queue(single, limit) if single is not None else self._process_group(now_ms, limit)

    def _process_queue(self, queue: RecordQueue, limit: int) -> int:
        """The only queue of a task: nothing must be known of its head before it is processed."""
        state, record, popleft = self.state, self.state.record, queue.raws.popleft
        deserialize_key, deserialize_value = queue.key_deserializer, queue.value_deserializer
        plain, push = queue.extract is None, queue.push
        todo = min(limit, len(queue.raws))
        for _ in range(todo):
            self._commit_needed = True
            raw = popleft()
            topic, _, offset, timestamp_ms, key_bytes, value_bytes, headers = raw
            if plain and timestamp_ms >= 0:
                try:
                    key = deserialize_key(topic, key_bytes, headers)
                    value = deserialize_value(topic, value_bytes, headers)
                except Exception as failure:
                    self.failures.unreadable(queue.source_name, raw, failure)
                    queue.consumed_offset = offset
                    continue
            else:
                decoded = queue.decode(raw)
                if decoded is None:
                    queue.consumed_offset = offset
                    continue
                timestamp_ms, key, value, _ = decoded
            if timestamp_ms > queue.partition_time_ms:
                queue.partition_time_ms = timestamp_ms
                if timestamp_ms > state.stream_time_ms:
                    state.stream_time_ms = timestamp_ms
            record.raw = raw
            record.timestamp_ms = timestamp_ms
            record.headers = headers
            push(key, value, timestamp_ms, headers)
            queue.consumed_offset = offset
        return todo

    def _process_group(self, now_ms: int, limit: int) -> int:
        group, state, record = self.group, self.state, self.state.record
        done = heads = 0
        while done < limit and group.by_time:
            if len(group.by_time) != heads:  # nothing else makes a difference at one moment
                if not group.ready(now_ms):
                    break
                heads = len(group.by_time)
            queue = group.poll()
            assert queue.head is not None
            timestamp_ms, key, value, raw = queue.head
            if timestamp_ms > queue.partition_time_ms:
                queue.partition_time_ms = timestamp_ms
            self._commit_needed = True
            if queue.advance():
                group.offer(queue)
            if timestamp_ms > state.stream_time_ms:
                state.stream_time_ms = timestamp_ms
            record.raw = raw
            record.timestamp_ms = timestamp_ms
            record.headers = raw.headers
            queue.push(key, value, timestamp_ms, raw.headers)
            queue.consumed_offset = max(raw.offset, queue.consumed_offset or -1)
            done += 1
        return done

    def maybe_punctuate(self, now_ms: int) -> bool:
        """Fire what is due in stream time, then what is due on the wall clock; whether there was something."""
        by_records = self.maybe_punctuate_stream_time()
        return self.maybe_punctuate_wall_clock(now_ms) or by_records

    def maybe_punctuate_stream_time(self) -> bool:
        now_ms = self.state.stream_time_ms
        if now_ms < 0 or not self.state.stream_time_punctuators.maybe_punctuate(now_ms, self._punctuate):
            return False
        self._commit_needed = True
        return True

    def maybe_punctuate_wall_clock(self, now_ms: int) -> bool:
        self.state.wall_clock_ms = now_ms
        if not self.state.wall_clock_punctuators.maybe_punctuate(now_ms, self._punctuate):
            return False
        self._commit_needed = True
        return True

    @property
    def next_wall_clock_punctuation_ms(self) -> int | None:
        return self.state.wall_clock_punctuators.next_ms

    def _punctuate(self, schedule: PunctuationSchedule, now_ms: int) -> None:
        record = self.state.record
        record.raw, record.timestamp_ms, record.headers = None, now_ms, ()
        try:
            self._measured_punctuation(schedule, now_ms)
        except FailedProcessingError as failure:
            raise self._punctuator_failed(schedule.node) from failure.__cause__
        except (TaskCorruptedError, TaskMigratedError):
            raise
        except Exception as failure:
            try:
                self.failures.processing_failed(schedule.node, None, failure)
            except FailedProcessingError as final:
                raise self._punctuator_failed(schedule.node) from final.__cause__

    def _measured_punctuation(self, schedule: PunctuationSchedule, now_ms: int) -> None:
        metrics = self.metrics
        start_ns = metrics.registry.stopwatch_ns()
        schedule.punctuate(now_ms)
        metrics.punctuate.record(metrics.registry.stopwatch_ns() - start_ns, self.state.wall_clock_ms)
        metrics.finish(self.state.wall_clock_ms)

    # Committing

    @property
    def commit_requested(self) -> bool:
        return self.state.commit_requested

    @property
    def commit_needed(self) -> bool:
        return self._commit_needed

    def prepare_commit(self) -> dict[TopicPartition, OffsetAndMetadata]:
        """Flush the caches, which may process and send more, and say what to commit; nothing where nothing was done."""
        if not self._commit_needed:
            return {}
        self.metrics.begin_flush()
        for store in self.state.stores.values():
            store.flush()
        self.metrics.finish(self.state.wall_clock_ms)
        metadata = self.state.processor_metadata
        offsets = {}
        for partition, queue in self.group.queues.items():
            offset = queue.commit_offset()
            if offset is not None and (queue.consumed_offset is not None or self.state.metadata_changed):
                offsets[partition] = OffsetAndMetadata(offset, encode_metadata(queue.partition_time_ms, metadata))
        return offsets

    def post_commit(self, changelog_offsets: Mapping[str, int] | None = None) -> None:
        """After the commit. `changelog_offsets`: by store, the position in its changelog after what was flushed."""
        positions = changelog_offsets or {}
        for name, store in self.state.stores.items():
            position = positions.get(name)
            if position is None and (topic := self.sub_topology.source_topic_changelogs.get(name)) is not None:
                position = self.consumed_of(topic)
            store.commit(position)
        self._commit_needed = False
        self.state.commit_requested = False
        self.state.metadata_changed = False

    def consumed_of(self, topic: str) -> int | None:
        """The first offset of a source topic that is not processed; None while nothing was read of it."""
        offsets = [queue.commit_offset() for each, queue in self.group.queues.items() if each.topic == topic]
        return offsets[0] if offsets else None

    # Ending

    def suspend(self) -> None:
        """Close the operators; the stores stay open, and records that wait are dropped: they will be read again."""
        if self._initialized:
            self._initialized = False
            try:
                self.wiring.close()
            finally:
                self.group.clear()
                self.state.stream_time_punctuators.clear()
                self.state.wall_clock_punctuators.clear()

    def recycle(self) -> None:
        """After a commit: what ran becomes a copy, whose stores are restored into. `initialize` has it run again."""
        self.suspend()
        state = self.state
        state.stream_time_ms = -1
        state.processor_metadata.clear()
        state.commit_requested = state.metadata_changed = self._commit_needed = False
        for store in state.stores.values():
            store.forget_cached()
        self.wiring = Wiring(self.sub_topology.nodes, state, self._collector, self.failures, self.metrics)
        for queue in self.group.queues.values():
            queue.consumed_offset = queue.next_offset = None
            queue.push = self._push_of(queue.source_name)

    def close(self, *, stores: bool = True) -> None:
        """Without `stores` they stay open, for a standby task that takes them over. What was not committed is lost."""
        if self._closed:
            return
        self._closed = True
        self.metrics.close()
        try:
            self.suspend()
        finally:
            if stores:
                for store in self.state.stores.values():
                    store.close()

    def _queue(self, partition: TopicPartition) -> RecordQueue:
        source = self._source_of(partition.topic)
        failures = self.failures
        push = self._push_of(source.name)
        consumed = self.metrics.consumed(source.name, partition.topic)
        return RecordQueue(partition, source, push, failures.unreadable, failures.untimely, consumed)

    def _push_of(self, source: str) -> Push:
        push = self.metrics.measured_source(source, self.wiring.pushes[source])
        tracing = active()
        if tracing is None:
            return push
        from ottla.streams.tasks.record_spans import traced

        return traced(push, source, self.state, tracing)

    def _source_of(self, topic: str) -> SourceNode:
        for source in self.sub_topology.sources:
            pattern = source.pattern
            if topic in source.topics or (
                pattern is not None and (topic == pattern.pattern or pattern.fullmatch(topic))
            ):
                return source
        raise StreamsError(f"task {self.task_id} has no source that reads the topic {topic}")

    def _failed(self, node: str | None) -> StreamsError:
        metadata = self.state.record.metadata
        place = "" if metadata is None else f" at offset {metadata.offset} of {metadata.topic}-{metadata.partition}"
        return StreamsError(f"task {self.task_id} failed in processor {node or 'unknown'}, for the record{place}")

    def _punctuator_failed(self, node: str) -> StreamsError:
        return StreamsError(f"task {self.task_id}: a punctuator of processor {node} failed")
