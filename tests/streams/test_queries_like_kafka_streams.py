"""Interactive queries of both versions answer as Kafka Streams' stores do, after random topologies and inputs.

Java's stores are asked in its TopologyTestDriver, through the views and handlers that an application's queries go
through. Positions may differ in one way: ours tell of every record that the task has processed, Java's of those that
changed the store.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.streams import random_windows
from tests.streams.answers import answer
from tests.streams.oracle.process import OracleError
from tests.streams.queries import answers, some_queries
from tests.streams.random_ops import questions

from ottla.streams.queries import key_range, segment_scan
from ottla.streams.queries.position import Position, PositionBound
from ottla.streams.state.cached_key_value_store import CachedKeyValueStore
from ottla.streams.state.memory_bytes_store import LruBytesStore
from ottla.streams.state.without_timestamps import WithoutTimestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.streams.oracle.process import StreamsOracle

    from ottla.streams.state.store import StateStore
    from ottla.streams.testing.topology_test_driver import TopologyTestDriver

pytestmark = pytest.mark.java

EXAMPLES: Final = int(os.environ.get("OTTLA_STREAMS_EXAMPLES", "12"))
SETTINGS: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 60,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
WINDOWS: Final[dict[str, Callable[[Random], dict[str, Any]]]] = {
    "aggregation": random_windows.windowed_aggregation,
    "versioned": random_windows.versioned_table,
}


THEIRS: Final = ("ClassCastException", "IllegalStateException")
"""Empty ranges of plain stores in 4.3, and ranges of times or keys that end before they begin."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Skipped records are logged, and many are skipped."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is read page by page has several."""
    monkeypatch.setattr(key_range, "FIRST_PAGE", 2)
    monkeypatch.setattr(key_range, "MAX_PAGE", 3)
    monkeypatch.setattr(segment_scan, "PAGE", 2)


def test_stores_of_keys_answer_as_in_kafka_streams(oracle: StreamsOracle) -> None:
    seen: Counter[str] = Counter()

    @SETTINGS
    @given(questions(), st.integers(0, 2**32 - 1))
    def holds(question: dict[str, Any], seed: int) -> None:
        compare(question, Random(seed), oracle, seen)

    holds()
    assert {"value", "rows", "UNKNOWN_QUERY_TYPE", "NOT_UP_TO_BOUND", "InvalidStateStoreException"} <= seen.keys()
    assert "known without headers" in seen


@pytest.mark.parametrize("kind", WINDOWS)
def test_stores_of_times_answer_as_in_kafka_streams(kind: str, oracle: StreamsOracle) -> None:
    seen: Counter[str] = Counter()

    @SETTINGS
    @given(st.integers(0, 2**32 - 1))
    def holds(seed: int) -> None:
        random = Random(seed)
        compare(WINDOWS[kind](random), random, oracle, seen)

    holds()
    assert {"value", "rows", "UNKNOWN_QUERY_TYPE"} <= seen.keys()


def compare(question: dict[str, Any], random: Random, oracle: StreamsOracle, seen: Counter[str]) -> None:
    inputs = [each for each in question["inputs"] if "topic" in each]
    times_ms = [each["timestamp"] for each in inputs] or [0]
    topics = sorted({each["topic"] for each in inputs})
    asked: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    forgetful: set[str] = set()

    def inspect(driver: TopologyTestDriver) -> None:
        stores = dict(driver.get_all_state_stores())
        forgetful.update(name for name, store in stores.items() if _forgets(store))
        asked.extend(some_queries(random, stores, times_ms, topics))
        position = Position() if driver._task is None else Position.of(driver._task.position)
        if driver._global is not None:
            for topic in driver._global.topics:
                position = position.with_component(topic, 0, driver._offsets.get(topic, 0) - 1)
            for each in asked:
                if each["store"] in driver._global.stores:
                    each.pop("bound", None)  # Java's have no partition to which one could apply
        found.extend(answers(asked, stores, position))

    answer(question, inspect)
    if not asked:
        return
    try:
        expected = _expected(question, asked, oracle, seen)
    except OracleError:
        return  # what Kafka Streams cannot run at all, other tests are about
    for query, mine, java in zip(asked, found, expected, strict=True):
        seen[_compare_one(query, mine, java, query["store"] in forgetful)] += 1


def _expected(
    question: dict[str, Any], asked: list[dict[str, Any]], oracle: StreamsOracle, seen: Counter[str]
) -> list[dict[str, Any]]:
    """What Kafka Streams answers; where 4.3 knows no query because a store has headers, what it does without them."""
    answers: list[dict[str, Any]] = oracle.ask({**question, "queries": asked})["queries"]
    if random_windows.FORMAT not in question["config"]:
        return answers
    config = {name: setting for name, setting in question["config"].items() if name != random_windows.FORMAT}
    without = oracle.ask({**question, "config": config, "queries": asked})["queries"]
    for at, java in enumerate(answers):
        if java.get("failure") == "UNKNOWN_QUERY_TYPE" and without[at].get("failure") != "UNKNOWN_QUERY_TYPE":
            answers[at] = without[at]
            seen["known without headers"] += 1
    return answers


def _missed(row: list[Any], query: dict[str, Any]) -> bool:
    """Java looks for values in segments up to `to`, though one that was replaced later lies in a later segment."""
    return "to" in query and row[2] is not None and row[2] > query["to"] and row[1] <= query["to"]


def _forgets(store: StateStore) -> bool:
    """What is below a cache may be less than what was put."""
    return isinstance(store, CachedKeyValueStore) and isinstance(store.bytes_store, LruBytesStore | WithoutTimestamps)


def _knows_less(java: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Java's ranges of version 2 do not see caches, which know times, and keys, that some stores below them forget."""
    if "rows" not in java or "rows" not in mine or java == mine:
        return False
    known = {tuple(row[:2]) for row in mine["rows"]}
    return all(tuple(row[:2]) in known and (row in mine["rows"] or row[2:] == [-1]) for row in java["rows"])


