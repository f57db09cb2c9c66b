"""Several nodes of Apache Kafka 4.3.1 in one cluster, on free ports of the loopback; alone, or beside another kind's.

`KafkaCluster` is what most tests want. For a mixed cluster, say first who votes, then make the nodes of either kind:

    quorum = Quorum((Voter(1), Voter(2)))                  # or Quorum(…, static=True)
    java = KafkaClusterNode(directory / "1", 1, quorum)    # combined; or roles="broker", or "controller"
    ottla = …                                              # with quorum.settings() and quorum.initial_controllers
    java.begin()                                           # .start() waits; .stop(), .kill(), .pid, .address, .output …
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import CLUSTER_ID, START_TIMEOUT_S, KafkaNode, java_command, run_java
from tests.peers.cluster import (
    BROKER,
    COMBINED,
    CONTROLLER,
    LOOPBACK,
    Cluster,
    Quorum,
    new_directory_id,
    node_settings,
)
from tests.peers.process import wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What a small machine wants of several JVMs: a start that compiles little, and few threads.
SMALL_SERVER_OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
_STARTERS: Final = max(2, os.cpu_count() or 2)


class KafkaClusterNode(KafkaNode):
    """One node of a cluster. `settings` come last; a controller that is no voter of `quorum` starts as an observer.

    `data` is its metadata log directory: the first of `log.dirs`.

    A broker's `address` is its listener for clients, a mere controller's that of the quorum. `directory_id` is the id
    of that directory: of a voter as `quorum` says.
    """

    def __init__(
        self,
        directory: Path,
        node_id: int,
        quorum: Quorum,
        *,
        roles: str = COMBINED,
        settings: Mapping[str, str] | None = None,
        cluster_id: str = CLUSTER_ID,
        heap: str = "-Xmx256m",
        directory_id: str | None = None,
        prefix: Sequence[str] = (),
        data: Path | None = None,
        options: Sequence[str] = SMALL_SERVER_OPTIONS,
        host: str = LOOPBACK,
        port: int | None = None,
    ) -> None:
        """`data`: a directory that is formatted already, by whomever. `host`, `port`: of the broker's listener."""
        super().__init__(directory, settings, prefix=prefix, data=data, port=port)
        if "log.dirs" in self._settings:
            self.data = Path(self._settings["log.dirs"].split(",")[0])
        self.node_id = node_id
        self.roles = roles
        self.quorum = quorum
        self.cluster_id = cluster_id
        self.host = host
        self._options = (heap, *options)
        voter = quorum.voter(node_id)
        if voter is not None:
            self._controller_port = voter.port
        self._directory_id = directory_id or (voter.directory_id if voter is not None else new_directory_id())

    @property
    def is_broker(self) -> bool:
        return BROKER in self.roles

    @property
    def is_controller(self) -> bool:
        return CONTROLLER in self.roles

    @property
    def address(self) -> str:
        return f"{self.host}:{self._port}" if self.is_broker else self.controller_address

    @property
    def port(self) -> int:
        return self._port

    @property
    def controller_address(self) -> str:
        assert self.is_controller, f"node {self.node_id} is no controller"
        return f"{self.host}:{self._controller_port}"

    @property
    def directory_id(self) -> str:
        """As `meta.properties` has it, or will."""
        properties = self.data / "meta.properties"
        found = (
            re.search(r"^directory\.id=(.+)$", properties.read_text(), re.MULTILINE) if properties.exists() else None
        )
        return found[1] if found else self._directory_id

    def format(self) -> None:
        """Write `server.properties`, and format the data directory once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        lines = [f"{key}={value}" for key, value in (self._base_settings() | self._settings).items()]
        properties.write_text("\n".join(lines) + "\n")
        if self._is_formatted or (self.data / "meta.properties").exists():
            return
        run_java(
            "kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", str(properties), *self._format_options()
        )
        self._set_directory_id()

    def start(self) -> None:
        """Return when the node takes connections: of a broker, when it has caught up with the metadata."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start the process and do not wait: a quorum answers only when most of its voters are there."""
        self.format()
        command = java_command("kafka.Kafka", str(self.directory / "server.properties"), options=self._options)
        self._spawn([*self._prefix, *command])

    def wait_until_ready(self) -> None:
        host, port = self.address.rsplit(":", 1)
        wait_until_listening(self, host, int(port), START_TIMEOUT_S)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Change what its `server.properties` says, from the next start on."""
        self._settings.update(settings)

    def _format_options(self) -> list[str]:
        if self.quorum.static or not self.is_controller:
            return []
        if self.quorum.voter(self.node_id) is None:
            return ["--no-initial-controllers"]
        return ["--initial-controllers", self.quorum.initial_controllers]

    def _set_directory_id(self) -> None:
        """Voters are formatted with theirs; whoever else has got a random one."""
        path = self.data / "meta.properties"
        text, count = re.subn(r"(?m)^directory\.id=.*$", f"directory.id={self._directory_id}", path.read_text())
        assert count == 1, text
        path.write_text(text)

    def _base_settings(self) -> dict[str, str]:
        addresses = (f"{self.host}:{self._port}", f"{self.host}:{self._controller_port}")
        return node_settings(self.node_id, self.roles, self.quorum, self.data, *addresses)


class KafkaCluster(Cluster[KafkaClusterNode]):
    """`with KafkaCluster(tmp_path) as cluster: …`: see `Cluster`."""

    def __init__(
        self,
        directory: Path,
        roles: Sequence[str] = (COMBINED,) * 3,
        *,
        static: bool = False,
        settings: Mapping[str, str] | None = None,
        settings_of: Mapping[int, Mapping[str, str]] | None = None,
        heap: str = "-Xmx256m",
        options: Sequence[str] = SMALL_SERVER_OPTIONS,
    ) -> None:
        def make(number: int, quorum: Quorum, role: str, given: Mapping[str, str]) -> KafkaClusterNode:
            where = directory / f"node-{number}"
            return KafkaClusterNode(where, number, quorum, roles=role, settings=given, heap=heap, options=options)

        super().__init__(make, roles, static=static, settings=settings, settings_of=settings_of)

    def start(self) -> None:
        """Formatting takes seconds: it is done side by side, before the first is started."""
        with ThreadPoolExecutor(_STARTERS) as starters:
            list(starters.map(KafkaClusterNode.format, self.nodes.values()))
        super().start()
