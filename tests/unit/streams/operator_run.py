"""Operators by themselves: stores, a context that says what a task would say, and all that they forward.

Every record is followed by a flush of the caches, as `TopologyTestDriver` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.unit.streams.store_context import ListedContext

from ottla.streams.record import NO_HEADERS, CurrentRecord, Headers, RecordMetadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.metrics.streams_metrics import StreamsMetrics
    from ottla.streams.operator import Operator, Push
    from ottla.streams.processor import Cancellable, PunctuationType
    from ottla.streams.state.store import StateStore


class Forwarded(NamedTuple):
    key: Any
    value: Any
    timestamp_ms: int
    headers: Headers


class Node:
    """The `OperatorContext` of one operator, whose children are `forward`."""

    task_id = "0_0"
    application_id = "app"

    def __init__(self, run: OperatorRun, forward: Push) -> None:
        self.run = run
        self.forward = forward
        self.children: Mapping[str, Push] = {"child": forward}
        self.config = run.config

    @property
    def record(self) -> CurrentRecord:
        return self.run.context.record

    @property
    def record_metadata(self) -> RecordMetadata | None:
        return self.run.context.record.metadata

    @property
    def stream_time_ms(self) -> int:
        return self.run.context.stream_time_ms

    def wall_clock_ms(self) -> int:
        return self.run.wall_clock_ms

    def store(self, name: str) -> StateStore:
        return self.run.stores[name]

    def schedule(
        self, interval_ms: int, kind: PunctuationType, punctuate: Callable[[int], None], start_ms: int | None = None
    ) -> Cancellable:
        raise NotImplementedError

    def request_commit(self) -> None:
        raise NotImplementedError

    def processor_metadata(self, key: str) -> int | None:
        return self.run.metadata.get(key)

    def put_processor_metadata(self, key: str, value: int) -> None:
        self.run.metadata[key] = value

    @property
    def metrics(self) -> StreamsMetrics:
        raise NotImplementedError

    def drop(self, reason: str) -> None:
        self.run.dropped.append(reason)


class OperatorRun:
    def __init__(
        self, *stores: StateStore, cache_bytes: int = 1 << 20, config: Mapping[str, Any] | None = None
    ) -> None:
        self.context = ListedContext(cache_bytes)
        self.config = dict(config or {})
        self.stores = {store.name: store for store in stores}
        self.metadata: dict[str, int] = {}
        self.dropped: list[str] = []
        self.wall_clock_ms = 0
        self.out: list[Forwarded] = []
        self.offset = 0
        for store in stores:
            store.open(self.context)

    def collect(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.out.append(Forwarded(key, value, timestamp_ms, headers))

    def bind(self, operator: Operator, forward: Push | None = None) -> Push:
        """Its `process`; what it forwards is collected, or goes on to `forward`."""
        operator.bind(Node(self, forward or self.collect))
        return operator.process

    def push(self, process: Push, key: Any, value: Any, timestamp_ms: int, headers: Headers = NO_HEADERS) -> None:
        self.context.process(timestamp_ms, headers, self.offset)
        self.offset += 1
        process(key, value, timestamp_ms, headers)
        for store in self.stores.values():
            store.flush()

    def taken(self) -> list[Forwarded]:
        """What was forwarded since the last time."""
        out, self.out = self.out, []
        return out
