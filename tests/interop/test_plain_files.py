"""The small text files beside the logs, in the form in which Apache Kafka writes them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.interop.mixed_use import partition_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)

UUID = r"[A-Za-z0-9_-]{22}"
CHECKPOINTS = (
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
)


def entries(path: Path) -> list[list[str]]:
    """The entries of a checkpoint: a version, a count, and a line each; AssertionError when it is of another form."""
    version, count, *lines = path.read_text().splitlines()
    assert version == "0"
    assert int(count) == len(lines)
    return [line.split(" ") for line in lines]


def test_meta_properties(data: Path) -> None:
    lines = [line for line in (data / "meta.properties").read_text().splitlines() if not line.startswith("#")]
    properties = dict(line.split("=", 1) for line in lines)
    assert properties.keys() == {"version", "cluster.id", "node.id", "directory.id"}
    assert (properties["version"], properties["node.id"]) == ("1", "1")
    assert re.fullmatch(UUID, properties["directory.id"])
    assert re.fullmatch(UUID, properties["cluster.id"])


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints_name_partitions_that_are_there(data: Path, name: str) -> None:
    for topic, partition, offset in entries(data / name):
        assert (data / f"{topic}-{partition}").is_dir()
        assert int(offset) >= 0


def test_checkpoints_hold_what_happened(data: Path) -> None:
    recovery = {f"{topic}-{partition}": int(offset) for topic, partition, offset in entries(data / CHECKPOINTS[0])}
    high_watermarks = {
        f"{topic}-{partition}": int(offset) for topic, partition, offset in entries(data / CHECKPOINTS[1])
    }
    starts = {f"{topic}-{partition}": int(offset) for topic, partition, offset in entries(data / CHECKPOINTS[2])}
    assert recovery["codec-gzip-0"] == high_watermarks["codec-gzip-0"] == 150, "flushed to the end by a clean stop"
    assert starts["codec-lz4-0"] == 20


def test_leader_epochs_are_in_order(data: Path) -> None:
    for path in partition_files(data, "leader-epoch-checkpoint"):
        found = [(int(epoch), int(offset)) for epoch, offset in entries(path)]
        assert found == sorted(found), path
    assert entries(data / "codec-none-0" / "leader-epoch-checkpoint")[0] == ["0", "0"]


def test_partition_metadata(data: Path) -> None:
    topic_ids = set()
    for path in partition_files(data, "partition.metadata"):
        found = re.fullmatch(rf"version: 0\ntopic_id: ({UUID})\n?", path.read_text())
        assert found, path
        topic_ids.add((path.parent.name.rpartition("-")[0], found[1]))
    assert len(topic_ids) == len({topic for topic, _ in topic_ids}), "one id a topic"


def test_quorum_state(data: Path) -> None:
    state = json.loads((data / "__cluster_metadata-0" / "quorum-state").read_text())
    assert state["data_version"] in (0, 1)
    assert state["leaderId"] == 1
    assert state["leaderEpoch"] >= 3, "every start is an election"


def test_marker_of_a_clean_stop(data: Path) -> None:
    assert (data / ".kafka_cleanshutdown").is_file()
