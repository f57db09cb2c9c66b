"""Metrics have Kafka Streams' names, groups and tags, and the values of its driver where the clock decides nothing."""

from __future__ import annotations

import logging
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.streams.answers import answer
from tests.streams.op_cases import CASES, Op

from ottla.streams.application.client_metrics import ClientMetrics
from ottla.streams.application.thread_metrics import ThreadMetrics
from ottla.streams.metrics.registry import MetricsRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.streams.oracle.process import StreamsOracle

pytestmark = pytest.mark.java

SOME: Final = (
    "filter",
    "merge with itself",
    "to, by an extractor",
    "tumbling, final",
    "suppress a count",
    "stream outer_join",
    "stream-global join",
)
OTHERS: Final = [
    case
    for case in CASES
    if case not in SOME and not case.endswith(", suppressed") and not case.startswith("global table")
]
"""Without those that need other serdes, and those of no task at all."""
NOT_HERE: Final = {"compaction-time-min", "memtable-flush-time-min"}
"""RocksDB's statistics have no minimum where Python reads them."""
GLOBAL_CACHE: Final = {"", "-1_-1"}
"""Task ids of the caches of global stores, which are not measured here; Kafka Streams' tags of them name no task."""
EQUAL: Final = {
    "stream-task-metrics": (
        "process-",
        "punctuate-",
        "record-lateness-",
        "dropped-",
        "enforced-",
        "active-",
        "restore-",
    ),
    "stream-processor-node-metrics": ("process-", "record-e2e-", "suppression-emit-"),
    "stream-topic-metrics": ("records-", "bytes-"),
    "stream-thread-metrics": ("task-closed-",),
    "stream-state-metrics": ("put-rate", "remove-rate", "put-all-", "num-open-", "oldest-", "num-keys"),
}
"""By group, how the names of metrics begin whose values are compared."""

Name = tuple[str, str, tuple[tuple[str, str], ...]]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Skipped records are logged."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def question(ops: list[Op], level: str) -> dict[str, Any]:
    """Records out of order, some without a value, and time that goes on."""
    tables = ("table", "global_table")
    topics = [topic for op in ops for topic in op.get("topics", [op["topic"]] if op["op"] in tables else [])]
    inputs: list[dict[str, Any]] = []
    for number in range(6):
        value = None if number == 4 else encoded(f"v w{number}")
        key = encoded(f"k{number % 3}")
        inputs += [{"topic": each, "key": key, "value": value, "timestamp": 90 - 13 * number} for each in topics]
        inputs.append({"advance_wall_clock_ms": 7000})
    config = {"metrics.recording.level": level, "statestore.cache.max.bytes": "10000"}
    return {"ops": ops, "inputs": inputs, "metrics": True, "wall_clock_ms": 1000, "config": config}


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def by_name(metrics: list[dict[str, Any]]) -> dict[Name, Any]:
    return {(each["group"], each["name"], tuple(sorted(each["tags"].items()))): each["value"] for each in metrics}


@pytest.mark.parametrize("name", [*SOME, *(pytest.param(case, marks=pytest.mark.long) for case in OTHERS)])
def test_names_and_values_are_those_of_kafka_streams(name: str, oracle: StreamsOracle) -> None:
    for level in ("INFO", "DEBUG"):
        asked = question(CASES[name], level)
        expected, found = by_name(oracle.ask(asked)["metrics"]), by_name(answer(asked)["metrics"])
        assert {each for each in expected if is_here(each)} == {each for each in found if is_here(each)}
        compared = {each: value for each, value in expected.items() if is_here(each) and is_equal(each)}
        assert len(compared) > 20
        assert {each: shown(found[each]) for each in compared} == {
            each: shown(value) for each, value in compared.items()
        }


def is_here(name: Name) -> bool:
    group, metric, tags = name
    is_cache = group == "stream-record-cache-metrics" or metric == "cache-size-bytes-total"
    return metric not in NOT_HERE and not (is_cache and dict(tags)["task-id"] in GLOBAL_CACHE)


def is_equal(name: Name) -> bool:
    if "subscription" in str(name[2]).lower():  # what is deleted there is put here, as nothing
        return False
    return name[1].startswith(EQUAL.get(name[0], ()))


def shown(value: Any) -> Any:
    return "NaN" if value != value else pytest.approx(float(value)) if isinstance(value, int | float) else value


def test_names_of_clients_and_threads_are_those_of_kafka_streams(oracle: StreamsOracle) -> None:
    asked = {"ops": CASES["filter"], "client_metrics": True, "config": {"client.id": "me"}}
    expected = by_name(oracle.ask(asked)["client_metrics"])
    registry = MetricsRegistry()
    ClientMetrics(registry, "me", "process", "app", topology="", state=lambda: "CREATED", alive_threads=lambda: 1)
    thread = ThreadMetrics(registry, "me-StreamThread-1", "process", "me-StateUpdater-1")
    thread.watch(lambda: "CREATED", {})
    thread.started(1)
    found = {
        (each.group, each.name, tuple((tag, "" if tag == "process-id" else value) for tag, value in each.tags))
        for each in registry.metrics()
        if each.group in ("stream-metrics", "stream-thread-metrics")
    }
    assert found == {
        (group, name, tuple((tag, "" if tag == "process-id" else value) for tag, value in tags))
        for group, name, tags in expected
        if group in ("stream-metrics", "stream-thread-metrics")
    }
