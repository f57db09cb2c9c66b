"""The Processor API: what an application writes when the DSL has no word for it (KIP-478, KIP-820).

A `Processor` sees `Record` objects and its own `ProcessorContext`; `tasks/processor_operator.py` puts it in a topology.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ottla.streams.metrics.streams_metrics import StreamsMetrics
    from ottla.streams.record import Record, RecordMetadata
    from ottla.streams.state.store import StoreBuilder

KIn = TypeVar("KIn", contravariant=True)
VIn = TypeVar("VIn", contravariant=True)


class PunctuationType(Enum):
    """What moves a punctuator's clock: the timestamps of records, or the time of day."""

    STREAM_TIME = "stream-time"
    WALL_CLOCK_TIME = "wall-clock-time"


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class ProcessorContext(Protocol):
    """What a processor may do; valid from `init` until `close`, in the thread of its task."""

    def forward(self, record: Record[Any, Any], child: str | None = None) -> None:
        """To all children, or to the one named `child`; ValueError when there is none of that name."""

    def store(self, name: str) -> Any:
        """The store of that name, connected to this processor; StreamsError when it is not."""

    def schedule(
        self, interval_ms: int, kind: PunctuationType, punctuate: Callable[[int], None], start_ms: int | None = None
    ) -> Cancellable:
        """Call `punctuate` with the time every interval; with `start_ms`, at whole intervals after that (KIP-1146)."""

    @property
    def metrics(self) -> StreamsMetrics:
        """All metrics of the instance, and where to add some of one's own."""

    def commit(self) -> None:
        """Ask for a commit as soon as the task can."""

    @property
    def record_metadata(self) -> RecordMetadata | None: ...

    @property
    def task_id(self) -> str: ...

    @property
    def application_id(self) -> str: ...

    @property
    def app_configs(self) -> Mapping[str, Any]: ...

    def current_system_time_ms(self) -> int: ...

    def current_stream_time_ms(self) -> int: ...


class Processor(ABC, Generic[KIn, VIn]):
    """One instance for every task."""

    def init(self, context: ProcessorContext) -> None:
        self.context = context

    @abstractmethod
    def process(self, record: Record[Any, Any]) -> None: ...

    def close(self) -> None:
        """Free what `init` took."""


class ProcessorSupplier(Protocol):
    """Any callable that makes a new `Processor` on each call; `stores()` is optional (KIP-401)."""

    def __call__(self) -> Processor[Any, Any]: ...


def stores_of(supplier: object) -> Iterable[StoreBuilder]:
    """The stores that a supplier brings along, to be added and connected with its processor."""
    stores = getattr(supplier, "stores", None)
    return stores() or () if callable(stores) else ()
