"""One oracle for all tests that compare with Kafka Streams; brokers that groups of short sessions may live on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.conftest import TEST_SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode
from tests.streams.instance import Instance
from tests.streams.oracle.process import StreamsOracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

GROUP_SETTINGS: Final = TEST_SETTINGS | {
    "group.min.session.timeout.ms": "500",
    "group.streams.initial.rebalance.delay.ms": "0",
    "group.streams.assignment.interval.ms": "0",
    "group.streams.min.session.timeout.ms": "500",
    "group.streams.min.heartbeat.interval.ms": "100",
    "group.streams.heartbeat.interval.ms": "300",
    "group.streams.session.timeout.ms": "3000",
    "transaction.state.log.num.partitions": "2",
}
QUICK: Final = {
    "consumer.session.timeout.ms": "3000",
    "consumer.heartbeat.interval.ms": "300",
    "producer.transaction.timeout.ms": "4000",
    "producer.linger.ms": "5",
}
"""For an instance: whoever is killed is missed soon."""
CLASSIC: Final = {"group.protocol": "classic"}
STREAMS: Final = {"group.protocol": "streams"}
EXACTLY_ONCE: Final = {"processing.guarantee": "exactly_once_v2"}
AT_LEAST_ONCE: Final = {"processing.guarantee": "at_least_once", "commit.interval.ms": "300"}


@pytest.fixture(scope="session")
def oracle() -> Iterator[StreamsOracle]:
    with StreamsOracle() as started:
        yield started


@pytest.fixture(params=["ottla", pytest.param("apache-kafka", marks=(pytest.mark.java, pytest.mark.long))])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NodeProcess]:
    """A broker of each kind."""
    kind = OttlaNode if request.param == "ottla" else KafkaNode
    with kind(tmp_path / request.param, GROUP_SETTINGS) as node:
        yield node


@pytest.fixture
def ottla(tmp_path: Path) -> Iterator[OttlaNode]:
    with OttlaNode(tmp_path / "ottla", GROUP_SETTINGS) as node:
        yield node


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Callable[..., Instance]]:
    """Makes instances, which end with the test."""
    made: list[Instance] = []

    def make(broker: NodeProcess, label: str, settings: dict[str, str], application: str = "") -> Instance:
        options = {"application": application} if application else {}
        one = Instance(tmp_path / label, broker.address, QUICK | settings, **options)
        made.append(one)
        return one

    yield make
    for one in made:
        if one.is_running:
            one.kill()
