"""Readings as Prometheus's text format."""

from __future__ import annotations

import asyncio
import math

import pytest

from ottla.runtime.metrics.exposition import SLICE_READINGS, expose, expose_now, number
from ottla.runtime.metrics.metric import Summary, counter, gauge, summary
from ottla.runtime.metrics.process import METRICS, read_process
from ottla.runtime.metrics.rate import MIN_WINDOW_MS, Rate

SIZE = gauge("size_bytes", "Bytes.", "topic", "partition")
REQUESTS = counter("requests_total", "Requests,\nall of \\ them.")
TIMES = summary("time_ms", "Milliseconds.", "request")


def test_lines_of_a_metric_stand_together() -> None:
    text = expose_now([(SIZE, ("a", "0"), 1), (REQUESTS, (), 7), (SIZE, ("a", "1"), 2.5)]).decode()
    assert text.splitlines() == [
        "# HELP size_bytes Bytes.",
        "# TYPE size_bytes gauge",
        'size_bytes{topic="a",partition="0"} 1',
        'size_bytes{topic="a",partition="1"} 2.5',
        "# HELP requests_total Requests,\\nall of \\\\ them.",
        "# TYPE requests_total counter",
        "requests_total 7",
    ]
    assert text.endswith("\n")


def test_a_label_without_a_value_is_not_there() -> None:
    assert b"\nsize_bytes 3\n" in expose_now([(SIZE, ("", ""), 3)])
    assert b'\nsize_bytes{partition="4"} 3\n' in expose_now([(SIZE, ("", "4"), 3)])


def test_labels_are_escaped() -> None:
    assert b'{topic="a\\"b\\\\c\\nd",partition="0"}' in expose_now([(SIZE, ('a"b\\c\nd', "0"), 0)])


def test_a_summary_has_quantiles_a_sum_and_a_count() -> None:
    lines = expose_now([(TIMES, ("Fetch",), Summary(4, 10.5, [("0.50", 2.0), ("0.99", 7.25)]))]).decode().splitlines()
    assert lines[1:] == [
        "# TYPE time_ms summary",
        'time_ms{request="Fetch",quantile="0.50"} 2',
        'time_ms{request="Fetch",quantile="0.99"} 7.25',
        'time_ms_sum{request="Fetch"} 10.5',
        'time_ms_count{request="Fetch"} 4',
    ]


def test_numbers_are_as_go_reads_them() -> None:
    values = (True, 2**63, 0.5, 3.0, 1e300, math.nan, math.inf, -math.inf)
    assert [number(value) for value in values] == [
        "1",
        "9223372036854775808",
        "0.5",
        "3",
        "1e+300",
        "NaN",
        "+Inf",
        "-Inf",
    ]


def test_labels_must_fit_the_metric() -> None:
    with pytest.raises(ValueError, match="zip"):
        expose_now([(SIZE, ("a",), 1)])


async def test_many_readings_let_others_have_their_turn() -> None:
    turns = [0]

    async def other() -> None:
        for turn in range(1000):
            turns[0] = turn
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    text = await expose([lambda: ((SIZE, ("a", str(i)), i) for i in range(10 * SLICE_READINGS))])
    task.cancel()
    assert text.count(b"\nsize_bytes{") == 10 * SLICE_READINGS
    assert turns[0] >= 8


def test_the_process_tells_all_that_it_declares() -> None:
    read = {metric: value for metric, _, value in read_process()}
    assert set(read) == set(METRICS)
    values = {metric.name: value for metric, value in read.items() if not isinstance(value, Summary)}
    assert values["process_resident_memory_bytes"] > 1_000_000
    assert values["process_start_time_seconds"] > 1_600_000_000


def test_a_rate_is_that_between_two_looks() -> None:
    rate = Rate()
    assert rate.of(100, 0) == 0
    assert rate.of(150, MIN_WINDOW_MS / 2) == 0  # too early to tell
    assert rate.of(200, MIN_WINDOW_MS) == pytest.approx(100 * 1000 / MIN_WINDOW_MS)
    assert rate.of(0, 2 * MIN_WINDOW_MS) == 0  # it has begun anew
