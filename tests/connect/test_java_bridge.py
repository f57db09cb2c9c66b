"""Kafka Connect's own file connectors in Java, hosted by our worker: topics are those of ours, byte for byte."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.connect.records import records_of
from tests.connect.test_bridges import failure
from tests.peers.apache_kafka import cache_folder, connect_jars
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

from ottla.connect.catalogue.home import PluginHome
from ottla.connect.catalogue.java_host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(280)]

PACKAGE = "org.apache.kafka.connect.file.FileStream"


@pytest.fixture(scope="module")
def jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The connectors alone, without Kafka's own jars."""
    folder = tmp_path_factory.mktemp("jars")
    for path in connect_jars().glob("connect-file-*.jar"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def worker(node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaConnect]:
    home = cache_folder().parent / "plugins"
    make_host(PluginHome(home))  # compiled once
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTTLA_PLUGINS", str(home))
        process = OttlaConnect(tmp_path_factory.mktemp("worker"), node.address, {"task.restart.attempts": "0"})
        with process:
            yield process


def hosted(kind: str, jars: Path, **config: str) -> dict[str, str]:
    own = {
        "connector.class": f"Java{kind}",
        "java.plugin": str(jars),
        "java.connector.class": f"{PACKAGE}{kind}Connector",
    }
    return own | config


def java_of(pid: int) -> int:
    """The JVM below a task of the worker's."""
    for task in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        for child in Path(f"/proc/{task}/task/{task}/children").read_text().split():
            if b"ConnectHost" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return 0


def test_a_source_goes_on_where_it_was(worker: OttlaConnect, node: NodeProcess, jars: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("".join(f"line {number}\n" for number in range(2000)))
    java = hosted("Source", jars, file=str(lines), topic="hosted")
    ours = {"connector.class": "FileStreamSource", "file": str(lines), "topic": "ours"}
    for name, config in (("hosted", java), ("ours", ours)):
        assert worker.ask("PUT", f"/connectors/{name}/config", config).status == 201

    def position(name: str) -> int:
        found = worker.ask("GET", f"/connectors/{name}/offsets").body["offsets"]
        return found[0]["offset"]["position"] if found else 0

    def both_at_end() -> bool:
        return position("hosted") == position("ours") == lines.stat().st_size

    wait_for(both_at_end, "both have read all", 120)
    os.kill(java_of(worker.pid), signal.SIGKILL)
    assert "ended by SIGKILL" in failure(worker, "hosted")
    with lines.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(2000, 2500))
    assert worker.ask("POST", "/connectors/hosted/restart?includeTasks=true&onlyFailed=true").status == 202
    wait_for(both_at_end, "both have read the rest", 120)
    assert records_of(node.address, "hosted") == records_of(node.address, "ours")
    for name in ("hosted", "ours"):
        assert worker.ask("DELETE", f"/connectors/{name}").status == 204


def test_a_sink(worker: OttlaConnect, node: NodeProcess, jars: Path, tmp_path: Path) -> None:
    lines, out = tmp_path / "lines", tmp_path / "out"
    lines.write_text("".join(f"line {number}\n" for number in range(500)))
    source = {"connector.class": "FileStreamSource", "file": str(lines), "topic": "to-java"}
    sink = hosted("Sink", jars, file=str(out), topics="to-java")
    assert worker.ask("PUT", "/connectors/to-java-source/config", source).status == 201
    assert worker.ask("PUT", "/connectors/to-java/config", sink).status == 201

    def committed() -> bool:
        found = worker.ask("GET", "/connectors/to-java/offsets").body["offsets"]
        return bool(found and found[0]["offset"]["kafka_offset"] == 500)

    wait_for(committed, "all is committed", 120)
    assert out.read_text() == lines.read_text()
    for name in ("to-java", "to-java-source"):
        assert worker.ask("DELETE", f"/connectors/{name}").status == 204


def test_java_says_what_is_wrong(worker: OttlaConnect, jars: Path, tmp_path: Path) -> None:
    config = hosted("Source", jars, name="wrong", file=str(tmp_path / "lines"))
    answer = worker.ask("PUT", "/connector-plugins/JavaSource/config/validate", config)
    values = [each["value"] for each in answer.body["configs"]]
    assert [each["name"] for each in values if each["errors"]] == ["topic"]
    nowhere = config | {"java.plugin": str(tmp_path / "nowhere")}
    answer = worker.ask("PUT", "/connector-plugins/JavaSource/config/validate", nowhere)
    wrong = {
        each["value"]["name"]: each["value"]["errors"] for each in answer.body["configs"] if each["value"]["errors"]
    }
    assert list(wrong) == ["java.plugin"]
    assert "no folder with jars" in wrong["java.plugin"][0]
