"""`ottla storage format` writes what `kafka-storage format` writes, and each starts on what the other formatted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.peers.apache_kafka import CLUSTER_ID, run_java
from tests.peers.apache_kafka_cluster import KafkaClusterNode
from tests.peers.cluster import Quorum, Voter, cluster_settings, wait_until_brokers
from tests.peers.ottla_node import OttlaNode

from ottla.__main__ import main
from ottla.raft.batches import read_batches
from ottla.raft.snapshot import read_snapshot

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.java

CONTROLLER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listeners": "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.bootstrap.servers": "127.0.0.1:19093",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
}
BROKER = {**CONTROLLER, "process.roles": "broker", "listeners": "PLAINTEXT://127.0.0.1:19092"}
STATIC = {key: value for key, value in CONTROLLER.items() if "bootstrap" not in key} | {
    "controller.quorum.voters": "1@127.0.0.1:19093"
}
VOTERS = (
    "1@127.0.0.1:19093:AAAAAAAAAAAAAAAAAAAAAQ,2@[::1]:19094:AAAAAAAAAAAAAAAAAAAAAg,3@host:19095:AAAAAAAAAAAAAAAAAAAAAw"
)
USERS = (
    *("--add-scram", 'SCRAM-SHA-256=[name=alice,password=alice-secret,salt="N3E="]'),
    *("--add-scram", 'SCRAM-SHA-512=[name=bob,iterations=8192,salt="N3E=",saltedpassword="YCE="]'),
)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (CONTROLLER, ("--standalone",)),
        (CONTROLLER, ("--initial-controllers", VOTERS, "--release-version", "4.1")),
        (CONTROLLER | {"node.id": "9"}, ("--initial-controllers", VOTERS)),
        (CONTROLLER, ("--no-initial-controllers", "--feature", "share.version=0", *USERS)),
        (STATIC, ("--release-version", "3.9")),
        (BROKER, ()),
    ],
    ids=["standalone", "three voters", "beside three voters", "joining", "static", "broker"],
)
def test_the_files_are_those_of_kafka_storage(
    tmp_path: Path, settings: dict[str, str], options: tuple[str, ...]
) -> None:
    theirs, ours = tmp_path / "kafka", tmp_path / "ottla"
    for folder in (theirs, ours):
        folder.mkdir()
        properties = folder / "server.properties"
        paths = {"log.dirs": f"{folder / 'a'},{folder / 'b'}", "metadata.log.dir": str(folder / "b")}
        properties.write_text("".join(f"{key}={value}\n" for key, value in (settings | paths).items()))
    words = ("format", "--cluster-id", CLUSTER_ID, *options)
    run_java("kafka.tools.StorageTool", *words, "--config", str(theirs / "server.properties"))
    assert main(["storage", *words, "--config", str(ours / "server.properties")]) == 0

    names = sorted(path.relative_to(theirs).as_posix() for path in theirs.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(ours).as_posix() for path in ours.rglob("*") if path.is_file())
    for name in names:
        if name.endswith("meta.properties"):
            assert without_chance((ours / name).read_text()) == without_chance((theirs / name).read_text())
        elif name.endswith(".checkpoint"):
            assert same_snapshots((ours / name).read_bytes(), (theirs / name).read_bytes())
            if VOTERS in options or "bootstrap" in name:
                assert without_times((ours / name).read_bytes()) == without_times((theirs / name).read_bytes())


def without_chance(meta_properties: str) -> str:
    """All but the date and random ids; ids that were given are none."""
    text = re.sub(r"^#\w.*$", "#", meta_properties, flags=re.MULTILINE)
    return re.sub(r"directory\.id=(?!AAAAAAAA).*", "directory.id=", text)


def same_snapshots(ours: bytes, theirs: bytes) -> bool:
    """Records, kraft.version, voters; of directory ids that were not given only whether there are any."""
    left, right = read_snapshot(ours), read_snapshot(theirs)

    def voters(snapshot: object) -> list[object]:
        found = getattr(snapshot, "voters", None) or ()
        return [(each.key.node_id, each.key.has_directory, each.endpoints, each.max_kraft_version) for each in found]

    return (left.values, left.kraft_version, voters(left)) == (right.values, right.kraft_version, voters(right))


def without_times(snapshot: bytes) -> bytes:
    """A snapshot's bytes, but for the times in them and the checksums over these."""
    times = {batch.timestamp_ms for batch in read_batches(snapshot)} | {
        read_snapshot(snapshot).last_contained_timestamp_ms
    }
    for time_ms in times - {0}:
        snapshot = snapshot.replace(time_ms.to_bytes(8, "big"), bytes(8))
    bare, position = bytearray(snapshot), 0
    while position < len(bare):
        bare[position + 17 : position + 21] = bytes(4)
        position += 12 + int.from_bytes(bare[position + 8 : position + 12], "big")
    return bytes(bare)


def test_three_of_apache_kafka_start_on_what_ottla_formatted(tmp_path: Path) -> None:
    quorum = Quorum((Voter(1), Voter(2), Voter(3)))
    nodes = [
        KafkaClusterNode(
            tmp_path / str(voter.node_id),
            voter.node_id,
            quorum,
            settings=cluster_settings(3),
            data=tmp_path / str(voter.node_id) / "data",  # it is not theirs to format
        )
        for voter in quorum.voters
    ]
    try:
        for node in nodes:
            node.format()  # writes server.properties only
            words = ["--config", str(node.directory / "server.properties"), "--cluster-id", CLUSTER_ID]
            assert main(["storage", "format", *words, "--initial-controllers", quorum.initial_controllers]) == 0
            node.begin()
        for node in nodes:
            node.wait_until_ready()
        wait_until_brokers(",".join(node.address for node in nodes), {1, 2, 3})
        assert not [error for node in nodes for error in node.errors]
    finally:
        for node in nodes:
            if node.is_running:
                node.kill()


def test_ottla_starts_on_what_kafka_storage_formatted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node = OttlaNode(tmp_path / "node")
    properties = tmp_path / "server.properties"
    settings = CONTROLLER | {"log.dirs": str(node.data)}
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    words = ("format", "--cluster-id", CLUSTER_ID, "--config", str(properties), "--standalone", *USERS)
    run_java("kafka.tools.StorageTool", *words)
    assert main(["storage", "info", "--config", str(properties), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["directories"][str(node.data)]["cluster_id"] == CLUSTER_ID
    assert told["voters"][0]["endpoints"] == ["CONTROLLER://127.0.0.1:19093"]
    assert told["first_levels"]["metadata.version"] == 30
    with node:
        assert CLUSTER_ID in (node.data / "meta.properties").read_text()
    assert node.errors == []
