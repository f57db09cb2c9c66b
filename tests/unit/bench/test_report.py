"""The verdicts of the benchmark: what is met, missed, or limited by the client, and how goals are counted."""

from __future__ import annotations

import dataclasses

import pytest
from bench.report import markdown, row, workload_rows
from bench.workloads import WORKLOADS, Measurement

CONSUME = next(workload for workload in WORKLOADS if workload.key == "fetch-100")


def test_a_ratio_is_the_median_of_the_pairs() -> None:
    assert row("consume", "w", "cpu_us_per_record", [1.0, 9.0, 2.0], [2.0, 9.0, 8.0]).ratio == 0.5


@pytest.mark.parametrize(
    ("ottla", "busy", "verdict"),
    [(120.0, 10.0, "met"), (119.0, 80.0, "missed"), (119.0, 79.9, "client-bound"), (119.0, None, "missed")],
)
def test_only_throughput_of_an_idle_broker_is_client_bound(ottla: float, busy: float | None, verdict: str) -> None:
    assert row("consume", "w", "records_per_s", [ottla], [100.0], busy).verdict == verdict


def test_cpu_is_never_client_bound() -> None:
    assert row("consume", "w", "cpu_us_per_record", [0.6], [1.0], 5.0).verdict == "missed"


def test_the_floor_stands_beside_the_cpu_and_has_no_goal() -> None:
    ottla = Measurement(records_per_s=1e6, cpu_us_per_record=0.4, floor_us_per_record=0.3)
    kafka = Measurement(records_per_s=1e6, cpu_us_per_record=0.5)
    rows = workload_rows(CONSUME, [ottla], [kafka])
    assert [one.metric for one in rows] == [
        "records/s",
        "broker CPU, µs a record",
        "… of a bare sendfile loop in C",
        "broker's core busy, %",
    ]
    assert (rows[2].ottla, rows[2].ratio, rows[2].verdict) == (0.3, 0.6, "")
    assert rows[0].verdict == "client-bound"  # 40 % of a core


def test_the_table_counts_every_goal() -> None:
    rows = [row("consume", "w", "records_per_s", [1.0], [1.0], busy) for busy in (10.0, 90.0)] + [
        row("consume", "w", "cpu_us_per_record", [0.1], [1.0])
    ]
    text = markdown(rows, {"date": "2026-01-01"})
    assert "1 of 2 goals met; 1 throughput goals are client-bound." in text
    assert text.count("**missed**") == 1


def test_a_small_load_still_has_whole_transactions_for_every_producer() -> None:
    for workload in WORKLOADS:
        small = workload.scaled(0.0001)
        assert small.records >= workload.connections * workload.per_transaction
        assert dataclasses.replace(small, records=workload.records, dirty_records=workload.dirty_records) == workload
