"""Traces of this process: `start` once, if they are wished for; `active` is what everybody asks who has a span to tell.

Nothing of OpenTelemetry is loaded before that, and who finds that nothing is active does nothing more. The provider is
made the process' own, too, so that libraries with instrumentation of their own tell their spans below ours.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from ottla import __version__
from ottla.runtime.metrics.metric import counter
from ottla.runtime.metrics.otlp_resource import resource_in
from ottla.runtime.tracing.wish import ENDPOINT, EXTRA, is_wished, missing_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanContext, Tracer

    from ottla.runtime.metrics.metric import Reading
    from ottla.runtime.tracing.span_export import SpanCounts

Kind: TypeAlias = Literal["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
AttributeValue: TypeAlias = str | bool | int | float

STOP_TIMEOUT_S: Final = 3.0
"""How long the end of a process waits for a collector."""

SPANS = counter(
    "ottla_traces_spans_total",
    "Spans that were sampled, by what became of them: exported, failed (the collector did not take them), dropped (the"
    " queue was full).",
    "outcome",
)
METRICS: Final = (SPANS,)

_log = logging.getLogger(__name__)


class Tracing:
    """`stop()` tells what is there still, and gives up after `STOP_TIMEOUT_S`."""

    def __init__(self, provider: TracerProvider, counts: SpanCounts | None = None) -> None:
        """Without `counts` the provider is somebody else's, who ends it."""
        from opentelemetry import trace
        from opentelemetry.context import Context

        self._trace, self._context = trace, Context
        self.provider = provider
        self.counts = counts
        self._tracer: Tracer = provider.get_tracer("ottla", __version__)
        if counts is None:
            return
        self._ending, self._ended = threading.Event(), threading.Event()
        # No thread can be started any more when a process ends.
        threading.Thread(target=self._end, name="traces-end", daemon=True).start()

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, AttributeValue],
        *,
        parent: SpanContext | None = None,
        links: Iterable[SpanContext] = (),
        start_ns: int | None = None,
    ) -> Span:
        """A span below `parent`, or a trace of its own; whoever begins it ends it."""
        trace, context = self._trace, self._context()
        if parent is not None:
            context = trace.set_span_in_context(trace.NonRecordingSpan(parent), context)
        linked = [trace.Link(each) for each in links]
        return self._tracer.start_span(name, context, trace.SpanKind[kind], attributes, linked, start_ns)

    def within(self, span: Span) -> AbstractContextManager[Span]:
        """What is done then is done below it; it ends with that, and an exception fails it."""
        return self._trace.use_span(span, end_on_exit=True)

    def fail(self, span: Span, error_type: str, *, is_ours: bool = True) -> None:
        """`is_ours`: it is not only a refusal."""
        span.set_attribute("error.type", error_type)
        if is_ours:
            span.set_status(self._trace.StatusCode.ERROR)

    def stop(self) -> None:
        if self.counts is None:
            return
        self._ending.set()
        self._ended.wait(STOP_TIMEOUT_S)

    def _end(self) -> None:
        self._ending.wait()
        self.provider.shutdown()
        self._ended.set()


_active: Tracing | None = None


def active() -> Tracing | None:
    return _active


def start(service: str, instance: str = "") -> Tracing | None:
    """Of this process, if nothing is active yet; `None`: nobody wishes for it. A provider that it has is used."""
    global _active
    if _active is not None or not is_wished():
        return _active
    if missing := missing_package():
        _log.warning("there are no traces, although OTEL_TRACES_EXPORTER asks for them: no %s (%s)", missing, EXTRA)
        return None
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider

    if isinstance(theirs := trace.get_tracer_provider(), TracerProvider):  # the application's
        _active = Tracing(theirs)
        return _active
    _active = tracing = tracing_to(OTLPSpanExporter(), resource_in(os.environ, service, instance))
    trace.set_tracer_provider(tracing.provider)
    atexit.register(stop)
    return tracing


def tracing_to(exporter: SpanExporter, resource: Mapping[str, str]) -> Tracing:
    """Which spans are told is the business of OTEL_TRACES_SAMPLER."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from ottla.runtime.tracing.span_export import BoundedSpans, CountingExporter, SpanCounts

    counts = SpanCounts()
    provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
    where = os.environ.get(ENDPOINT) or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    counting = cast("SpanExporter", CountingExporter(exporter, counts, where))
    provider.add_span_processor(cast("SpanProcessor", BoundedSpans(counting, counts)))
    return Tracing(provider, counts)


def name_request(method: str, route: str) -> None:
    """The request that is being answered is for that route: `/subjects/{subject}`."""
    if _active is None:
        return
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)


def stop() -> None:
    """Once, at the end."""
    global _active
    tracing, _active = _active, None
    if tracing is not None:
        tracing.stop()


def read_spans() -> Iterator[Reading]:
    """What became of them; nothing where there are no traces."""
    if _active is not None and (counts := _active.counts) is not None:
        for outcome, count in (("exported", counts.exported), ("failed", counts.failed), ("dropped", counts.dropped)):
            yield SPANS, (outcome,), count
