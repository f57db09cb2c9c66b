"""A user's `Processor` as a node: it gets records as objects, and forwards what it likes through its own context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.operator import Operator
from ottla.streams.processor_context import NodeProcessorContext
from ottla.streams.record import Record

if TYPE_CHECKING:
    from ottla.streams.operator import OperatorContext
    from ottla.streams.processor import Processor
    from ottla.streams.record import Headers


class ProcessorOperator(Operator):
    __slots__ = ("_process", "fixed_key", "processor")

    def __init__(self, processor: Processor[Any, Any], *, fixed_key: bool = False) -> None:
        self.processor = processor
        self.fixed_key = fixed_key
        self._process = processor.process

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self.processor.init(_FixedKeyContext(context) if self.fixed_key else NodeProcessorContext(context))

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self._process((_FixedKeyRecord if self.fixed_key else Record)(key, value, timestamp_ms, headers))

    def close(self) -> None:
        self.processor.close()


class _FixedKeyRecord(Record[Any, Any]):
    """`FixedKeyRecord`: downstream relies on the key, so that no repartition is needed."""

    __slots__ = ()

    def with_key(self, key: Any) -> Record[Any, Any]:
        raise StreamsError("process_values must not change the key; use process, or select_key")


class _FixedKeyContext(NodeProcessorContext):
    __slots__ = ()

    def forward(self, record: Record[Any, Any], child: str | None = None) -> None:
        if not isinstance(record, _FixedKeyRecord):
            raise StreamsError(
                "process_values must forward the record that it was given, `with_value` of it, or the like"
            )
        super().forward(record, child)
