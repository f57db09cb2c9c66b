"""The `ProcessorContext` of a user's code, over the `OperatorContext` of its node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.metrics.streams_metrics import StreamsMetrics
    from ottla.streams.operator import OperatorContext
    from ottla.streams.processor import Cancellable, PunctuationType
    from ottla.streams.record import Record, RecordMetadata


class NodeProcessorContext:
    """What a `Processor` is given."""

    __slots__ = ("_children", "_context", "_forward", "store")

    def __init__(self, context: OperatorContext) -> None:
        self._context = context
        self._forward = context.forward
        self._children = context.children
        self.store = context.store

    def forward(self, record: Record[Any, Any], child: str | None = None) -> None:
        if record.timestamp_ms < 0:
            raise StreamsError(f"cannot forward a record with the negative timestamp {record.timestamp_ms}")
        if child is None:
            self._forward(record.key, record.value, record.timestamp_ms, record.headers)
            return
        push = self._children.get(child)
        if push is None:
            raise ValueError(f"no child is named {child!r}; there are {', '.join(self._children) or 'none'}")
        push(record.key, record.value, record.timestamp_ms, record.headers)

    def schedule(
        self, interval_ms: int, kind: PunctuationType, punctuate: Callable[[int], None], start_ms: int | None = None
    ) -> Cancellable:
        return self._context.schedule(interval_ms, kind, punctuate, start_ms)

    @property
    def metrics(self) -> StreamsMetrics:
        """All metrics of the instance, and where to add one's own."""
        return self._context.metrics

    def commit(self) -> None:
        self._context.request_commit()

    @property
    def record_metadata(self) -> RecordMetadata | None:
        return self._context.record_metadata

    @property
    def task_id(self) -> str:
        return self._context.task_id

    @property
    def application_id(self) -> str:
        return self._context.application_id

    @property
    def app_configs(self) -> Mapping[str, Any]:
        return self._context.config

    def current_system_time_ms(self) -> int:
        return self._context.wall_clock_ms()

    def current_stream_time_ms(self) -> int:
        return self._context.stream_time_ms


class ReadOnlyProcessorContext(NodeProcessorContext):
    """For code whose result is forwarded for it."""

    __slots__ = ()

    def forward(self, record: Record[Any, Any], child: str | None = None) -> None:
        raise StreamsError("a transformer of values cannot forward: what it returns is forwarded")
