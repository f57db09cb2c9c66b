"""What is measured of the stores of a task (Kafka Streams' `StateStoreMetrics`, `NamedCacheMetrics`).

Where DEBUG is recorded a store's operations are replaced, in that one object, by ones with a stopwatch; otherwise they
cost nothing. What an operation calls of its own store is part of it, and is not counted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.metrics.sensor import Statistic
from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import average_and_maximum
from ottla.streams.state.store import SessionStore, WindowStore
from ottla.streams.state.suppress_buffer import SuppressBuffer
from ottla.streams.tasks.rocksdb_metrics import add_rocksdb_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ottla.runtime.metrics.sensor import Sensor
    from ottla.streams.metrics.registry import Definition, MetricsScope
    from ottla.streams.record import CurrentRecord
    from ottla.streams.state.store import StateStore

STORE_GROUP: Final = "stream-state-metrics"
CACHE_GROUP: Final = "stream-record-cache-metrics"

_EVERY_STORE: Final[dict[str, tuple[str, ...]]] = {"flush": (), "commit": ("commit",), "restore": ("restore",)}
_KEY_VALUE: Final[dict[str, tuple[str, ...]]] = {
    "put": ("put",),
    "put-if-absent": ("put_if_absent",),
    "put-all": ("put_all",),
    "get": ("get",),
    "all": ("all",),
    "range": ("range",),
    "prefix-scan": ("prefix_scan",),
    "delete": ("delete",),
}
_WINDOW: Final[dict[str, tuple[str, ...]]] = {
    "put": ("put", "write"),
    "fetch": ("get", "read", "fetch", "fetch_range", "fetch_all", "all"),
}
_SESSION: Final[dict[str, tuple[str, ...]]] = {
    "put": ("put",),
    "fetch": ("fetch", "fetch_session", "find_sessions"),
    "remove": ("remove",),
}
"""By Kafka Streams' names, what they are called here. Nobody flushes there any more: that is part of a commit."""

_LATENCY: Final[list[Definition]] = [
    ("record-e2e-latency-avg", Statistic.AVERAGE, "milliseconds from a record's time to its put, on average"),
    ("record-e2e-latency-max", Statistic.MAXIMUM, "milliseconds from a record's time to its put, at most"),
    ("record-e2e-latency-min", Statistic.MINIMUM, "milliseconds from a record's time to its put, at least"),
]
_HIT_RATIO: Final[list[Definition]] = [
    ("hit-ratio-avg", Statistic.AVERAGE, "the part of reads that the cache answers, on average"),
    ("hit-ratio-min", Statistic.MINIMUM, "the part of reads that the cache answers, at least"),
    ("hit-ratio-max", Statistic.MAXIMUM, "the part of reads that the cache answers, at most"),
]


def measure_store(
    store: StateStore,
    scope: MetricsScope,
    tags: Mapping[str, str],
    record: CurrentRecord,
    directory: Path | None,
    *,
    cached: bool,
) -> None:
    """`tags` are those of its task, as is `record`; `directory` is that of the files of a store on disk."""
    if not store.metrics_scope:
        return
    of_store = {**tags, f"{store.metrics_scope}-state-id": store.name}
    if isinstance(store, SuppressBuffer):
        _measure_buffer(store, scope, of_store)
        return
    _MeasuredStore(store, scope, of_store, record).measure()
    if store.metrics_scope.startswith("rocksdb"):
        add_rocksdb_metrics(scope, of_store, directory)
    elif hasattr(store, "approximate_num_entries"):
        scope.gauge(STORE_GROUP, of_store, "num-keys", "how many keys there are", store.approximate_num_entries)
    if cached:
        _measure_cache(store, scope, {**tags, "record-cache-id": store.name})


