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
from tests.peers.cluster import COMBINED, LOOPBACK, Cluster, Quorum
from tests.peers.member import Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What a small machine wants of several JVMs: a start that compiles little, and few threads.
SMALL_SERVER_OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
_STARTERS: Final = max(2, os.cpu_count() or 2)


class KafkaClusterNode(Member):
    """`data` is its metadata log directory: the first of `log.dirs`."""

    name = KafkaNode.name
    of_slowness = KafkaNode.of_slowness
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
        heap: str = "-Xmx256m",
        directory_id: str | None = None,
        prefix: Sequence[str] = (),
        data: Path | None = None,
        options: Sequence[str] = SMALL_SERVER_OPTIONS,
        host: str = LOOPBACK,
        port: int | None = None,
    ) -> None:
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
        if "log.dirs" in self._settings:
            self.data = Path(self._settings["log.dirs"].split(",")[0])
        self._is_formatted = data is not None
        self._options = (heap, *options)

    @property
    def directory_id(self) -> str:
        """As `meta.properties` has it, or will: of a voter as `quorum` says."""
        properties = self.data / "meta.properties"
        found = (
            re.search(r"^directory\.id=(.+)$", properties.read_text(), re.MULTILINE) if properties.exists() else None
        )
        return found[1] if found else self._directory_id

    def _format(self) -> None:
        if self._is_formatted:
            return
        properties = str(self.directory / "server.properties")
        run_java("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", properties, *self._format_options())
        self._set_directory_id()

    def _begin(self) -> None:
        command = java_command("kafka.Kafka", str(self.directory / "server.properties"), options=self._options)
        self._spawn([*self._prefix, *command])

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
