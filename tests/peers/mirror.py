"""A mirror, started as a user starts it: `ottla mirror --config FILE`; and Apache Kafka's own, on the same file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import jars, mirror_jars
from tests.peers.process import NodeProcess, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START_TIMEOUT_S: Final = 60.0

# One node a cluster; everything is looked at every second.
MIRROR_SETTINGS: Final = {
    "replication.factor": "1",
    "checkpoints.topic.replication.factor": "1",
    "heartbeats.topic.replication.factor": "1",
    "offset-syncs.topic.replication.factor": "1",
    "offset.storage.replication.factor": "1",
    "offset.storage.partitions": "3",
    "offset.flush.interval.ms": "500",
    "emit.checkpoints.interval.seconds": "1",
    "sync.group.offsets.enabled": "true",
    "sync.group.offsets.interval.seconds": "1",
    "refresh.topics.interval.seconds": "1",
    "refresh.groups.interval.seconds": "1",
    "sync.topic.configs.interval.seconds": "1",
    "sync.topic.acls.interval.seconds": "1",
}


def write_properties(file: Path, clusters: Mapping[str, str], settings: Mapping[str, str]) -> Path:
    """An `mm2.properties`: `clusters` are aliases and addresses."""
    lines = {"clusters": ", ".join(clusters)}
    lines |= {f"{alias}.bootstrap.servers": address for alias, address in clusters.items()}
    lines |= settings
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    return file


class MirrorProcess(NodeProcess):
    """All flows of one `mm2.properties`, in `directory`."""

    name = "ottla mirror"

    def __init__(self, directory: Path, clusters: Mapping[str, str], settings: Mapping[str, str]) -> None:
        super().__init__(directory)
        self._config = write_properties(directory / "mm2.properties", clusters, MIRROR_SETTINGS | dict(settings))

    @property
    def address(self) -> str:
        raise NotImplementedError("nobody connects to a mirror")

    def start(self) -> None:
        written = len(self.output)
        command = [sys.executable, "-m", "ottla", "mirror", "--config", str(self._config), "--report", "1"]
        self._spawn(command, {"PYTHONUNBUFFERED": "1"})

        def begun() -> bool:
            if not self.is_running:
                raise self.died("ended as it began")
            return "Mirroring " in self.output[written:]

        wait_for(begun, "the mirror to begin", START_TIMEOUT_S)


class MirrorMaker(NodeProcess):
    """Apache Kafka's MirrorMaker 2, in `directory`; the first start fetches its jars."""

    name = "MirrorMaker 2"

    def __init__(self, directory: Path, clusters: Mapping[str, str], settings: Mapping[str, str]) -> None:
        super().__init__(directory)
        own = {f"{kind}.storage.replication.factor": "1" for kind in ("config", "status")}
        workers = {f"{alias}.offset.flush.interval.ms": "500" for alias in clusters}
        properties = MIRROR_SETTINGS | own | workers | dict(settings)
        self._config = write_properties(directory / "mm2.properties", clusters, properties)

    @property
    def address(self) -> str:
        raise NotImplementedError("nobody connects to a mirror")

    def start(self) -> None:
        logging = jars().parent / "log4j2.properties"
        path = f"{mirror_jars()}/*:{jars()}/*"
        options = ("-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx512m", f"-Dlog4j2.configurationFile={logging}")
        self._spawn(["java", *options, "-cp", path, "org.apache.kafka.connect.mirror.MirrorMaker", str(self._config)])
