"""`kill -9` of a node of three: its partitions have other leaders long before any session or fetch times out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.interop.quorum_nodes import has_settled, wait_for_status
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.ottla_cluster import OttlaClusterNode

pytestmark = pytest.mark.timeout(120)
MOVED_WITHIN_S = 3.0
"""Well below a second on a machine that is idle (the goal is 1.5 s); Apache Kafka 4.3.1 takes 9.6 s."""


def test_leaders_move_when_the_active_controller_and_another_node_are_killed(tmp_path: Path) -> None:
    admin_module = pytest.importorskip("confluent_kafka.admin")
    with OttlaCluster(tmp_path) as cluster:
        admin = admin_module.AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        for future in admin.create_topics([admin_module.NewTopic("t", 6, 3)]).values():
            future.result(30)

        def leaders(asked: OttlaClusterNode) -> dict[int, tuple[int, set[int]]]:
            client = admin_module.AdminClient({"bootstrap.servers": asked.address, "log_level": 0})
            partitions = client.list_topics("t", timeout=10).topics["t"].partitions.values()
            return {one.id: (one.leader, set(one.isrs)) for one in partitions}

        def all_in_sync() -> bool:
            return all(isr == {1, 2, 3} for _, isr in leaders(next(iter(cluster))).values())

        for is_controller in (True, False):
            wait_for(all_in_sync, "all replicas are in sync", 30)
            active = wait_for_status(list(cluster), has_settled, "a leader").leader_id
            victim = next(node for node in cluster if (node.node_id == active) is is_controller)
            witness = next(node for node in cluster if node is not victim)
            victim.kill()
            killed_s = time.monotonic()

            def moved(witness: OttlaClusterNode = witness, gone: int = victim.node_id) -> bool:
                return all(leader not in (-1, gone) for leader, _ in leaders(witness).values())

            wait_for(moved, "other leaders", 20)
            assert time.monotonic() - killed_s < MOVED_WITHIN_S
            victim.start()
