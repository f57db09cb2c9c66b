"""Batches of a task as spans: `send` of what a source has polled, `put` of what a sink is given.

A record that a source makes becomes a part of its batch's trace (`traceparent` among its headers), unless it comes with
a trace of its own. A sink's batch is a part of the trace of its records, if they have one in common; of several it is a
trace of its own, linked with them, and each of them gets a span, too.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.task.clients import consumer_group
from ottla.runtime.tracing.propagation import TRACEPARENT, of_record, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.trace import SpanContext

    from ottla.connect.api.record import SinkRecord, SourceRecord
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.runtime.tracing.tracing import AttributeValue, Tracing

TRACES_MAX: Final = 128
"""Of a batch that are told of; others are counted (`kafka.connect.traces.left_out`)."""


class _Traces:
    """Those that the records of one batch are parts of."""

    def __init__(self) -> None:
        self._spans: dict[tuple[int, int], SpanContext] = {}
        self._records: Counter[tuple[int, int]] = Counter()
        self.left_out = 0

    def add(self, headers: Iterable[tuple[str, bytes | None]] | None) -> None:
        span = of_record(headers)
        if span is None:
            return
        key = (span.trace_id, span.span_id)
        if key in self._spans or len(self._spans) < TRACES_MAX:
            self._spans[key] = span
            self._records[key] += 1
        else:
            self.left_out += 1

    def spans(self) -> list[tuple[SpanContext, int]]:
        """With how many records each has."""
        return [(span, self._records[key]) for key, span in self._spans.items()]


def _attributes(spec: TaskSpec, name: str, kind: str, count: int, topics: set[str]) -> dict[str, AttributeValue]:
    told: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
        "messaging.batch.message_count": count,
        "kafka.connect.connector": spec.connector,
        "kafka.connect.task": spec.task,
    }
    if len(topics) == 1:
        told["messaging.destination.name"] = next(iter(topics))
    return told


class SourceSpans:
    def __init__(self, spec: TaskSpec, tracing: Tracing) -> None:
        self._spec = spec
        self._tracing = tracing
        self._headers: list[tuple[str, bytes | None]] = []
        """What records of this batch are given; none, if nobody follows it."""

    def send(self, send: Callable[[list[SourceRecord]], None], records: list[SourceRecord]) -> None:
        traces, topics = _Traces(), set[str]()
        for record in records:
            topics.add(record.topic)
            if record.headers and (header := record.headers.last_with_name(TRACEPARENT)) is not None:
                traces.add(
                    [(TRACEPARENT, header.value if isinstance(header.value, bytes) else str(header.value).encode())]
                )
        told = _attributes(self._spec, "send", "send", len(records), topics)
        links = [span for span, _ in traces.spans()]
        span = self._tracing.begin(f"send {self._spec.connector}", "PRODUCER", told, links=links)
        if span.get_span_context().trace_flags.sampled:
            self._headers = [(key, text.encode("latin-1")) for key, text in texts_of(span).items()]
        try:
            with self._tracing.within(span):
                send(records)
        finally:
            self._headers = []

    def produce(self, produce: Callable[..., None]) -> Callable[..., None]:
        """Of the producer, with the batch's trace among the headers."""

        def with_trace(topic: str, *others: Any) -> None:
            *before, headers = others
            if self._headers and all(key != TRACEPARENT for key, _ in headers or ()):
                headers = [*(headers or ()), *self._headers]
            produce(topic, *before, headers)

        return with_trace


class SinkSpans:
    def __init__(self, spec: TaskSpec, tracing: Tracing) -> None:
        self._spec = spec
        self._tracing = tracing
        self._traces = _Traces()

    def read(self, messages: Iterable[Any]) -> None:
        """What the consumer has given for the next batch."""
        for message in messages:
            if message.error() is None:
                self._traces.add(message.headers())

    def put(self, put: Callable[[list[SinkRecord]], None], batch: list[SinkRecord]) -> None:
        """Raises what `put` does; the batch comes again then, or never."""
        if not batch:
            put(batch)
            return
        traces, left_out = self._traces.spans(), self._traces.left_out
        told = _attributes(self._spec, "put", "process", len(batch), {record.topic for record in batch})
        told["messaging.consumer.group.name"] = consumer_group(self._spec)
        if left_out:
            told["kafka.connect.traces.left_out"] = left_out
        parent = traces[0][0] if len(traces) == 1 else None
        links = [span for span, _ in traces] if len(traces) > 1 else []
        began, tracing, connector = time.time_ns(), self._tracing, self._spec.connector
        span = tracing.begin(f"put {connector}", "CONSUMER", told, parent=parent, links=links, start_ns=began)
        try:
            with tracing.within(span):
                put(batch)
        finally:
            batch_span = span.get_span_context()
            for each, count in traces if len(traces) > 1 else ():
                own = told | {"messaging.batch.message_count": count, "messaging.operation.name": "process"}
                name = f"process {connector}"
                tracing.begin(name, "CONSUMER", own, parent=each, links=[batch_span], start_ns=began).end()
        self._traces = _Traces()
