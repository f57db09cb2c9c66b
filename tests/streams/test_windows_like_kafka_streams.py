"""Windows, stream joins, suppression and versioned tables do what Kafka Streams does, record by record.

Outputs (with timestamps and headers), changelogs and contents of stores are compared for random topologies and inputs
out of order. What Kafka Streams refuses, such as a buffer that is full, must be refused here, too.
"""

from __future__ import annotations

import json
import logging
import os
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.streams import random_windows
from tests.streams.answers import answer, stores_restored_from
from tests.streams.oracle.process import OracleError

from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.streams.oracle.process import StreamsOracle

pytestmark = pytest.mark.java

EXAMPLES: Final = int(os.environ.get("OTTLA_STREAMS_EXAMPLES", "60"))
KINDS: Final[dict[str, Callable[[Random], dict[str, Any]]]] = {
    "aggregation": random_windows.windowed_aggregation,
    "join": random_windows.stream_join,
    "suppression": random_windows.suppression,
    "versioned": random_windows.versioned_table,
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Skipped records are logged, and many are skipped."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_those_of_kafka_streams(kind: str, oracle: StreamsOracle) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32 - 1))
    def holds(seed: int) -> None:
        question = KINDS[kind](Random(seed))
        if differs(question, oracle):
            smaller = without_needless_inputs(question, oracle)
            assert json.dumps(smaller) == "no question"

    holds()


@pytest.mark.parametrize("kind", ["aggregation", "join"])
def test_stores_come_back_from_changelogs_of_kafka_streams(kind: str, oracle: StreamsOracle) -> None:
    """Without a cache, which in Java goes on showing what its store has let expire."""

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32 - 1))
    def holds(seed: int) -> None:
        question = KINDS[kind](Random(seed))
        question["config"][random_windows.CACHE] = 0
        try:
            expected = oracle.ask(question)
        except OracleError:
            return
        logs = [record for record in expected["outputs"] if record["topic"].endswith("-changelog")]
        if kind == "join" and any(log["value"] is None and "shared" not in log["topic"].lower() for log in logs):
            return  # Java's changelog knows of records that its store never saw: those without a value
        logged = {record["topic"] for record in logs}
        restored = stores_restored_from(question, expected["outputs"])
        assert restored == {
            name: rows for name, rows in comparable(expected)["stores"].items() if f"app-{name}-changelog" in logged
        }

    holds()


def differs(question: dict[str, Any], oracle: StreamsOracle) -> bool:
    try:
        expected = oracle.ask(question)
    except OracleError:
        try:
            answer(question)
        except StreamsError:
            return False
        return True
    return comparable(answer(question)) != comparable(expected)


def without_needless_inputs(question: dict[str, Any], oracle: StreamsOracle) -> dict[str, Any]:
    """The same topology with as few inputs as still differ."""
    inputs = question["inputs"]
    for at in reversed(range(len(inputs))):
        fewer = {**question, "inputs": inputs[:at] + inputs[at + 1 :]}
        if differs(fewer, oracle):
            return without_needless_inputs(fewer, oracle)
    return question


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """What a task writes is in one order but for changelogs, each of which has its own."""
    changelogs: dict[str, list[Any]] = {}
    outputs = []
    for record in result["outputs"]:
        if not record["topic"].endswith("-changelog"):
            outputs.append(record)
            continue
        # What has no time of its own is -1 in a collector's record and null in the oracle's.
        timed = {**record, "timestamp": None if record["timestamp"] == -1 else record["timestamp"]}
        changelogs.setdefault(record["topic"], []).append(timed)
    for topic, log in changelogs.items():
        if "SUPPRESS" in topic or topic.endswith("held-store-changelog"):
            # A buffer logs what has changed since the last commit, in the order of a hash table in Java.
            log.sort(key=lambda record: (record["input"], record["key"]))
    stores = {
        name: [[key, value, None if time == -1 else time] for key, value, time in rows]
        for name, rows in result["stores"].items()
        if rows
    }
    return {"outputs": outputs, "changelogs": changelogs, "stores": stores, "dropped": result["dropped"]}
