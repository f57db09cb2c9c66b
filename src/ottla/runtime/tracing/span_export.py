"""Spans on their way to the collector: a queue of OpenTelemetry's SDK with a bound, and counts of what becomes of them.

OTEL_BSP_MAX_QUEUE_SIZE (2,048) is the bound; what finds the queue full is dropped. A collector that does not take spans
is named once in the log until it takes them again.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

QUEUE_SPANS: Final = 2_048

_log = logging.getLogger(__name__)


class SpanCounts:
    """Of this process, since its start."""

    def __init__(self) -> None:
        self.taken = 0
        """By the queue."""
        self.exported = 0
        self.failed = 0
        """Lost with a collector that did not take them."""
        self.dropped = 0
        """Lost as the queue was full."""

    @property
    def queued(self) -> int:
        return self.taken - self.exported - self.failed


class CountingExporter:
    """A `SpanExporter`."""

    def __init__(self, exporter: SpanExporter, counts: SpanCounts, where: str) -> None:
        self._exporter = exporter
        self._counts = counts
        self._where = where
        self._is_failing = False
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # it would say so again and again

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        from opentelemetry.sdk.trace.export import SpanExportResult

        try:
            result, why = self._exporter.export(spans), "the log of the collector may say why"
        except Exception as error:  # whatever it is, spans are lost, and nothing else
            result, why = SpanExportResult.FAILURE, str(error)
        is_failing = result is not SpanExportResult.SUCCESS
        if is_failing:
            self._counts.failed += len(spans)
        else:
            self._counts.exported += len(spans)
        if is_failing and not self._is_failing:
            _log.warning("the collector at %s does not take traces: %s", self._where, why)
        elif self._is_failing and not is_failing:
            _log.warning("the collector at %s takes traces again", self._where)
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class BoundedSpans:
    """A `SpanProcessor` before one that sends in batches; `on_end` is called by any thread."""

    def __init__(self, exporter: SpanExporter, counts: SpanCounts) -> None:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._batches = BatchSpanProcessor(exporter)
        self._counts = counts
        text = os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "")
        self._bound = int(text) if text.isdecimal() else QUEUE_SPANS

    def on_start(self, span: Span, parent_context: Context | None = None) -> None: ...

    def _on_ending(self, span: Span) -> None: ...

    def shutdown(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._counts.queued >= self._bound:
            self._counts.dropped += 1
            return
        self._counts.taken += 1
        self._batches.on_end(span)
