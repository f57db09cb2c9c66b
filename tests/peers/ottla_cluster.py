"""Several nodes of Ottla in one cluster; the nodes also stand beside Apache Kafka's (`apache_kafka_cluster`).

quorum = Quorum((Voter(1), Voter(2), Voter(3)))
node = OttlaClusterNode(directory / "1", 1, quorum, roles=COMBINED)
node.begin(); …; node.wait_until_ready(); node.stop() / .kill() / .close()
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import CLUSTER_ID
from tests.peers.cluster import (
    BROKER,
    COMBINED,
    CONTROLLER,
    LISTENER,
    LOOPBACK,
    Cluster,
    Quorum,
    new_directory_id,
    node_settings,
)
from tests.peers.process import NodeProcess, free_port, keep_port, wait_until_listening

from ottla.broker.initial_controllers import parse_initial_controllers
from ottla.broker.storage_format import META_PROPERTIES, FormatRequest, format_storage
from ottla.metadata.controller.bootstrap import bootstrap_records
from ottla.metadata.features import METADATA_VERSION
from ottla.protocol.types import uuid_from_text
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_TIMEOUT_S: Final = 60.0


class OttlaClusterNode(NodeProcess):
    """One node. Takes what `KafkaClusterNode` takes: the one can stand where the other did, on the same data."""

    name = "Ottla"

    def __init__(
        self,
        directory: Path,
        node_id: int,
        quorum: Quorum,
        *,
        roles: str = COMBINED,
        settings: Mapping[str, str] | None = None,
        cluster_id: str = CLUSTER_ID,
        directory_id: str | None = None,
        prefix: Sequence[str] = (),
        data: Path | None = None,
        port: int | None = None,
        host: str = LOOPBACK,
        metadata_version: int | None = None,
    ) -> None:
        """`data`: a directory that is formatted already, by whomever. `host`, `port`: of the broker's listener.

        `metadata_version`: the level that the cluster starts at, with no other feature; the newest of all by default.
        """
        super().__init__(directory)
        self.node_id = node_id
        self.roles = roles
        self.quorum = quorum
        self.cluster_id = cluster_id
        self.host = host
        self.data = data or directory / "data"
        self._metadata_version = metadata_version
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

    @property
    def directory_id(self) -> str:
        """Of its log directory, as it was formatted by this."""
        return self._directory_id

    def configure(self, settings: Mapping[str, str]) -> None:
        """Change what its `server.properties` says, from the next start on."""
        self._settings.update(settings)

    def format(self) -> None:
        """Write `server.properties`, and format the data directory once, as `kafka-storage format` does."""
        self.directory.mkdir(parents=True, exist_ok=True)
        addresses = (f"{self.host}:{self._port}", f"{self.host}:{self._controller_port}")
        base = node_settings(self.node_id, self.roles, self.quorum, self.data, *addresses)
        lines = [f"{key}={value}" for key, value in (base | self._settings).items()]
        (self.directory / "server.properties").write_text("\n".join(lines) + "\n")
        if (self.data / META_PROPERTIES).exists():
            return
        is_voter = self.is_controller and not self.quorum.static and self.quorum.voter(self.node_id) is not None
        level = self._metadata_version
        request = FormatRequest(
            log_directories=[self.data],
            metadata_directory=self.data,
            node_id=self.node_id,
            controller_endpoints=(),
            cluster_id=self.cluster_id,
            is_voter=False,
            voters=parse_initial_controllers(self.quorum.initial_controllers, LISTENER) if is_voter else None,
            records=None if level is None else bootstrap_records({METADATA_VERSION: level}),
        )
        format_storage(
            Disk(),
            request,
            ignore_formatted=False,
            now_ms=int(time.time() * 1000),
            new_uuid=lambda: uuid_from_text(self._directory_id),
        )

    def start(self) -> None:
        """Return when the node takes connections: of a broker, when it has caught up with the metadata."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start the process and do not wait: a quorum answers only when most of its voters are there."""
        self.format()
        properties = str(self.directory / "server.properties")
        command = [*self._prefix, sys.executable, "-m", "ottla", "start", "--config", properties]
        self._spawn(command, {"PYTHONUNBUFFERED": "1"})

    def wait_until_ready(self) -> None:
        host, port = self.address.rsplit(":", 1)
        wait_until_listening(self, host, int(port), START_TIMEOUT_S)

    def _end(self, number: signal.Signals) -> int:
        status = super()._end(number)
        if self.host == LOOPBACK:
            for port in (self._port, self._controller_port):
                keep_port(port)
        return status


class OttlaCluster(Cluster[OttlaClusterNode]):
    """`with OttlaCluster(tmp_path) as cluster: …`: see `Cluster`."""

    def __init__(
        self,
        directory: Path,
        roles: Sequence[str] = (COMBINED,) * 3,
        *,
        static: bool = False,
        settings: Mapping[str, str] | None = None,
        settings_of: Mapping[int, Mapping[str, str]] | None = None,
        metadata_version: int | None = None,
    ) -> None:
        def make(number: int, quorum: Quorum, role: str, given: Mapping[str, str]) -> OttlaClusterNode:
            where = directory / f"node-{number}"
            return OttlaClusterNode(
                where, number, quorum, roles=role, settings=given, metadata_version=metadata_version
            )

        super().__init__(make, roles, static=static, settings=settings, settings_of=settings_of)
