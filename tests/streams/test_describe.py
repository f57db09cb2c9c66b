"""`describe()` prints what Kafka Streams prints, for every operator and under every optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.streams.op_cases import CASES
from tests.streams.op_tree import described

if TYPE_CHECKING:
    from tests.streams.oracle.process import StreamsOracle

pytestmark = pytest.mark.java

OPTIMIZATIONS: Final = (
    "none",
    "all",
    "reuse.ktable.source.topics",
    "merge.repartition.topics",
    "single.store.self.join",
)


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_that_of_kafka_streams(name: str, oracle: StreamsOracle) -> None:
    for optimization in OPTIMIZATIONS:
        config = {"topology.optimization": optimization}
        expected = oracle.ask({"ops": CASES[name], "config": config})["describe"]
        assert described(CASES[name], config) == expected, optimization
