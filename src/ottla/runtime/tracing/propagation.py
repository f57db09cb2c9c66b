"""W3C's Trace Context (`traceparent`, `tracestate`) in the headers of records and of HTTP requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.runtime.tracing.tracing import active

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.trace import Span, SpanContext

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"

RecordHeaders: TypeAlias = "Iterable[tuple[str, bytes | None]]"


def of_record(headers: RecordHeaders | None) -> SpanContext | None:
    """The sampled span that a record is a part of; `None`: there is none, or one that nobody wants to follow."""
    found: dict[str, str] = {}
    for name, value in headers or ():
        if name in (TRACEPARENT, TRACESTATE) and value is not None:
            found[name] = bytes(value).decode("latin-1")
    return of_texts(found)


def of_texts(headers: Mapping[str, str]) -> SpanContext | None:
    """The same of HTTP; names are in lower case."""
    if TRACEPARENT not in headers:
        return None
    from opentelemetry.context import Context
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {name: headers[name] for name in (TRACEPARENT, TRACESTATE) if name in headers}
    found = get_current_span(TraceContextTextMapPropagator().extract(carrier, Context())).get_span_context()
    return found if found.is_valid and found.trace_flags.sampled else None


def texts_of(span: Span) -> dict[str, str]:
    """What is to be in the headers of what follows from a span."""
    from opentelemetry.context import Context
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, set_span_in_context(span, Context()))
    return carrier


def record_headers(span: Span, before: RecordHeaders | None) -> list[tuple[str, bytes | None]]:
    """Those of `before`, as a part of the span."""
    kept = [each for each in before or () if each[0] not in (TRACEPARENT, TRACESTATE)]
    return kept + [(name, text.encode("latin-1")) for name, text in texts_of(span).items()]


def outgoing_headers() -> dict[str, str]:
    """Of an HTTP request that follows from what is being done; none without traces."""
    if active() is None:
        return {}
    from opentelemetry.trace import get_current_span

    return texts_of(get_current_span())
