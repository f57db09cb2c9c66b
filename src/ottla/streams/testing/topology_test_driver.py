"""`TopologyTestDriver`: a topology without brokers. What is piped in is processed and committed before that returns.

The whole topology is one task of partition 0, whose repartition topics lead back to it; the clock stands until the test
advances it. Tasks are those that applications run, so results are the same, record by record.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from ottla.streams.config import StreamsConfig
from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import MetricsRegistry, rate_and_count
from ottla.streams.record import RawRecord, TopicPartition
from ottla.streams.state.store import KeyValueStore, SessionStore, StateStore, VersionedKeyValueStore, WindowStore
from ottla.streams.tasks.exception_handlers import ProducerRecord
from ottla.streams.tasks.global_task import GlobalTask
from ottla.streams.tasks.stream_task import StreamTask
from ottla.streams.testing.plain_values import PlainKeyValues, PlainWindows
from ottla.streams.testing.topics import TestInputTopic, TestOutputTopic
from ottla.streams.topology.built import SubTopology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.streams.metrics.registry import Metric, MetricName
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Deserializer, Serializer
    from ottla.streams.topology.built import BuiltTopology
    from ottla.streams.topology.topology import Topology

THREAD: Final = "main"
K = TypeVar("K")
V = TypeVar("V")

_DEFAULTS: Final = {
    "application.id": "dummy-topology-test-driver-app-id",
    "bootstrap.servers": "dummy-bootstrap-host:0",
}
_INTERNAL: Final = {
    # Results of windows and of outer joins are not held back for a while to save lookups.
    "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__": 0,
    "__emit.interval.ms.kstreams.windowed.aggregation__": 0,
}


class TopologyTestDriver:
    def __init__(
        self, topology: Topology, config: Mapping[str, Any] | None = None, initial_wall_clock_ms: int | None = None
    ) -> None:
        """`config` under Kafka Streams' keys; application.id and bootstrap.servers may be left out."""
        given = config.originals if isinstance(config, StreamsConfig) else config or {}
        self._config = StreamsConfig({**_DEFAULTS, **given})
        self._now_ms = int(time.time() * 1000) if initial_wall_clock_ms is None else initial_wall_clock_ms
        built = topology.build({**_INTERNAL, **self._config})
        self._written: list[ProducerRecord] = []
        self._outputs: dict[str, deque[ProducerRecord]] = {}
        self._offsets: dict[str, int] = {}
        cache_bytes = int(self._config["statestore.cache.max.bytes"])
        self._metrics = MetricsRegistry.configured(self._config, lambda: self._now_ms, lambda: self._now_ms * 1_000_000)
        self._metrics.scope().sensor(
            "stream-thread-metrics",
            {"thread-id": THREAD},
            rate_and_count("task-closed", "tasks closed"),
            RecordingLevel.INFO,
        )
        self._global = (
            GlobalTask(built, cache_bytes=cache_bytes, metrics=self._metrics, thread_id=THREAD)
            if built.global_stores
            else None
        )
        if self._global is not None:
            self._global.open_stores()
            self._global.initialize(self._now_ms)
        self._sub_topology = whole(built)
        self._task = self._make_task(built)

    def _make_task(self, built: BuiltTopology) -> StreamTask | None:
        sub_topology = self._sub_topology
        patterns = [pattern.pattern for pattern in sub_topology.source_patterns]
        topics = sorted(sub_topology.source_topics) + patterns
        if not topics:
            return None
        task = StreamTask(
            sub_topology,
            0,
            [TopicPartition(topic, 0) for topic in topics],
            built.application_id,
            built.config,
            self,
            cache_bytes=int(self._config["statestore.cache.max.bytes"]),
            global_stores=self._global.stores if self._global is not None else None,
            metrics=self._metrics,
            thread_id=THREAD,
            every_record=True,
        )
        task.metrics.publish()
        task.open_stores()
        task.initialize({}, self._now_ms)
        return task

    # Topics

    def create_input_topic(
        self,
        topic: str,
        key_serializer: Serializer[K],
        value_serializer: Serializer[V],
        start_timestamp_ms: int | None = None,
        auto_advance_ms: int = 0,
    ) -> TestInputTopic[K, V]:
        """Without `start_timestamp_ms` records get the time of the wall clock as it is now."""
        start_ms = self._now_ms if start_timestamp_ms is None else start_timestamp_ms
        return TestInputTopic(self, topic, key_serializer, value_serializer, start_ms, auto_advance_ms)

    def create_output_topic(
        self, topic: str, key_deserializer: Deserializer[K], value_deserializer: Deserializer[V]
    ) -> TestOutputTopic[K, V]:
        return TestOutputTopic(self, topic, key_deserializer, value_deserializer)

    @property
    def produced_topic_names(self) -> frozenset[str]:
        """With repartition and changelog topics."""
        return frozenset(self._outputs)

    def written_to(self, topic: str) -> deque[ProducerRecord]:
        """What was written to a topic and nobody has taken from here, as bytes."""
        return self._outputs.setdefault(topic, deque()) if topic in self._outputs else deque()

    def pipe_raw(
        self, topic: str, key: bytes | None, value: bytes | None, timestamp_ms: int, headers: Headers = ()
    ) -> None:
        partition = self._input_of(topic)
        is_global = self._global is not None and topic in self._global.topics
        if partition is None and not is_global:
            raise ValueError(f"no source of the topology reads the topic {topic}")
        if partition is not None:
            self._enqueue(partition, topic, key, value, timestamp_ms, headers)
            self._complete()
        if is_global:
            self._update_global(topic, key, value, timestamp_ms, headers)

    # Time

    @property
    def wall_clock_ms(self) -> int:
        return self._now_ms

    def advance_wall_clock_time(self, advance_ms: int) -> None:
        """Punctuators that are due by then fire, once each."""
        if advance_ms < 0:
            raise ValueError("the clock cannot be put back")
        self._now_ms += advance_ms
        if self._task is not None:
            self._task.maybe_punctuate_wall_clock(self._now_ms)
            self._commit(self._task)
        self._complete()

    # Stores

    def get_all_state_stores(self) -> dict[str, StateStore]:
        stores = dict(self._task.stores) if self._task is not None else {}
        return stores | (self._global.stores if self._global is not None else {})

    def get_state_store(self, name: str) -> StateStore | None:
        return self.get_all_state_stores().get(name)

    def get_key_value_store(self, name: str) -> KeyValueStore | None:
        """Values alone; of a timestamped store, too. None when there is no key-value store of that name."""
        store = self.get_state_store(name)
        if not isinstance(store, KeyValueStore):
            return None
        return PlainKeyValues(store) if getattr(store, "timestamped", False) else store

    def get_timestamped_key_value_store(self, name: str) -> KeyValueStore | None:
        """Values are `ValueAndTimestamp`."""
        store = self.get_state_store(name)
        return store if isinstance(store, KeyValueStore) and getattr(store, "timestamped", False) else None

    def get_versioned_key_value_store(self, name: str) -> VersionedKeyValueStore | None:
        store = self.get_state_store(name)
        return store if isinstance(store, VersionedKeyValueStore) else None

    def get_window_store(self, name: str) -> WindowStore | None:
        """Values alone; of a timestamped store, too."""
        store = self.get_state_store(name)
        if not isinstance(store, WindowStore):
            return None
        return PlainWindows(store) if getattr(store, "timestamped", False) else store

    def get_timestamped_window_store(self, name: str) -> WindowStore | None:
        store = self.get_state_store(name)
        return store if isinstance(store, WindowStore) and getattr(store, "timestamped", False) else None

    def get_session_store(self, name: str) -> SessionStore | None:
        store = self.get_state_store(name)
        return store if isinstance(store, SessionStore) else None

    def metrics(self) -> dict[MetricName, Metric]:
        """What applications measure, by the driver's clock: how long something takes is 0."""
        return self._metrics.metrics()

    @property
    def dropped_records(self) -> int:
        """`dropped-records-total`, of global stores, too."""
        return sum(each.dropped_records for each in (self._task, self._global) if each is not None)

    # The end

    def close(self) -> None:
        """What processors write while they are closed is written, too."""
        if self._task is not None:
            self._task.suspend()
            self._commit(self._task)
            self._task.close()
        if self._global is not None:
            self._global.close()
        self._capture()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The collector of the task

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        partition: int | None,
        /,
    ) -> None:
        self._written.append(ProducerRecord(topic, key, value, headers, timestamp_ms, partition))

    def partitions_for(self, topic: str) -> int:
        return 1

    # Processing

    def _complete(self) -> None:
        self._capture()
        task = self._task
        if task is None:
            return
        task.update_lags(lambda partition: 0)
        while task.is_processable(self._now_ms):
            task.process(self._now_ms, 1)
            task.maybe_punctuate_stream_time()
            self._commit(task)
            self._capture()

    def _commit(self, task: StreamTask) -> None:
        task.prepare_commit()
        task.post_commit()

    def _capture(self) -> None:
        """Everything written becomes readable, and what the topology reads itself is piped back."""
        written, self._written = self._written, []
        for record in written:
            topic, key, value, headers, timestamp_ms, _ = record
            self._outputs.setdefault(topic, deque()).append(record)
            partition = self._input_of(topic)
            if partition is not None:
                self._enqueue(partition, topic, key, value, timestamp_ms, headers)
            if self._global is not None and topic in self._global.topics:
                self._update_global(topic, key, value, timestamp_ms, headers)

    def _input_of(self, topic: str) -> TopicPartition | None:
        """A pattern has one partition for all topics that match it."""
        if topic in self._sub_topology.source_topics:
            return TopicPartition(topic, 0)
        for pattern in self._sub_topology.source_patterns:
            if pattern.fullmatch(topic):
                return TopicPartition(pattern.pattern, 0)
        return None

    def _enqueue(
        self,
        partition: TopicPartition,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        headers: Headers,
    ) -> None:
        assert self._task is not None
        raw = RawRecord(topic, 0, self._next_offset(partition.topic), timestamp_ms, key, value, headers)
        self._task.add_records(partition, [raw])

    def _update_global(
        self, topic: str, key: bytes | None, value: bytes | None, timestamp_ms: int, headers: Headers
    ) -> None:
        assert self._global is not None
        self._global.update(RawRecord(topic, 0, self._next_offset(topic), timestamp_ms, key, value, headers))
        self._global.flush()

    def _next_offset(self, topic: str) -> int:
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        return offset


def whole(built: BuiltTopology) -> SubTopology:
    """All sub-topologies as one."""
    parts = built.sub_topologies
    if len(parts) == 1:
        return replace(parts[0], id=0)
    return SubTopology(
        id=0,
        nodes=_merged([part.nodes for part in parts]),
        stores=_merged([part.stores for part in parts]),
        source_topics=frozenset().union(*(part.source_topics for part in parts)),
        source_patterns=tuple(pattern for part in parts for pattern in part.source_patterns),
        sink_topics=frozenset().union(*(part.sink_topics for part in parts)),
        repartition_source_topics=_merged([part.repartition_source_topics for part in parts]),
        repartition_sink_topics=frozenset().union(*(part.repartition_sink_topics for part in parts)),
        changelog_topics=_merged([part.changelog_topics for part in parts]),
        source_topic_changelogs=_merged([part.source_topic_changelogs for part in parts]),
        copartition_groups=tuple(group for part in parts for group in part.copartition_groups),
    )


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}
