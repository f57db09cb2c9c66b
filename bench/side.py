"""One of the two clusters that are measured side by side."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.process import wait_for

from bench.contender import process_cpu_s, resident_kb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.cluster.spread import MakeNode
    from tests.peers.member import Member

TIMEOUT_S: Final = 120.0


class Cluster(Protocol):
    @property
    def nodes(self) -> Mapping[int, Member]: ...

    @property
    def bootstrap(self) -> str: ...

    def start(self) -> None: ...

    def close(self) -> None: ...


class Make(Protocol):
    """A cluster of one kind, in a directory: a node for each of the roles."""

    def __call__(self, directory: Path, roles: Sequence[str], settings: Mapping[str, str]) -> Cluster: ...


@dataclass
class Side:
    """One of the two clusters, and what was measured of it, by metric."""

    name: str
    make: Make
    make_node: MakeNode
    cluster: Cluster | None = None
    values: dict[str, list[float]] = field(default_factory=dict)

    @property
    def running(self) -> Cluster:
        assert self.cluster is not None
        return self.cluster

    def at(self, cluster: Cluster) -> Side:
        """The same side with another cluster: what is measured of it is noted in one place."""
        return Side(self.name, self.make, self.make_node, cluster, self.values)

    def processes(self) -> list[Member]:
        return [node for node in self.running.nodes.values() if node.is_running]

    def cpu_s(self) -> float:
        return sum(process_cpu_s(node.pid) for node in self.processes())

    def resident_mb(self) -> float:
        return sum(resident_kb(node.pid) for node in self.processes()) / 1024

    def note(self, metric: str, value: float) -> None:
        self.values.setdefault(metric, []).append(value)
        print(f"{self.name}: {metric} {value:.4g}", file=sys.stderr, flush=True)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.running.bootstrap, "log_level": 0})

    def create(self, name: str, partitions: int, replicas: int) -> None:
        self._create(NewTopic(name, partitions, replicas))
        self.wait_for_leaders(name, partitions)

    def create_led_by(self, name: str, leader: int) -> None:
        """One partition, on all nodes."""
        others = [node_id for node_id in self.running.nodes if node_id != leader]
        self._create(NewTopic(name, 1, replica_assignment=[[leader, *others]]))
        self.wait_for_leaders(name, 1)

    def _create(self, wanted: NewTopic) -> None:
        admin = self.admin()  # held until it is done: a client that nobody holds is ended
        admin.create_topics([wanted], request_timeout=TIMEOUT_S)[wanted.topic].result(TIMEOUT_S)

    def wait_for_leaders(self, name: str, partitions: int, without: int = -1) -> None:
        admin = self.admin()

        def led() -> bool:
            with contextlib.suppress(ck.KafkaException):
                found = admin.list_topics(name, timeout=5).topics[name].partitions
                return len(found) == partitions and all(one.leader not in (-1, without) for one in found.values())
            return False

        wait_for(led, f"all {partitions} partitions of {name} have a leader", TIMEOUT_S)
