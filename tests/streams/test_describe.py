"""`describe()` prints what Kafka Streams prints, for every operator and under every optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.streams.op_cases import CASES, Op
from tests.streams.op_strategy import OPTIMIZATIONS, op_trees
from tests.streams.op_tree import described
from tests.streams.oracle.process import OracleError

from ottla.streams.errors import TopologyError

if TYPE_CHECKING:
    from tests.streams.oracle.process import StreamsOracle

pytestmark = pytest.mark.java


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_that_of_kafka_streams(name: str, oracle: StreamsOracle) -> None:
    for optimization in OPTIMIZATIONS:
        config = {"topology.optimization": optimization}
        expected = oracle.ask({"ops": CASES[name], "config": config})["describe"]
        assert described(CASES[name], config) == expected, optimization


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(ops=op_trees(), optimization=st.sampled_from(OPTIMIZATIONS))
def test_the_text_of_random_op_trees(ops: list[Op], optimization: str, oracle: StreamsOracle) -> None:
    config = {"topology.optimization": optimization}
    try:
        expected = oracle.ask({"ops": ops, "config": config})["describe"]
    except OracleError as error:
        with pytest.raises(TopologyError if error.name == "TopologyException" else Exception):
            described(ops, config)
    else:
        assert described(ops, config) == expected