def _once(rows: list[list[Any]]) -> list[list[Any]]:
    return [row for at, row in enumerate(rows) if row not in rows[:at]]


def _compare_one(query: dict[str, Any], mine: dict[str, Any], java: dict[str, Any], forgets: bool) -> str:
    reached, position = mine.pop("position", Position()), Position.from_map(java.pop("position", {}))
    assert PositionBound.at(position).permits(reached, None), (query, reached, position)
    if java == {"failure": "NOT_UP_TO_BOUND"} and mine != java and mine != {"failure": "UNKNOWN_QUERY_TYPE"}:
        assert PositionBound.at(Position.from_map(query["bound"])).permits(reached, 0), (query, reached)
        return "more"
    if java == {"failure": "NOT_UP_TO_BOUND"} and mine == {"failure": "UNKNOWN_QUERY_TYPE"}:
        return "either"  # which of two failures is told depends on the layer there
    message = java.pop("message", None)
    if java.get("error") in THEIRS or message == "inconsistent range":
        return "theirs"
    call = query.get("call", "")
    if call.endswith("fetch_range") and None in query["args"] and "rows" in java:
        java = {"rows": _once(java["rows"])}  # behind a cache Java goes through such a range again and again
    if call.startswith("backward") and query["type"] == "session" and "rows" in java and "rows" in mine:
        # What has expired, and a cache has still, is found by Java on the way forward alone.
        mine = {"rows": [row for row in mine["rows"] if row in java["rows"]]}
    if forgets and query.get("query", "") in ("range", "timestamped_range") and _knows_less(java, mine):
        return "less"
    if query.get("query") == "versions" and "rows" in java and "rows" in mine:
        mine = {"rows": [row for row in mine["rows"] if row in java["rows"] or not _missed(row, query)]}
    if "UnsupportedOperationException" in java.values():  # of versioned stores, about keys and ranges
        java = {"failure": "UNKNOWN_QUERY_TYPE"}
    assert mine == java, (query, message)
    return str(java.get("failure") or java.get("error") or next(iter(java)))
