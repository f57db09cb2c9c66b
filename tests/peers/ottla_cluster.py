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
from tests.peers.cluster import COMBINED, LISTENER, LOOPBACK, Cluster, Quorum
from tests.peers.member import Member
from tests.peers.process import keep_port

from ottla.broker.initial_controllers import parse_initial_controllers
from ottla.broker.storage_format import FormatRequest, format_storage
from ottla.metadata.controller.bootstrap import bootstrap_records
from ottla.metadata.features import METADATA_VERSION
from ottla.protocol.types import uuid_from_text
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_TIMEOUT_S: Final = 60.0


class OttlaClusterNode(Member):
    """Takes what `KafkaClusterNode` takes: the one can stand where the other did, on the same data."""

    name = "Ottla"
    start_timeout_s = START_TIMEOUT_S

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
        """`metadata_version`: the level that the cluster starts at, with no other feature; the newest by default."""
        super().__init__(
            directory,
            node_id,
            quorum,
            roles=roles,
            settings=settings,
            cluster_id=cluster_id,
            directory_id=directory_id,
            prefix=prefix,
            data=data,
            port=port,
            host=host,
        )
        self._metadata_version = metadata_version

    @property
    def directory_id(self) -> str:
        """Of its log directory, as it was formatted by this."""
        return self._directory_id

    def _format(self) -> None:
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

    def _begin(self) -> None:
        properties = str(self.directory / "server.properties")
        command = [*self._prefix, sys.executable, "-m", "ottla", "start", "--config", properties]
        self._spawn(command, {"PYTHONUNBUFFERED": "1"})

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
