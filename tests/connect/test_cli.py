"""`ottla connectors` against our worker, from the first connector to the last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.peers.connect import OttlaConnect
from tests.peers.ottla_cli import InProcessCli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess


@pytest.fixture(scope="module")
def worker(node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaConnect]:
    with OttlaConnect(tmp_path_factory.mktemp("worker"), node.address) as process:
        yield process


def test_a_connector_from_first_to_last(worker: OttlaConnect, tmp_path: Path) -> None:
    ottla = InProcessCli(("--url", f"http://{worker.address}"))
    lines = tmp_path / "lines"
    lines.write_text("one\n")
    file = tmp_path / "source.properties"
    file.write_text(f"name=cli\nconnector.class=FileStreamSource\nfile={lines}\n")
    refused = ottla("connectors", "validate", "--file", str(file))
    assert (refused.code, "topic" in refused.out) == (1, True)
    assert ottla("connectors", "create", "--file", str(file)).code == 1
    file.write_text(file.read_text() + "topic=cli-lines\n")
    assert "nothing is wrong" in ottla.works("connectors", "validate", "--file", str(file)).out
    assert "cli: source" in ottla.works("connectors", "create", "--file", str(file), "--state", "stopped").out
    assert ottla("connectors", "create", "--file", str(file)).code == 1
    assert ottla.json("connectors", "list") == [
        {"name": "cli", "kind": "source", "state": "STOPPED", "worker": worker.address, "tasks": "none"}
    ]
    offsets = tmp_path / "offsets.json"
    offsets.write_text(json.dumps({"offsets": [{"partition": {"filename": str(lines)}, "offset": {"position": 4}}]}))
    assert "altered" in ottla.works("connectors", "offsets", "cli", "--set", str(offsets)).out
    assert ottla.json("connectors", "offsets", "cli") == json.loads(offsets.read_text())
    assert '{"position":4}' in ottla.works("connectors", "offsets", "cli").out
    assert "reset" in ottla.works("connectors", "offsets", "cli", "--reset").out
    assert "7" in ottla.works("connectors", "alter", "cli", "--set", "batch.size=7").out
    assert "batch.size" not in ottla.works("connectors", "alter", "cli", "--delete", "batch.size").out
    assert "STOPPED" in ottla.works("connectors", "status", "cli").out
    assert "cli-lines" in ottla.works("connectors", "describe", "cli").out
    for verb in ("pause", "stop"):
        assert "cli: " in ottla.works("connectors", verb, "cli").out
    assert "cli: restarted" in ottla.works("connectors", "restart", "cli", "--failed").out
    assert "FileStreamSink" in ottla.works("connectors", "plugins").out
    assert "Cast$Value" in ottla.works("connectors", "plugins", "--all").out
    assert "batch.size" in ottla.works("connectors", "plugins", "FileStreamSource").out
    assert "deleted" in ottla.works("connectors", "delete", "cli").out
    assert ottla.works("connectors", "list").out == ""


def test_what_is_asked_wrongly(worker: OttlaConnect, tmp_path: Path) -> None:
    ottla = InProcessCli(("--url", f"http://{worker.address}"))
    empty = tmp_path / "empty.json"
    empty.write_text("[]")
    for words in (
        ("create", "x"),
        ("create", "--set", "a=b"),
        ("create", "x", "--set", "a"),
        ("create", "x", "--file", str(empty)),
        ("create", "x", "--file", str(tmp_path / "nowhere")),
        ("alter", "x"),
        ("restart", "x", "--task", "1", "--tasks"),
        ("offsets", "x", "--reset", "--set", "y"),
    ):
        assert ottla("connectors", *words).code == 2, words
    gone = ottla("connectors", "status", "nope")
    assert (gone.code, "No status found for connector nope" in gone.err) == (1, True)
    nobody = InProcessCli(("--url", "http://127.0.0.1:1"))("connectors", "list")
    assert (nobody.code, "Is a worker running?" in nobody.err) == (1, True)


FILE = """
[connectors.applied]
state = "stopped"
config = { "connector.class" = "FileStreamSource", file = "lines", topic = "applied-lines", "batch.size" = 7 }
"""


def test_apply_makes_connectors_what_a_file_says(worker: OttlaConnect, node: NodeProcess, tmp_path: Path) -> None:
    url = f"http://{worker.address}"
    connectors = InProcessCli(("--url", url))
    apply = InProcessCli(("--bootstrap", node.address, "--connect", url, "-f", str(tmp_path / "cluster.toml")))

    def write(text: str) -> None:
        (tmp_path / "cluster.toml").write_text(text)

    write(FILE.replace('topic = "applied-lines", ', ""))
    refused = apply("apply", "--yes")
    assert (refused.code, "! connector applied" in refused.out, "topic" in refused.out) == (1, True, True)
    write(FILE)
    planned = apply("apply", "--dry-run")
    assert "+ connector applied" in planned.out
    assert "batch.size: 7" in planned.out
    assert "Created connector applied." in apply.works("apply", "--yes").out
    assert [each["state"] for each in connectors.json("connectors", "list") if each["name"] == "applied"] == ["STOPPED"]
    assert apply.works("apply", "--dry-run").err == "All is as the file says.\n"
    write(FILE.replace("7", "8").replace("stopped", "paused"))
    altered = apply.works("apply", "--yes").out
    assert "batch.size: 7 -> 8" in altered
    assert "state: stopped -> paused" in altered
    write("[connectors]")
    assert "- connector applied" in apply.works("apply", "--yes", "--prune", "connectors").out
    assert connectors.works("connectors", "list").out == ""
    write("[connectors.x]\nstate = 'runing'\nconfig = {}")
    assert "Did you mean 'running'" in apply("apply", "--yes").err
    unreachable = InProcessCli(("--bootstrap", node.address, "--connect", "http://127.0.0.1:1"))
    write(FILE)
    assert unreachable("apply", "-f", str(tmp_path / "cluster.toml"), "--yes").code == 1
