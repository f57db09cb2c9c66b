"""What the tests here share: two brokers to compare, and a data directory to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import make_node
from tests.interop import log_scenarios, share_group_scenarios, transaction_scenarios
from tests.interop.clusters import KINDS, SETTINGS
from tests.interop.mixed_use import use
from tests.interop.streams_transcript import STREAMS_SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interop.clusters import Cluster


@pytest.fixture(scope="package")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(Apache Kafka, Ottla), configured alike, for whoever uses names of his own and leaves them running."""
    settings = {
        **STREAMS_SETTINGS,  # with those of consumer groups and of classic ones
        **share_group_scenarios.SETTINGS,
        **transaction_scenarios.SETTINGS,
        **log_scenarios.SETTINGS,
    }
    with (
        KafkaNode(tmp_path_factory.mktemp("kafka"), settings) as kafka,
        OttlaNode(tmp_path_factory.mktemp("ottla"), settings) as ottla,
    ):
        yield kafka.address, ottla.address


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a node after mixed use."""
    node = make_node(tmp_path_factory.mktemp("used"))
    node.start()
    try:
        use(node)
        yield node.data
    finally:
        node.close()


_LONG = ("apache-kafka", "kafka-brokers-ottla-controllers")


@pytest.fixture(
    scope="module", params=[pytest.param(kind, marks=pytest.mark.long) if kind in _LONG else kind for kind in KINDS]
)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers, each in a rack of its own, and three controllers."""
    racks = {node_id: {"broker.rack": f"rack-{node_id}"} for node_id in (1, 2, 3)}
    with KINDS[request.param](tmp_path_factory.mktemp("cluster"), settings=SETTINGS, settings_of=racks) as made:
        yield made
