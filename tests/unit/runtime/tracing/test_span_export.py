"""Spans on their way: how many wait at most, and what is counted."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ottla.runtime.tracing import tracing as traces
from ottla.runtime.tracing.tracing import Tracing, tracing_to
from ottla.runtime.tracing.wish import ENDPOINT, EXPORTER, is_wished, wish_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class Gate(SpanExporter):
    """Takes spans when it is open, or not at all."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.result = SpanExportResult.SUCCESS
        self.taken: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.is_open.wait(60)
        self.taken += [span.name for span in spans]
        return self.result


def tell(tracing: Tracing, count: int) -> None:
    for number in range(count):
        tracing.begin(f"{number}", "INTERNAL", {}).end()


def test_a_full_queue_drops_what_comes_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    gate = Gate()
    tracing = tracing_to(gate, {"service.name": "x"})
    tell(tracing, 25)
    counts = tracing.counts
    assert counts is not None
    assert (counts.taken, counts.dropped, counts.exported) == (10, 15, 0)
    gate.is_open.set()
    tracing.stop()
    assert (counts.exported, counts.failed, counts.queued) == (10, 0, 0)
    assert gate.taken == [f"{number}" for number in range(10)]


def test_what_is_not_taken_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    gate.result = SpanExportResult.FAILURE
    gate.is_open.set()
    tracing = tracing_to(gate, {})
    tell(tracing, 3)
    tracing.stop()
    assert tracing.counts is not None
    assert (tracing.counts.failed, tracing.counts.exported) == (3, 0)
    assert "does not take traces" in caplog.text


def test_what_is_not_sampled_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    tracing = tracing_to(Gate(), {})
    tell(tracing, 3)
    assert tracing.counts is not None
    assert (tracing.counts.taken, tracing.counts.dropped) == (0, 0)
    tracing.stop()


def test_a_collector_that_hangs_does_not_hold_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "STOP_TIMEOUT_S", 0.2)
    gate = Gate()
    tracing = tracing_to(gate, {})
    tell(tracing, 1)
    tracing.stop()
    assert tracing.counts is not None
    assert tracing.counts.queued == 1
    gate.is_open.set()


def test_the_option_is_for_the_processes_that_are_started_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (EXPORTER, ENDPOINT):
        monkeypatch.setenv(name, "")
    wish_for(None)
    assert not is_wished()
    wish_for("http://collector:4318/")
    assert is_wished()
    assert os.environ[ENDPOINT] == "http://collector:4318/v1/traces"
    for wrong in ("collector:4318", "ftp://collector"):
        with pytest.raises(ValueError, match="HOST:PORT"):
            wish_for(wrong)
