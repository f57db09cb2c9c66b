"""A mirror to and from a cluster of three, whose leaders die while records flow both ways: every record once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import NewTopic
from tests.cluster.test_faults import leader_of, wait_until_whole
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.interop.test_mirror_failover import PARTITIONS, Writer, values_of
from tests.peers.mirror import MirrorProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.conftest import Cluster

pytestmark = pytest.mark.timeout(240)

BOTH_WAYS = {
    "one->three.enabled": "true",
    "three->one.enabled": "true",
    "topics": "orders",
    "one->three.replication.factor": "3",
    "three.offset.storage.replication.factor": "3",
    "one->three.checkpoints.topic.replication.factor": "3",
    "one->three.heartbeats.topic.replication.factor": "3",
    "three->one.offset-syncs.topic.replication.factor": "3",
}


def test_leaders_die_and_every_record_arrives_once(tmp_path: Path, cluster: Cluster) -> None:
    with OttlaNode(tmp_path / "one", TEST_SETTINGS) as one:
        single, three = Librdkafka(one.address), Librdkafka(cluster.bootstrap)
        single.create_topic("orders", PARTITIONS)
        three.admin.create_topics([NewTopic("orders", PARTITIONS, 3)])["orders"].result(60)
        leader_of(cluster, "orders")
        addresses = {"one": one.address, "three": cluster.bootstrap}
        with MirrorProcess(tmp_path / "mirror", addresses, BOTH_WAYS) as mirror:
            wait_for(lambda: "one.orders" in three.topics() and "three.orders" in single.topics(), "the copies")
            there, back = Writer(single, 5), Writer(three, 5)
            for _ in range(2):
                for topic in ("one.orders", "orders"):
                    wait_for(lambda: mirror.is_running and _copied(mirror, "one->three") > 0, "records in the target")
                    victim = cluster.nodes[leader_of(cluster, topic)]
                    victim.kill()
                    before = _copied(mirror, "one->three"), _copied(mirror, "three->one")
                    wait_for(
                        lambda before=before: (
                            _copied(mirror, "one->three") > before[0] + 100  # type: ignore[misc]
                            and _copied(mirror, "three->one") > before[1] + 100
                        ),
                        "progress both ways without the leader",
                    )
                    victim.start()
                    for each in ("orders", "one.orders", "mm2-offsets.one.internal"):
                        wait_until_whole(cluster, each)
            written_there, written_back = there.stop(), back.stop()
            for client, topic, written in (
                (Librdkafka(cluster.bootstrap), "one.orders", written_there),
                (single, "three.orders", written_back),
            ):
                for partition in range(PARTITIONS):
                    wait_for(
                        lambda client=client, topic=topic, partition=partition, written=written: (
                            client.offsets(  # type: ignore[misc]
                                topic, partition
                            )[1]
                            >= len(written[partition])
                        ),
                        f"everything in {topic}-{partition}",
                    )
                    assert values_of(client, topic, partition) == written[partition]
            assert mirror.stop() == 0
            assert "Traceback" not in mirror.output


def _copied(mirror: MirrorProcess, flow: str) -> int:
    """How many records the last line about a flow tells of."""
    lines = [line for line in mirror.output.splitlines() if line.startswith(f"{flow}  ")]
    return int(lines[-1].split(" records of ")[0].rsplit(" ", 1)[1].replace(",", "")) if lines else 0
