"""The nodes of a running task: one `Operator` for every processor of its sub-topology.

A record is pushed depth first, as in Kafka Streams, and as four arguments rather than as an object: most operators cost
less than making one. `forward` is the `process` of the only child, a loop over several, or a sink that drops.

    source ──push(key, value, timestamp_ms, headers)──► Operator.process ──self.forward(…)──► Operator.process …
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.metrics.streams_metrics import StreamsMetrics
    from ottla.streams.operators.fused import Step
    from ottla.streams.processor import Cancellable, PunctuationType
    from ottla.streams.record import Headers, RecordMetadata
    from ottla.streams.state.store import StateStore


class Push(Protocol):
    """Hand one record on. `timestamp_ms` is never negative."""

    def __call__(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None: ...


class OperatorContext(Protocol):
    """What a task gives to each of its operators."""

    @property
    def forward(self) -> Push:
        """To every child, in the order in which they were added."""

    @property
    def children(self) -> Mapping[str, Push]:
        """By the names of the child nodes."""

    @property
    def task_id(self) -> str: ...

    @property
    def application_id(self) -> str: ...

    @property
    def config(self) -> Mapping[str, Any]:
        """The application's configuration, under Kafka Streams' keys."""

    @property
    def record_metadata(self) -> RecordMetadata | None:
        """Of the record that the task processes now; None in a punctuator."""

    @property
    def stream_time_ms(self) -> int:
        """The greatest timestamp that the task has processed, or -1."""

    def wall_clock_ms(self) -> int: ...

    def store(self, name: str) -> StateStore:
        """A store that is connected to this node; StreamsError when it is not."""

    def schedule(
        self, interval_ms: int, kind: PunctuationType, punctuate: Callable[[int], None], start_ms: int | None = None
    ) -> Cancellable:
        """With `start_ms`, at that time and at whole intervals after it only (KIP-1146)."""

    def request_commit(self) -> None: ...

    def processor_metadata(self, key: str) -> int | None:
        """What was put under that key, in this run or an earlier one: it is committed with the offsets."""

    def put_processor_metadata(self, key: str, value: int) -> None: ...

    @property
    def metrics(self) -> StreamsMetrics:
        """Where a user's code adds metrics of its own."""

    def drop(self, reason: str) -> None:
        """Count a record that was skipped (`dropped-records-total`) and say why in the log, once for each reason."""


class Operator:
    """One node of one task. Made by its supplier when the task is made; used by one thread only."""

    __slots__ = ("context", "forward")

    forwards_unchanged: ClassVar[bool] = False
    """True where timestamp and headers always go on as they came. Elsewhere the task looks at them on the way, for the
    sake of stores below, which log the time of the record that reaches them."""

    emits_as: ClassVar[str] = ""
    """How Kafka Streams' metrics call what a node forwards that holds records back; nothing of others."""

    @property
    def emits_late(self) -> bool:
        """Whether all that it forwards was held back, and is counted so."""
        return bool(self.emits_as)

    context: OperatorContext
    forward: Push

    def bind(self, context: OperatorContext) -> None:
        """Called once, after the stores were opened and before the first record. Overrides call it first."""
        self.context = context
        self.forward = context.forward

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        raise NotImplementedError

    @property
    def step(self) -> Step | None:
        """What it does to a record, if that is no more than a step of a fused chain: `operators/fused.py`."""
        return None

    def close(self) -> None:
        """Called once; stores are still open."""
