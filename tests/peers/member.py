"""One process of a cluster, of either kind: who it is, where it listens, what it is told, how it is started."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tests.peers.cluster import BROKER, CONTROLLER, Quorum, new_directory_id, node_settings
from tests.peers.process import NodeProcess, free_port, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Member(NodeProcess):
    """`settings` come last; a controller that is no voter of `quorum` starts as an observer.

    A broker's `address` is its listener for clients, a mere controller's that of the quorum.
    """

    start_timeout_s: ClassVar[float]

    def __init__(
        self,
        directory: Path,
        node_id: int,
        quorum: Quorum,
        *,
        roles: str,
        settings: Mapping[str, str] | None,
        cluster_id: str,
        directory_id: str | None,
        prefix: Sequence[str],
        data: Path | None,
        port: int | None,
        host: str,
    ) -> None:
        """`data`: a directory that is formatted already, by whomever. `host`, `port`: of the broker's listener."""
        super().__init__(directory)
        self.node_id = node_id
        self.roles = roles
        self.quorum = quorum
        self.cluster_id = cluster_id
        self.host = host
        self.data = data or directory / "data"
        self._settings = dict(settings or {})
        self._prefix = tuple(prefix)
        self._port = port or free_port()
        voter = quorum.voter(node_id)
        self._controller_port = voter.port if voter is not None else free_port()
        self._directory_id = directory_id or (voter.directory_id if voter is not None else new_directory_id())

    @property
    def is_broker(self) -> bool:
        return BROKER in self.roles

    @property
    def is_controller(self) -> bool:
        return CONTROLLER in self.roles

    @property
    def port(self) -> int:
        return self._port

    @property
    def address(self) -> str:
        return f"{self.host}:{self._port}" if self.is_broker else self.controller_address

    @property
    def controller_address(self) -> str:
        assert self.is_controller, f"node {self.node_id} is no controller"
        return f"{self.host}:{self._controller_port}"

    def configure(self, settings: Mapping[str, str]) -> None:
        """Change what its `server.properties` says, from the next start on."""
        self._settings.update(settings)

    def start(self) -> None:
        """Return when the node takes connections: of a broker, when it has caught up with the metadata."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start the process and do not wait: a quorum answers only when most of its voters are there."""
        self.format()
        self._begin()

    def wait_until_ready(self) -> None:
        host, port = self.address.rsplit(":", 1)
        wait_until_listening(self, host, int(port), self.start_timeout_s)

    def format(self) -> None:
        """Write `server.properties`, and format the data directory once, as `kafka-storage format` does."""
        self.directory.mkdir(parents=True, exist_ok=True)
        addresses = (f"{self.host}:{self._port}", f"{self.host}:{self._controller_port}")
        base = node_settings(self.node_id, self.roles, self.quorum, self.data, *addresses)
        lines = [f"{key}={value}" for key, value in (base | self._settings).items()]
        (self.directory / "server.properties").write_text("\n".join(lines) + "\n")
        if not (self.data / "meta.properties").exists():
            self._format()

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _format(self) -> None: ...
