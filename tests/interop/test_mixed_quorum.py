"""Controllers of Ottla and of Apache Kafka 4.3 in one quorum, as real processes: failover between the kinds, snapshots
from each to the other, the same log in the end; and Apache Kafka's own tool on a quorum of Ottla.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.interop.quorum_nodes import has_settled, wait_for_status
from tests.peers.apache_kafka import run_java
from tests.peers.apache_kafka_cluster import KafkaClusterNode
from tests.peers.certificates import Authority
from tests.peers.cluster import CONTROLLER, LISTENER, Quorum, Voter
from tests.peers.ottla_cli import Cli
from tests.peers.ottla_cluster import OttlaClusterNode
from tests.peers.process import wait_for

from ottla.raft.batches import read_batches
from ottla.runtime.config.jaas import PLAIN_LOGIN_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interop.quorum_nodes import QuorumStatus
    from tests.peers.member import Member

pytestmark = pytest.mark.java
SETTINGS = {
    "metadata.log.max.record.bytes.between.snapshots": "1000",
    "metadata.max.idle.interval.ms": "50",
}
JAVA = 1


class MixedQuorum:
    """Node 1 is Apache Kafka's, 2 and 3 are Ottla's: a leader that resigns asks the first one to follow it."""

    def __init__(self, directory: Path) -> None:
        self.quorum = Quorum(tuple(Voter(node_id) for node_id in (JAVA, 2, 3)))
        self.nodes: dict[int, Member] = {
            JAVA: KafkaClusterNode(directory / "1", JAVA, self.quorum, roles=CONTROLLER, settings=SETTINGS),
            2: OttlaClusterNode(directory / "2", 2, self.quorum, roles=CONTROLLER, settings=SETTINGS),
            3: OttlaClusterNode(directory / "3", 3, self.quorum, roles=CONTROLLER, settings=SETTINGS),
        }

    @property
    def all(self) -> list[Member]:
        return list(self.nodes.values())

    def start(self) -> None:
        for node in self.all:
            node.begin()
        for node in self.all:
            node.wait_until_ready()

    def close(self) -> None:
        for node in self.all:
            if node.is_running:
                node.kill()
            node.close()

    def settled(self, least: int = 0) -> QuorumStatus:
        """All three follow whoever leads, and have what is committed."""
        return wait_for_status(
            self.all, lambda seen: has_settled(seen) and min(seen.voters.values()) > least, "all are there"
        )

    def next_leader(self, before: QuorumStatus) -> QuorumStatus:
        return wait_for_status(
            self.all, lambda seen: seen.epoch > before.epoch and seen.high_watermark > 0, "another leader"
        )

    def let_java_lead(self) -> QuorumStatus:
        seen = self.settled()
        while seen.leader_id != JAVA:
            leader = self.nodes[seen.leader_id]
            leader.stop()
            after = self.next_leader(seen)
            leader.start()
            seen = self.settled(after.high_watermark)
        return seen

    def let_ottla_lead(self) -> QuorumStatus:
        seen = self.settled()
        if seen.leader_id == JAVA:
            self.nodes[JAVA].kill()
            after = self.next_leader(seen)
            assert after.leader_id != JAVA
            self.nodes[JAVA].start()
            seen = self.settled(after.high_watermark)
        return seen

    def wipe(self, node: Member, seen: QuorumStatus) -> None:
        """It lost its metadata log; what it gets is a snapshot of the leader's."""
        node.kill()
        log = node.data / "__cluster_metadata-0"
        shutil.rmtree(log)
        node.start()
        wait_for(lambda: any(log.glob("*.checkpoint")), f"node {node.node_id} has a snapshot", 30)
        self.settled(seen.high_watermark)
        wait_for(lambda: metadata_batches(node), f"node {node.node_id} has written what came after its snapshot", 30)
        assert min(metadata_batches(node)) > 0, "it began with the snapshot, not with the history"


def metadata_batches(node: Member) -> dict[int, tuple[int, int, object, object]]:
    """By their first offset."""
    found: dict[int, tuple[int, int, object, object]] = {}
    for path in sorted((node.data / "__cluster_metadata-0").glob("*.log")):
        for batch in read_batches(path.read_bytes()):
            found[batch.base_offset] = (batch.last_offset, batch.epoch, list(batch.values), list(batch.control))
    return found


