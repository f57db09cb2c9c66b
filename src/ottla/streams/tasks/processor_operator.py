"""A user's `Processor` as a node: it gets records as objects, and forwards what it likes through its own context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.operator import Operator
from ottla.streams.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.operator import OperatorContext
    from ottla.streams.processor import Cancellable, Processor, PunctuationType
    from ottla.streams.record import Headers, RecordMetadata


class ProcessorOperator(Operator):
    __slots__ = ("_process", "fixed_key", "processor")

    def __init__(self, processor: Processor[Any, Any], *, fixed_key: bool = False) -> None:
        self.processor = processor
        self.fixed_key = fixed_key
        self._process = processor.process

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self.processor.init(_FixedKeyContext(context) if self.fixed_key else _Context(context))

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self._process((_FixedKeyRecord if self.fixed_key else Record)(key, value, timestamp_ms, headers))

    def close(self) -> None:
        self.processor.close()


class _FixedKeyRecord(Record[Any, Any]):
    """`FixedKeyRecord`: downstream relies on the key, so that no repartition is needed."""

    __slots__ = ()

    def with_key(self, key: Any) -> Record[Any, Any]:
        raise StreamsError("process_values must not change the key; use process, or select_key")


class _Context:
    """The `ProcessorContext` of one processor."""

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


class _FixedKeyContext(_Context):
    __slots__ = ()

    def forward(self, record: Record[Any, Any], child: str | None = None) -> None:
        if not isinstance(record, _FixedKeyRecord):
            raise StreamsError(
                "process_values must forward the record that it was given, `with_value` of it, or the like"
            )
        super().forward(record, child)
