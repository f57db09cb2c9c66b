"""Which nodes a cluster on one machine has, and what is kept of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ottla.__main__ import main
from ottla.broker.cluster import prepare
from ottla.broker.cluster_layout import ClusterLayout, FirstVoter, LayoutError, layout_from_json
from ottla.broker.storage_format import read_meta_properties
from ottla.protocol.types import uuid_text
from ottla.raft.snapshot import read_snapshot
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
IDS = ("AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg", "AAAAAAAAAAAAAAAAAAAAAw")
DATA = Path("/data")


def layout(nodes: int, host: str = "127.0.0.1", port: int = 9092) -> ClusterLayout:
    voters = tuple(FirstVoter(node_id, each) for node_id, each in enumerate(IDS[:nodes]))
    return ClusterLayout(CLUSTER_ID, host, port, voters, nodes)


def properties(nodes: int, node_id: int, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    return layout(nodes).properties(node_id, DATA, settings or {})


def test_the_first_three_are_controllers_too() -> None:
    assert [properties(5, node_id)["process.roles"] for node_id in range(5)] == ["broker,controller"] * 3 + [
        "broker"
    ] * 2
    assert properties(5, 1)["listeners"] == "PLAINTEXT://127.0.0.1:9093,CONTROLLER://127.0.0.1:9193"
    assert properties(5, 4)["listeners"] == "PLAINTEXT://127.0.0.1:9096"
    everybody = {properties(5, node_id)["controller.quorum.bootstrap.servers"] for node_id in range(5)}
    assert everybody == {"127.0.0.1:9192,127.0.0.1:9193,127.0.0.1:9194"}


def test_replicas_are_as_many_as_there_are_nodes() -> None:
    assert properties(1, 0)["default.replication.factor"] == properties(1, 0)["min.insync.replicas"] == "1"
    three = properties(3, 0)
    assert (three["offsets.topic.replication.factor"], three["transaction.state.log.min.isr"]) == ("3", "2")
    assert properties(3, 0, {"min.insync.replicas": "1"})["min.insync.replicas"] == "1"


def test_every_interface_is_reached_by_the_loopback() -> None:
    everywhere = layout(1, host="0.0.0.0").properties(0, DATA, {})
    assert everywhere["listeners"] == "PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9192"
    assert everywhere["advertised.listeners"].startswith("PLAINTEXT://127.0.0.1:9092,")
    assert layout(1, host="::1").initial_controllers == f"0@[::1]:9192:{IDS[0]}"


def test_what_is_kept_of_it() -> None:
    assert layout_from_json(layout(3).to_json(), 4) == ClusterLayout(CLUSTER_ID, "127.0.0.1", 9092, layout(3).voters, 4)
    for text in ("", "[]", "{}", '{"cluster_id": "x", "host": "", "port": "a", "voters": []}'):
        with pytest.raises(ValueError, match="it is not what `ottla cluster` writes"):
            layout_from_json(text, 1)


def test_clusters_that_cannot_be() -> None:
    with pytest.raises(LayoutError, match="has 1 to 100 nodes, not 0"):
        layout(0)
    with pytest.raises(LayoutError, match="has 3 to 100 nodes, not 2"):
        layout_from_json(layout(3).to_json(), 2)
    with pytest.raises(LayoutError, match="a port of 1 to 65432"):
        layout(3, port=65500)
    with pytest.raises(LayoutError, match=r"--set node\.id: each node has its own"):
        properties(1, 0, {"node.id": "7"})


def test_nodes_are_formatted_once(tmp_path: Path) -> None:
    for nodes in (3, 4):
        prepare(tmp_path, layout_from_json(layout(3).to_json(), nodes), {})
    found = [read_meta_properties(Disk(), tmp_path / f"node-{node_id}" / "data") for node_id in range(4)]
    assert [each.node_id for each in found if each is not None and each.cluster_id == CLUSTER_ID] == [0, 1, 2, 3]
    assert tuple(uuid_text(each.directory_id) for each in found[:3] if each is not None) == IDS
    checkpoints = [path.parts[-4] for path in sorted(tmp_path.glob("*/data/__cluster_metadata-0/*.checkpoint"))]
    assert checkpoints == ["node-0", "node-1", "node-2"]
    snapshot = read_snapshot(next(tmp_path.glob("node-2/data/__cluster_metadata-0/*.checkpoint")).read_bytes())
    assert snapshot.voters is not None
    assert snapshot.voters.node_ids == [0, 1, 2]
    assert json.loads((tmp_path / "cluster.json").read_text())["port"] == 9092


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("--listen 9092", "--listen wants HOST:PORT"),
        ("--nodes 0", "nodes, not 0"),
        ("--set x", "--set wants KEY=VALUE"),
        ("--set log.dirs=/x", "--set log.dirs: each node has its own"),
    ],
)
def test_what_the_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, wrong: str) -> None:
    data = tmp_path / "cluster"
    assert main(["cluster", "--data", str(data), *words.split()]) == 2
    assert wrong in capsys.readouterr().err
    assert not data.exists()


def test_what_an_old_cluster_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(tmp_path, layout(3), {})
    assert main(["cluster", "--data", str(tmp_path), "--listen", "127.0.0.1:9999"]) == 2
    assert "listens on 127.0.0.1:9092: leave --listen out" in capsys.readouterr().err
    prepare(tmp_path, layout_from_json(layout(3).to_json(), 5), {})
    assert main(["cluster", "--data", str(tmp_path), "--nodes", "4"]) == 2
    assert "has 5 nodes: leave --nodes 4 out" in capsys.readouterr().err
    assert main(["cluster", "--data", str(tmp_path / "node-0")]) == 2
    assert "has something else in it" in capsys.readouterr().err
