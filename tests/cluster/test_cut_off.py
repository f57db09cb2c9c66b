"""Three hosts of which one is cut off from the others, wholly or in one direction, while clients go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from tests.cluster.conftest import SETTINGS
from tests.cluster.hosts import Hosts
from tests.cluster.load import CountedLoad
from tests.cluster.spread import NODES, Spread
from tests.cluster.test_faults import SOME, TOPIC, create, leader_of, wait_until_whole
from tests.peers.apache_kafka_cluster import KafkaClusterNode
from tests.peers.ottla_cluster import OttlaClusterNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTITIONS: Final = 3


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[Spread]:
    kind = KafkaClusterNode if os.environ.get("OTTLA_TEST_PEER") == "apache-kafka" else OttlaClusterNode
    with Hosts(len(NODES)) as hosts, hosts.inside(), Spread(tmp_path, hosts, kind, SETTINGS) as made:
        yield made


@pytest.mark.timeout(240)
def test_a_leader_that_is_cut_off(spread: Spread) -> None:
    """From the others and from its clients: it goes on believing, and nobody is told that anything was kept there."""
    create(spread, TOPIC)
    with CountedLoad(spread.bootstrap, TOPIC, PARTITIONS) as load:
        load.wait_for(SOME)
        lost = leader_of(spread, TOPIC)
        spread.hosts.cut(lost)
        load.wait_for(SOME)  # of any partition: the others may have had enough before this one has a leader again
        wait_for(lambda: leader_of(spread, TOPIC) != lost, "another node leads")
        spread.hosts.mend(lost)
        wait_until_whole(spread, TOPIC)
        load.wait_for(SOME)
    load.check()


@pytest.mark.timeout(240)
def test_a_leader_that_hears_its_followers_no_more(spread: Spread) -> None:
    """One way only: its clients reach it, and so does what it says to the others."""
    create(spread, TOPIC)
    with CountedLoad(spread.bootstrap, TOPIC, PARTITIONS) as load:
        load.wait_for(SOME)
        deaf = leader_of(spread, TOPIC)
        others = [number for number in NODES if number != deaf]
        for other in others:
            spread.hosts.deafen(deaf, to=other)
        load.wait_for(SOME)
        for other in others:
            spread.hosts.heal(deaf, to=other)
        wait_until_whole(spread, TOPIC)
        load.wait_for(SOME)
    load.check()