@pytest.fixture
def mixed(tmp_path: Path) -> Iterator[MixedQuorum]:
    made = MixedQuorum(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_leaders_of_either_kind_follow_each_other_and_send_snapshots(mixed: MixedQuorum) -> None:
    seen = mixed.let_java_lead()
    mixed.wipe(mixed.nodes[2], seen)
    seen = mixed.let_ottla_lead()
    mixed.wipe(mixed.nodes[JAVA], seen)
    mixed.let_java_lead()
    seen = mixed.let_ottla_lead()
    assert sorted(seen.voters) == [1, 2, 3]
    for node in mixed.all:
        node.kill()
    logs = {node.node_id: metadata_batches(node) for node in mixed.all}
    common = set.intersection(*(set(log) for log in logs.values()))
    assert len(common) > 20
    for offset in common:
        assert logs[JAVA][offset] == logs[2][offset] == logs[3][offset], offset


def quorum_tool(node: Member, *arguments: str) -> str:
    tool = "org.apache.kafka.tools.MetadataQuorumCommand"
    return run_java(tool, "--bootstrap-controller", node.address, *arguments).stdout


def test_the_quorum_tool_of_apache_kafka_describes_a_quorum_of_ottla(tmp_path: Path) -> None:
    quorum = Quorum((Voter(1), Voter(2), Voter(3)))
    nodes = [
        OttlaClusterNode(tmp_path / str(each.node_id), each.node_id, quorum, roles=CONTROLLER) for each in quorum.voters
    ]
    try:
        for node in nodes:
            node.begin()
        seen = wait_for_status(nodes, has_settled, "a leader")
        told = quorum_tool(nodes[0], "describe", "--status")
        assert f"LeaderId:               {seen.leader_id}" in told
        assert "CurrentVoters:" in told
        rows = quorum_tool(nodes[1], "describe", "--replication").strip().splitlines()[1:]
        assert sorted(int(row.split()[0]) for row in rows) == [1, 2, 3]
        leader = next(node for node in nodes if node.node_id == seen.leader_id)
        other = next(node for node in nodes if node is not leader)
        quorum_tool(
            leader,
            *("remove-controller", "--controller-id", str(other.node_id)),
            *("--controller-directory-id", other.directory_id),
        )
        rest = {1, 2, 3} - {other.node_id}
        wait_for_status(nodes, lambda now: set(now.voters) == rest, "one voter less")
    finally:
        for node in nodes:
            if node.is_running:
                node.kill()
            node.close()


def secured(authority: Authority, name: str) -> dict[str, str]:
    """Controllers that know each other by a password, over TLS, and let nobody else do anything."""
    key, certificate = authority.issue(name)
    prefix = f"listener.name.{LISTENER.lower()}"
    login = 'username="controller" password="secret" user_controller="secret"'
    return {
        "listener.security.protocol.map": f"{LISTENER}:SASL_SSL,PLAINTEXT:PLAINTEXT",
        f"{prefix}.ssl.keystore.type": "PEM",
        f"{prefix}.ssl.keystore.key": key.replace("\n", "\\n"),
        f"{prefix}.ssl.keystore.certificate.chain": certificate.replace("\n", "\\n"),
        f"{prefix}.ssl.truststore.type": "PEM",
        f"{prefix}.ssl.truststore.certificates": authority.pem.replace("\n", "\\n"),
        f"{prefix}.sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        f"{prefix}.plain.sasl.jaas.config": f"{PLAIN_LOGIN_MODULE} required {login};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:controller",
    }


def test_voters_of_both_kinds_know_each_other_by_tls_and_sasl(tmp_path: Path) -> None:
    """Neither of the two can be elected without the other."""
    authority = Authority()
    quorum = Quorum((Voter(1), Voter(2)))
    java = KafkaClusterNode(tmp_path / "1", 1, quorum, roles=CONTROLLER, settings=secured(authority, "java"))
    ottla = OttlaClusterNode(tmp_path / "2", 2, quorum, roles=CONTROLLER, settings=secured(authority, "ottla"))
    (tmp_path / "ca.pem").write_text(authority.pem)
    (tmp_path / "client.properties").write_text(
        f"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
        f"ssl.truststore.type=PEM\nssl.truststore.location={tmp_path / 'ca.pem'}\n"
        f'sasl.jaas.config={PLAIN_LOGIN_MODULE} required username="controller" password="secret";\n'
    )
    options = ("--command-config", str(tmp_path / "client.properties"), "--json", "--timeout", "5")
    try:
        for node in (java, ottla):
            node.begin()
        for node in (java, ottla):
            node.wait_until_ready()
        ask = Cli(ottla.controller_address, "--bootstrap-controller")

        def both_follow() -> bool:
            told = ask("quorum", "status", *options)
            return told.code == 0 and told.json["high_watermark"] > 0 and told.json["max_lag"] < 5

        wait_for(both_follow, "both follow", 60)
        stranger = ask("quorum", "status", "--timeout", "2")
        assert stranger.code != 0
    finally:
        for node in (java, ottla):
            if node.is_running:
                node.kill()
            node.close()
