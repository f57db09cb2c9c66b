"""Latencies in little memory: as exact as they claim to be."""

from __future__ import annotations

from ottla.console.operations.latencies import Latencies


def test_percentiles_are_one_percent_exact() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 10_001):
        latencies.add(milliseconds / 1000)
    summary = latencies.summary()
    for found, wanted in (
        (summary.p50_ms, 5000),
        (summary.p95_ms, 9500),
        (summary.p99_ms, 9900),
        (summary.p999_ms, 9990),
    ):
        assert abs(found - wanted) <= wanted / 100
    assert abs(summary.mean_ms - 5000.5) < 0.01
    assert abs(summary.max_ms - 10_000) < 0.01


def test_of_none_all_is_zero() -> None:
    assert Latencies().summary().p99_ms == 0
