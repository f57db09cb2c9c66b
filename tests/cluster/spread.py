"""A cluster with a node on each of several hosts, which can be cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Self

from tests.peers.cluster import Quorum, Voter, cluster_settings, wait_until_brokers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.cluster.hosts import Hosts
    from tests.peers.member import Member

NODES: Final = (1, 2, 3)
CONTROLLER_PORT: Final = 9093


class MakeNode(Protocol):
    def __call__(
        self,
        directory: Path,
        node_id: int,
        quorum: Quorum,
        *,
        settings: Mapping[str, str],
        host: str,
        prefix: Sequence[str],
    ) -> Member: ...


class Spread:
    """Made and used where the hosts can be reached: `hosts.inside()`."""

    def __init__(self, directory: Path, hosts: Hosts, make: MakeNode, settings: Mapping[str, str]) -> None:
        self.hosts = hosts
        quorum = Quorum(tuple(Voter(number, CONTROLLER_PORT, host=hosts.address(number)) for number in NODES))
        self.nodes = {
            number: make(
                directory / str(number),
                number,
                quorum,
                settings=cluster_settings(len(NODES)) | dict(settings),
                host=hosts.address(number),
                prefix=hosts.prefix(number),
            )
            for number in NODES
        }

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes.values())

    def start(self) -> None:
        for node in self.nodes.values():
            node.begin()
        for node in self.nodes.values():
            node.wait_until_ready()
        wait_until_brokers(self.bootstrap, set(NODES))

    def close(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