class _MeasuredStore:
    def __init__(self, store: StateStore, scope: MetricsScope, tags: Mapping[str, str], record: CurrentRecord) -> None:
        self._store = store
        self._record = record
        self._scope = scope
        self._tags = tags
        self._clock_ms = scope.registry.clock_ms
        self._stopwatch_ns = scope.registry.stopwatch_ns
        self._inside = False
        self._open: dict[int, int] = {}  # iterators, and since when

    def measure(self) -> None:
        scope, tags, debug = self._scope, self._tags, RecordingLevel.DEBUG
        operations = _EVERY_STORE | self._operations()
        duration = scope.sensor(STORE_GROUP, tags, average_and_maximum("iterator-duration", "nanoseconds"), debug)
        scope.gauge(STORE_GROUP, tags, "num-open-iterators", "iterators that are not at their end", self._open.__len__)
        scope.gauge(
            STORE_GROUP,
            tags,
            "oldest-iterator-open-since-ms",
            "when the oldest of them was made; 0 when there is none",
            lambda: min(list(self._open.values()), default=0),
        )
        latency = scope.sensor(STORE_GROUP, tags, _LATENCY, RecordingLevel.TRACE)
        for operation, methods in operations.items():
            definitions = [
                *average_and_maximum(f"{operation}-latency", "nanoseconds"),
                (f"{operation}-rate", Statistic.RATE, "calls a second"),
            ]
            sensor = scope.sensor(STORE_GROUP, tags, definitions, debug)
            if sensor.enabled:
                of_record = latency if operation == "put" and latency.enabled else None
                for name in methods:
                    if hasattr(self._store, name):
                        self._replace(name, sensor, duration, of_record)

    def _operations(self) -> dict[str, tuple[str, ...]]:
        if isinstance(self._store, WindowStore):
            return _WINDOW
        return _SESSION if isinstance(self._store, SessionStore) else _KEY_VALUE

    def _replace(self, name: str, sensor: Sensor, duration: Sensor, latency: Sensor | None) -> None:
        function = getattr(self._store, name)

        def measured(*arguments: Any, **options: Any) -> Any:
            if self._inside:
                return function(*arguments, **options)
            self._inside = True
            start_ns = self._stopwatch_ns()
            try:
                result = function(*arguments, **options)
            finally:
                self._inside = False
            if hasattr(result, "__next__"):
                return self._iterate(result, start_ns, sensor, duration)
            now_ms = self._clock_ms()
            sensor.record(self._stopwatch_ns() - start_ns, now_ms)
            if latency is not None:
                latency.record(now_ms - self._record.timestamp_ms, now_ms)
            return result

        setattr(self._store, name, measured)

    def _iterate(self, rows: Iterator[Any], start_ns: int, sensor: Sensor, duration: Sensor) -> Iterator[Any]:
        key = id(rows)
        self._open[key] = self._clock_ms()

        def measured() -> Iterator[Any]:
            try:
                yield from rows
            finally:
                del self._open[key]
                now_ms, took_ns = self._clock_ms(), self._stopwatch_ns() - start_ns
                sensor.record(took_ns, now_ms)
                duration.record(took_ns, now_ms)

        return measured()


def _measure_cache(store: Any, scope: MetricsScope, tags: Mapping[str, str]) -> None:
    sensor = scope.sensor(CACHE_GROUP, tags, _HIT_RATIO, RecordingLevel.DEBUG)
    if not sensor.enabled:
        return
    hits = reads = 0

    def watched(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def measured(*key: Any) -> Any:
            nonlocal hits, reads
            missed = store.cache_misses
            found = read(*key)
            reads += 1
            if store.cache_misses == missed:
                hits += 1
                sensor.record(hits / reads, scope.registry.clock_ms())
            return found

        return measured

    for name in ("get", "read", "fetch_session"):
        if hasattr(store, name):
            setattr(store, name, watched(getattr(store, name)))


def _measure_buffer(store: SuppressBuffer, scope: MetricsScope, tags: Mapping[str, str]) -> None:
    debug = RecordingLevel.DEBUG
    count = scope.sensor(STORE_GROUP, tags, average_and_maximum("suppression-buffer-count", "records held"), debug)
    size = scope.sensor(STORE_GROUP, tags, average_and_maximum("suppression-buffer-size", "bytes held"), debug)
    if not count.enabled:
        return

    def watched(change: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*arguments: Any) -> Any:
            result = change(*arguments)
            now_ms = scope.registry.clock_ms()
            count.record(len(store), now_ms)
            size.record(store.size_bytes, now_ms)
            return result

        return measured

    for name in ("put", "evict_while"):
        setattr(store, name, watched(getattr(store, name)))
