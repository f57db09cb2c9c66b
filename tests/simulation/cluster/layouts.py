"""Which nodes a simulated cluster has: their host names, their `server.properties`, and who votes first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PORT: Final = 9092
CONTROLLER_PORT: Final = 9093
CONTROLLER_LISTENER: Final = "CONTROLLER"
CLUSTER_ID: Final = "4L6g3nShT-eMCtK--X86sw"
BROKER, CONTROLLER, COMBINED = "broker", "controller", "broker,controller"

SMALL: Final = {
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "100",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "log.segment.delete.delay.ms": "500",
    "auto.create.topics.enable": "false",
    "group.share.delivery.count.limit": "10",
    "group.share.min.record.lock.duration.ms": "1000",
    "group.share.record.lock.duration.ms": "2000",
    "group.streams.initial.rebalance.delay.ms": "100",
    **{
        f"group.{kind}.{bound}{name}": value
        for kind in ("consumer", "share", "streams")
        for bound in ("", "min.")
        for name, value in (("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "1000"))
    },
}
DATA: Final = "/data"
"""The first log directory, which has the metadata log."""
TWO_DISKS: Final = {"log.dirs": f"{DATA},/data-2"}
FLUSHED: Final = {"log.flush.interval.messages": "1"}
"""What is acknowledged is on the disk."""


@dataclass(frozen=True, slots=True)
class NodeLayout:
    host: str
    node_id: int
    roles: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    nodes: Sequence[NodeLayout]
    voters: VoterSet | None = None
    """`None`: a node alone, which formats by itself."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of every node."""

    @property
    def brokers(self) -> list[str]:
        return [f"{node.host}:{PORT}" for node in self.nodes if BROKER in node.roles]

    @property
    def controllers(self) -> list[str]:
        return [f"{node.host}:{CONTROLLER_PORT}" for node in self.nodes if CONTROLLER in node.roles]


def alone(settings: Mapping[str, str]) -> Layout:
    """One node that is everything."""
    own = {"node.id": "1", "listeners": f"PLAINTEXT://node-1:{PORT}"}
    return Layout([NodeLayout("node-1", 1, COMBINED, own)], settings={**SMALL, **settings})


def cluster(roles: Sequence[str], settings: Mapping[str, str]) -> Layout:
    """A node for each of `roles`, ids from 1 on; all controllers vote."""
    hosts = {node_id: f"node-{node_id}" for node_id in range(1, len(roles) + 1)}
    voting = [node_id for node_id, role in zip(hosts, roles, strict=True) if CONTROLLER in role]
    voters = VoterSet(
        tuple(
            VoterNode(
                ReplicaKey(node_id, bytes([node_id]) * 16), {CONTROLLER_LISTENER: (hosts[node_id], CONTROLLER_PORT)}
            )
            for node_id in voting
        )
    )
    common = {
        "controller.listener.names": CONTROLLER_LISTENER,
        "listener.security.protocol.map": f"{CONTROLLER_LISTENER}:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.quorum.bootstrap.servers": ",".join(f"{hosts[node_id]}:{CONTROLLER_PORT}" for node_id in voting),
        **_replication(sum(BROKER in role for role in roles)),
        **SMALL,
        **settings,
    }
    nodes = [
        NodeLayout(hosts[node_id], node_id, role, _own(node_id, role, hosts[node_id]))
        for node_id, role in zip(hosts, roles, strict=True)
    ]
    return Layout(nodes, voters, common)


def _own(node_id: int, roles: str, host: str) -> dict[str, str]:
    listeners = [f"PLAINTEXT://{host}:{PORT}"] * (BROKER in roles)
    listeners += [f"{CONTROLLER_LISTENER}://{host}:{CONTROLLER_PORT}"] * (CONTROLLER in roles)
    own = {"process.roles": roles, "node.id": str(node_id), "listeners": ",".join(listeners)}
    if BROKER in roles:
        own["inter.broker.listener.name"] = "PLAINTEXT"
    return own


def _replication(brokers: int) -> dict[str, str]:
    factor = str(max(1, min(3, brokers)))
    in_sync = "2" if brokers > 2 else "1"
    replicated = {"default.replication.factor": factor, "min.insync.replicas": in_sync}
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        replicated[f"{topic}.replication.factor"] = factor
    replicated["transaction.state.log.min.isr"] = in_sync
    replicated["share.coordinator.state.topic.min.isr"] = in_sync
    return replicated
