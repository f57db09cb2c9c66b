"""What is measured of tasks and workers, under a clock of the test's."""

from __future__ import annotations

from math import inf, isnan

from ottla.connect.runtime.worker_measures import Rebalances, Starts
from ottla.connect.task.measures import (
    BATCH_SIZE,
    OF_SINKS,
    OF_SOURCES,
    OF_TRANSACTIONS,
    PAUSED,
    POLL_TIME,
    POLLED,
    RUNNING,
    TRANSACTION_SIZE,
    TaskMeasures,
)


class Clock:
    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def test_averages_and_maxima_are_of_the_last_minute() -> None:
    clock = Clock()
    measures = TaskMeasures(OF_SOURCES, clock)
    assert isnan(measures.values()["batch-size-max"])
    for size in (1, 3):
        measures.record(BATCH_SIZE, size)
        measures.record(POLL_TIME, size * 10)
    told = measures.values()
    assert (told["batch-size-max"], told["batch-size-avg"]) == (3, 2)
    assert (told["poll-batch-max-time-ms"], told["poll-batch-avg-time-ms"]) == (30, 20)
    clock.now_ms = 31_000
    measures.record(BATCH_SIZE, 2)
    assert measures.values()["batch-size-max"] == 3
    clock.now_ms = 62_000
    assert measures.values()["batch-size-max"] == 2
    clock.now_ms = 200_000
    assert isnan(measures.values()["batch-size-max"])


def test_rates_are_of_what_has_grown() -> None:
    clock = Clock()
    measures = TaskMeasures(OF_SOURCES, clock)
    for at_ms, total in ((0, 100), (10_000, 250), (20_000, 300)):
        clock.now_ms = at_ms
        measures.grown_to(POLLED, total)
    # The window that is not there yet counts as a whole one, as in Kafka.
    assert measures.values()["source-record-poll-rate"] == 300 / (20 + 30)
    clock.now_ms = 40_000
    assert measures.values()["source-record-poll-rate"] == 300 / 40


def test_how_long_it_ran_and_paused() -> None:
    clock = Clock()
    measures = TaskMeasures(OF_SINKS, clock)
    clock.now_ms = 500  # before it is up counts for nothing
    assert measures.values()["running-ratio"] == 0
    measures.enter(RUNNING)
    clock.now_ms = 1_250
    measures.enter(PAUSED)
    clock.now_ms = 1_500
    told = measures.values()
    assert (told["running-ratio"], told["pause-ratio"]) == (0.75, 0.25)


def test_commits() -> None:
    measures = TaskMeasures(OF_SINKS, Clock())
    told = measures.values()
    assert (told["offset-commit-success-percentage"], told["offset-commit-failure-percentage"]) == (0, 0)
    for stored in (True, True, True, False):
        measures.committed(7, stored=stored)
    told = measures.values()
    assert (told["offset-commit-success-percentage"], told["offset-commit-failure-percentage"]) == (0.75, 0.25)
    assert told["offset-commit-max-time-ms"] == 7


def test_transactions() -> None:
    measures = TaskMeasures(OF_SOURCES | OF_TRANSACTIONS, Clock())
    for size in (2, 4, 9):
        measures.record(TRANSACTION_SIZE, size)
    told = measures.values()
    names = ("transaction-size-min", "transaction-size-max", "transaction-size-avg")
    assert [told[name] for name in names] == [2, 9, 5]


def test_starts() -> None:
    starts = Starts(Clock())
    assert starts.values()["success-percentage"] == starts.values()["failure-percentage"] == 0
    starts.note(succeeded=True)
    starts.note(succeeded=False)
    assert starts.values() == {
        "attempts-total": 2,
        "success-total": 1,
        "failure-total": 1,
        "success-percentage": 0.5,
        "failure-percentage": 0.5,
    }


def test_rebalances() -> None:
    clock = Clock()
    rebalances = Rebalances(clock)
    assert rebalances.values()["time-since-last-rebalance-ms"] == inf
    rebalances.begin()
    clock.now_ms = 300
    rebalances.begin()  # it joins again, the same rebalance goes on
    clock.now_ms = 400
    assert rebalances.values()["rebalancing"] == 1
    rebalances.end()
    clock.now_ms = 1_000
    assert rebalances.values() == {
        "completed-rebalances-total": 1,
        "rebalancing": 0,
        "rebalance-max-time-ms": 400,
        "rebalance-avg-time-ms": 400,
        "time-since-last-rebalance-ms": 600,
    }
