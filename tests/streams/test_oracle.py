"""The oracle answers: Kafka Streams runs what an op-tree says."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from tests.streams.oracle.process import OracleError

if TYPE_CHECKING:
    from tests.streams.oracle.process import StreamsOracle

pytestmark = pytest.mark.java

COUNT_BY_FIRST_CHAR: list[dict[str, Any]] = [
    {"id": "words", "op": "stream", "topics": ["in"]},
    {"id": "upper", "op": "map_values", "on": "words", "fn": "upper"},
    {"id": "grouped", "op": "group_by", "on": "upper", "fn": "first_char"},
    {"id": "counts", "op": "count", "on": "grouped", "materialized": {"name": "counts"}},
    {"id": "changes", "op": "to_stream", "on": "counts"},
    {"op": "to", "on": "changes", "topic": "out", "produced": {"value": "long"}},
]


def test_kafka_streams_counts(oracle: StreamsOracle) -> None:
    inputs = [{"topic": "in", "key": None, "value": base64(word), "timestamp": 5 - at} for at, word in enumerate(WORDS)]
    answer = oracle.ask({"ops": COUNT_BY_FIRST_CHAR, "inputs": inputs, "internals": True})
    assert answer["describe"].startswith("Topologies:\n   Sub-topology: 0\n")
    written = [each for each in answer["outputs"] if each["topic"] == "out"]
    assert [(each["key"], each["timestamp"]) for each in written] == [(base64("H"), 5), (base64("H"), 5)]
    assert answer["stores"] == {"counts": [["H", "2", 5]]}
    assert answer["sub_topologies"]["topics"]["1"]["source_topics"] == ["app-counts-repartition"]


def test_what_kafka_streams_refuses_is_an_error(oracle: StreamsOracle) -> None:
    twice = {"op": "to", "on": "words", "topic": "out", "produced": {"name": "same"}}
    with pytest.raises(OracleError, match=r"TopologyException: .* is already added"):
        oracle.ask({"ops": [COUNT_BY_FIRST_CHAR[0], twice, twice]})


WORDS = ("hello", "hi")


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()
