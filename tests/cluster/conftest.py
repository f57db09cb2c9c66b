"""Clusters for the tests here: of Ottla, or, with OTTLA_TEST_PEER=apache-kafka, of Apache Kafka."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

import pytest
from tests.peers.apache_kafka_cluster import KafkaCluster
from tests.peers.cluster import COMBINED
from tests.peers.ottla_cluster import OttlaCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

Cluster: TypeAlias = OttlaCluster | KafkaCluster

SETTINGS = {
    "min.insync.replicas": "2",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1500",
    "replica.lag.time.max.ms": "3000",
}
"""Time-outs for what only time can tell, a stalled node above all: a test should not wait as long as people would."""


def kind_of_cluster() -> type[OttlaCluster] | type[KafkaCluster]:
    return KafkaCluster if os.environ.get("OTTLA_TEST_PEER") == "apache-kafka" else OttlaCluster


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three combined nodes."""
    with kind_of_cluster()(tmp_path_factory.mktemp("cluster"), (COMBINED,) * 3, settings=SETTINGS) as started:
        yield started
