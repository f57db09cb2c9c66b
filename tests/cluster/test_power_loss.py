"""All nodes die at once, and come back: nobody waits for sessions of runs that are over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.cluster.load import CountedLoad
from tests.cluster.test_faults import PARTITIONS, SOME, TOPIC, create, wait_until_whole
from tests.peers.ottla_cluster import OttlaCluster

if TYPE_CHECKING:
    from pathlib import Path

SESSION_S = 90


def test_a_cluster_is_back_before_any_session_is_over(tmp_path: Path) -> None:
    settings = {"broker.session.timeout.ms": str(SESSION_S * 1000), "min.insync.replicas": "2"}
    with OttlaCluster(tmp_path, settings=settings) as cluster:
        create(cluster, TOPIC)
        with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
            load.wait_for(SOME)
            cluster.kill()
            begun = time.monotonic()
            for node in cluster.nodes.values():
                node.begin()
            load.wait_for(SOME)
            wait_until_whole(cluster, TOPIC)
            assert time.monotonic() - begun < SESSION_S / 2
        load.check()
