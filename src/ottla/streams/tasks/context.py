"""What a task hands to its operators and stores: one `NodeContext` a node, one `TaskStoreContext` for all stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.record import RawRecord, RecordMetadata
from ottla.streams.state.store import RecordContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.metrics.streams_metrics import StreamsMetrics
    from ottla.streams.operator import Push
    from ottla.streams.processor import Cancellable, PunctuationType
    from ottla.streams.record import CurrentRecord, Headers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.store import Changelog, StateStore
    from ottla.streams.tasks.record_collector import RecordCollector
    from ottla.streams.tasks.task_state import TaskState
    from ottla.streams.topology.built import SubTopology


def drop_record(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
    """The `forward` of a node without children."""


class NodeContext:
    """The `OperatorContext` of one node of one task."""

    __slots__ = ("_state", "_stores", "children", "forward", "node")

    def __init__(self, node: str, state: TaskState, stores: tuple[str, ...], children: Mapping[str, Push]) -> None:
        self.node = node
        self._state = state
        self._stores = frozenset(stores)
        self.children = children
        self.forward: Push = drop_record

    @property
    def task_id(self) -> str:
        return self._state.task_id

    @property
    def application_id(self) -> str:
        return self._state.application_id

    @property
    def config(self) -> Mapping[str, Any]:
        return self._state.config

    @property
    def record(self) -> CurrentRecord:
        return self._state.record

    @property
    def record_metadata(self) -> RecordMetadata | None:
        return self._state.record.metadata

    @property
    def stream_time_ms(self) -> int:
        return self._state.stream_time_ms

    def wall_clock_ms(self) -> int:
        return self._state.wall_clock_ms

    def store(self, name: str) -> StateStore:
        store = self._state.global_stores.get(name)
        if store is not None:
            return store
        if name not in self._stores:
            connected = ", ".join(sorted(self._stores)) or "none"
            raise StreamsError(
                f"processor {self.node} has no access to the store {name}: it is not connected to it (connected: "
                f"{connected}). Name it where the processor is added, or give the processor's supplier `stores()`"
            )
        return self._state.stores[name]

    def schedule(
        self, interval_ms: int, kind: PunctuationType, punctuate: Callable[[int], None], start_ms: int | None = None
    ) -> Cancellable:
        if interval_ms < 1:
            raise ValueError("the interval of a punctuator is at least one millisecond")
        return self._state.schedule(self.node, start_ms, interval_ms, kind, punctuate)

    def request_commit(self) -> None:
        self._state.commit_requested = True

    def processor_metadata(self, key: str) -> int | None:
        return self._state.processor_metadata.get(key)

    def put_processor_metadata(self, key: str, value: int) -> None:
        self._state.processor_metadata[key] = value
        self._state.metadata_changed = True

    @property
    def metrics(self) -> StreamsMetrics:
        return self._state.metrics

    def drop(self, reason: str) -> None:
        self._state.drop(self.node, reason)


class TaskStoreContext:
    """The `StoreContext` of a task's stores. Changelogs go to the partition of the task's number."""

    __slots__ = ("_collector", "_partition", "_state", "_sub_topology", "cache_bytes", "directory", "record", "task_id")

    def __init__(
        self,
        state: TaskState,
        sub_topology: SubTopology,
        partition: int,
        collector: RecordCollector | None,
        directory: str | None,
        cache_bytes: int,
    ) -> None:
        self._state = state
        self._sub_topology = sub_topology
        self._partition = partition
        self._collector = collector
        self.task_id = state.task_id
        self.record = state.record
        self.directory = directory
        self.cache_bytes = cache_bytes

    def changelog(self, store_name: str) -> Changelog | None:
        topic = self._sub_topology.changelog_topics.get(store_name)
        if topic is None or self._collector is None:
            return None
        send, name, partition = self._collector.send, topic.name, self._partition

        def log(key: bytes, value: bytes | None, timestamp_ms: int, headers: Headers = (), /) -> None:
            send(name, key, value, headers, timestamp_ms, partition)

        return log

    def changelog_topic(self, store_name: str) -> str:
        topic = self._sub_topology.changelog_topic(store_name)
        return f"{self._state.application_id}-{store_name}-changelog" if topic is None else topic

    @property
    def key_serde(self) -> Serde[Any]:
        return _default_serde(self._state.config, "default.key.serde")

    @property
    def value_serde(self) -> Serde[Any]:
        return _default_serde(self._state.config, "default.value.serde")

    @property
    def stream_time_ms(self) -> int:
        return self._state.stream_time_ms

    @property
    def record_timestamp_ms(self) -> int:
        return self.record.timestamp_ms

    @property
    def record_headers(self) -> Headers:
        return self.record.headers

    @property
    def record_context(self) -> RecordContext:
        return RecordContext(*self.record.saved())

    def swap_record_context(self, context: RecordContext) -> RecordContext:
        record = self.record
        before = RecordContext(*record.saved())
        timestamp_ms, headers, source = context
        if isinstance(source, RecordMetadata):
            source = RawRecord(*source, timestamp_ms, None, None, headers)
        record.restore((timestamp_ms, headers, source))
        return before

    def record_expired(self, store_name: str, reason: str) -> None:
        self._state.drop(store_name, reason)


def _default_serde(config: Mapping[str, Any], key: str) -> Serde[Any]:
    serde: Serde[Any] | None = config.get(key)
    if serde is None:
        raise StreamsError(f"a store was given no serde, and the configuration has no {key}: give it one of them")
    return serde
