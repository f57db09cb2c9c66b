"""The processors that an op-tree may name: the same as in the oracle's `Processors.java`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.streams.lambdas import text

from ottla.streams.processor import Processor, PunctuationType
from ottla.streams.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.processor import ProcessorContext
    from ottla.streams.topology.topic_name_extractor import RecordContext


class ByKey:
    """A topic for each key."""

    def __call__(self, key: Any, value: Any, context: RecordContext, /) -> str:
        return f"to-{text(key)}"

    def __str__(self) -> str:
        return "ByKey"


class Swap(Processor[Any, Any]):
    def process(self, record: Record[Any, Any]) -> None:
        swapped = record.with_key(text(record.value)).with_value(text(record.key))
        self.context.forward(swapped.with_timestamp(record.timestamp_ms + 1))


class CountInStore(Processor[Any, Any]):
    def process(self, record: Record[Any, Any]) -> None:
        store = self.context.store("counts")
        count = (store.get(record.key) or 0) + 1
        store.put(record.key, count)
        self.context.forward(record.with_value(f"{text(record.value)}{count}"))


class Punctuating(Processor[Any, Any]):
    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self._seen = 0
        context.schedule(10, PunctuationType.STREAM_TIME, lambda now_ms: self._tell("stream", now_ms))
        context.schedule(100, PunctuationType.WALL_CLOCK_TIME, lambda now_ms: self._tell("clock", now_ms))

    def _tell(self, what: str, now_ms: int) -> None:
        self.context.forward(Record(what, f"seen {self._seen}", now_ms))

    def process(self, record: Record[Any, Any]) -> None:
        self._seen += 1


class Tag(Processor[Any, Any]):
    def process(self, record: Record[Any, Any]) -> None:
        self.context.forward(record.with_value(f"{text(record.value)}!"))


class Concat:
    """A transformer of a table's values."""

    def init(self, context: ProcessorContext) -> None:
        self._context = context

    def transform(self, key: Any, value: Any) -> Any:
        return None if value is None else f"{text(key)}:{text(value)}"

    def close(self) -> None:
        """It has nothing to free."""


PROCESSORS: Final[dict[str, Callable[[], Processor[Any, Any]]]] = {
    "swap": Swap,
    "count_in_store": CountInStore,
    "punctuate": Punctuating,
}
FIXED_KEY: Final[dict[str, Callable[[], Processor[Any, Any]]]] = {"tag": Tag}
TRANSFORMERS: Final[dict[str, Callable[[], Any]]] = {"concat": Concat}
