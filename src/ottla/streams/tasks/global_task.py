"""What fills the global stores of an instance, from all partitions of their topics (`GlobalStateUpdateTask`).

It has no queues, no stream time and no punctuators; a record's own timestamp counts, whatever extractors say.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import MetricsRegistry, rate_and_count, rate_and_total
from ottla.streams.metrics.streams_metrics import StreamsMetrics
from ottla.streams.state.directory import ROCKSDB
from ottla.streams.tasks.context import TaskStoreContext
from ottla.streams.tasks.failures import Failures
from ottla.streams.tasks.store_metrics import measure_store
from ottla.streams.tasks.task_metrics import NODE_GROUP, TASK_GROUP
from ottla.streams.tasks.task_state import TaskState
from ottla.streams.tasks.wiring import Wiring
from ottla.streams.topology.built import SubTopology

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.record import Headers, RawRecord
    from ottla.streams.state.store import StateStore
    from ottla.streams.topology.built import BuiltTopology, Node, SourceNode

GLOBAL_ID = -1


class GlobalTask:
    def __init__(
        self,
        topology: BuiltTopology,
        *,
        directory: str | None = None,
        cache_bytes: int = 0,
        metrics: MetricsRegistry | None = None,
        thread_id: str = "",
    ) -> None:
        nodes: dict[str, Node] = {}
        for each in topology.global_stores:
            nodes |= {each.source.name: each.source, each.processor.name: each.processor}
        self.topology = topology
        self.stores: dict[str, StateStore] = {}
        self.state = TaskState(f"{GLOBAL_ID}_{GLOBAL_ID}", topology.application_id, topology.config, self.stores)
        self._scope = (metrics or MetricsRegistry()).scope()
        self.state.metrics = StreamsMetrics(self._scope.registry, thread_id)
        self._tags = {"thread-id": thread_id, "task-id": self.state.task_id}
        dropped = rate_and_total("dropped-records", "records skipped")
        self._dropped = self._scope.sensor(TASK_GROUP, self._tags, dropped, RecordingLevel.INFO)
        self._processed = self._scope.sensor(
            TASK_GROUP, self._tags, rate_and_count("process", "records"), RecordingLevel.DEBUG
        )
        self._of_sources = {
            each.source.topics[0]: self._scope.sensor(
                NODE_GROUP,
                {**self._tags, "processor-node-id": each.source.name},
                rate_and_count("process", "records"),
                RecordingLevel.DEBUG,
            )
            for each in topology.global_stores
        }
        self.state.on_drop = lambda: self._dropped.record(1, self._scope.registry.clock_ms())
        collector = _NoCollector()
        self._failures = Failures(self.state, collector)
        config = topology.config
        guarded = bool(config.get("processing.exception.handler.global.enabled"))
        self._wiring = Wiring(nodes, self.state, collector, self._failures if guarded else None)
        self._sources: dict[str, SourceNode] = {each.source.topics[0]: each.source for each in topology.global_stores}
        sub_topology = _sub_topology(topology, nodes)
        self._store_context = TaskStoreContext(self.state, sub_topology, GLOBAL_ID, None, directory, cache_bytes)

    @property
    def dropped_records(self) -> int:
        return self.state.dropped_records

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def open_stores(self) -> None:
        for each in self.topology.global_stores:
            builder: Any = each.store
            if builder.caching_enabled and not self._store_context.cache_bytes:
                builder = builder.with_caching_disabled()
            store: StateStore = builder.build()
            store.open(self._store_context)
            directory = self._store_context.directory
            files = None if directory is None else Path(directory) / ROCKSDB / store.name
            measure_store(store, self._scope, self._tags, self.state.record, files, cached=False)
            self.stores[each.store.name] = store

    def restore(self, store: str, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        """Of a store that is not to be reprocessed: put what its topic holds as it is; otherwise `update` restores."""
        self.stores[store].restore(records)

    def initialize(self, now_ms: int = 0) -> None:
        self.state.wall_clock_ms = now_ms
        self._wiring.bind()

    def update(self, raw: RawRecord) -> None:
        source = self._sources[raw.topic]
        try:
            key = source.key_deserializer(raw.topic, raw.key, raw.headers)
            value = source.value_deserializer(raw.topic, raw.value, raw.headers)
        except Exception as failure:
            self._failures.unreadable(source.name, raw, failure)
            return
        record = self.state.record
        record.raw, record.timestamp_ms, record.headers = raw, raw.timestamp_ms, raw.headers
        now_ms = self._scope.registry.clock_ms()
        self._processed.record(1, now_ms)
        self._of_sources[raw.topic].record(1, now_ms)
        self._wiring.pushes[source.name](key, value, raw.timestamp_ms, raw.headers)

    def flush(self, offsets: Mapping[str, int] | None = None) -> None:
        """Make durable what was updated; `offsets`: by store, the position after it in the store's topic."""
        for name, store in self.stores.items():
            store.flush()
            store.commit(None if offsets is None else offsets.get(name))

    def close(self) -> None:
        self._scope.close()
        try:
            self._wiring.close()
        finally:
            for store in self.stores.values():
                store.close()


class _NoCollector:
    """Dead letters of global stores go nowhere, as in Kafka Streams; `Failures` has said what happened in the log."""

    def send(self, *record: Any) -> None: ...

    def partitions_for(self, topic: str) -> int:
        return 0


def _sub_topology(topology: BuiltTopology, nodes: dict[str, Node]) -> SubTopology:
    topics = {each.store.name: each.source.topics[0] for each in topology.global_stores}
    return SubTopology(
        id=GLOBAL_ID,
        nodes=nodes,
        stores={each.store.name: each.store for each in topology.global_stores},
        source_topics=frozenset(topics.values()),
        source_patterns=(),
        sink_topics=frozenset(),
        repartition_source_topics={},
        repartition_sink_topics=frozenset(),
        changelog_topics={},
        source_topic_changelogs=topics,
        copartition_groups=(),
    )
