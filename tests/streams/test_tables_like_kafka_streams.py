"""Streams, tables, aggregates and joins by key do what Kafka Streams does, record by record.

Outputs in their order (with timestamps, headers, repartition and changelog topics), contents of stores and the count of
dropped records are equal for random topologies and inputs out of order.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from tests.streams.answers import answer, stores_restored_from
from tests.streams.random_ops import questions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.streams.oracle.process import StreamsOracle

pytestmark = pytest.mark.java

EXAMPLES: Final = int(os.environ.get("OTTLA_STREAMS_EXAMPLES", "60"))
SETTINGS: Final = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Skipped records are logged, and many are skipped."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_results_are_those_of_kafka_streams(oracle: StreamsOracle) -> None:
    @settings(SETTINGS, max_examples=2 * EXAMPLES)
    @given(questions())
    def holds(question: dict[str, Any]) -> None:
        expected, found = oracle.ask(question), answer(question)
        assert found["outputs"] == expected["outputs"]
        assert shown(found) == shown(expected)
        assert found["dropped"] == expected["dropped"]

    holds()


def test_stores_come_back_from_changelogs_of_kafka_streams(oracle: StreamsOracle) -> None:
    @SETTINGS
    @given(questions())
    def holds(question: dict[str, Any]) -> None:
        expected = oracle.ask(question)
        logged = {record["topic"] for record in expected["outputs"]}
        restored = {"stores": stores_restored_from(question, expected["outputs"])}
        plain = plain_stores(question)
        kept = {name: rows for name, rows in shown(expected).items() if f"app-{name}-changelog" in logged}
        assert without_times(shown(restored), plain) == without_times(kept, plain)

    holds()


def plain_stores(question: dict[str, Any]) -> set[str]:
    """They keep no timestamps, but the cache before them does as long as it holds a value."""
    kept = [each.get("materialized") or {} for each in question["ops"]]
    return {each["name"] for each in kept if each.get("supplier") == "plain"}


def without_times(stores: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: [row[:-1] for row in rows] if name in names else rows for name, rows in stores.items()}


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """Stores with something in them, but for subscriptions of foreign-key joins, which print themselves otherwise."""
    return {name: rows for name, rows in result["stores"].items() if rows and "SUBSCRIPTION" not in name}
