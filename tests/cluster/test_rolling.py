"""What an operator does to a cluster that serves: restart it node by node, and raise its metadata version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.cluster.conftest import SETTINGS, kind_of_cluster
from tests.cluster.load import CountedLoad
from tests.cluster.test_faults import PARTITIONS, SOME, TOPIC, create, wait_until_whole
from tests.peers.apache_kafka import run_java
from tests.peers.ottla_cluster import OttlaCluster

from ottla.metadata.features import METADATA_3_7_IV2

if TYPE_CHECKING:
    from pathlib import Path

ORDERLY_S: Final = 5.0
"""Far less than a session (9 s), which nobody need wait for when the old leader has handed over."""


@pytest.mark.timeout(240)
def test_a_rolling_restart(tmp_path: Path) -> None:
    """Every node hands over before it goes: no client is told of an error, and none waits for long."""
    with kind_of_cluster()(tmp_path, settings={"min.insync.replicas": "2"}) as cluster:
        create(cluster, TOPIC)
        with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
            load.wait_for(SOME)
            for node in cluster.nodes.values():
                node.stop()
                load.wait_for(SOME)
                node.start()
                wait_until_whole(cluster, TOPIC)
                load.wait_for(SOME)
        load.check()
    assert load.longest_silence_s() < ORDERLY_S


@pytest.mark.java
@pytest.mark.timeout(240)
def test_the_metadata_version_is_raised(tmp_path: Path) -> None:
    """By Apache Kafka's own tool, from 3.7 to the newest, with a rolling restart at each."""
    with OttlaCluster(tmp_path, settings=SETTINGS, metadata_version=METADATA_3_7_IV2) as cluster:
        create(cluster, TOPIC)
        with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
            load.wait_for(SOME)
            for level in ("3.9", "4.3"):
                _features(cluster, "upgrade", "--release-version", level)
                load.wait_for(SOME)
                for node in cluster.nodes.values():
                    node.restart()
                    wait_until_whole(cluster, TOPIC)
            load.wait_for(SOME)
        load.check()
        described = _features(cluster, "describe")
        assert "FinalizedVersionLevel: 4.3-IV0" in next(
            line for line in described.splitlines() if "metadata.version" in line
        )


def _features(cluster: OttlaCluster, *words: str) -> str:
    tool = "org.apache.kafka.tools.FeatureCommand"
    return run_java(tool, "--bootstrap-server", cluster.bootstrap, *words).stdout
