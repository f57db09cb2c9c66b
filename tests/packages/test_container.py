"""What starts in a container, run without one: its entry point, and the nodes of the compose files.

There is no container engine where the tests run; docs/gaps.md says what that leaves unproved.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from confluent_kafka import Consumer, Producer
from tests.house.source import REPOSITORY
from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGING = REPOSITORY / "packaging"
ENTRYPOINT = PACKAGING / "container" / "entrypoint.sh"
READY = re.compile(r"is ready (?:as a controller )?on (\S+?),? ")
START_TIMEOUT_S = 60


class Container:
    """The entry point with a container's environment: `ottla` is on the path, data has a place."""

    def __init__(
        self, directory: Path, environment: Mapping[str, str], *arguments: str, script: str | None = None
    ) -> None:
        """`script` is run by a shell in place of the entry point, which it finds in $ENTRYPOINT."""
        directory.mkdir()
        (directory / "ottla").write_text(f'#!/bin/sh\nexec {sys.executable} -m ottla "$@"\n')
        (directory / "ottla").chmod(0o755)
        self._log = directory / "log"
        own = {
            "PATH": f"{directory}:{os.environ['PATH']}",
            "OTTLA_DATA": str(directory / "data"),
            "PYTHONUNBUFFERED": "1",
        }
        own["OTTLA_CONFIG"] = str(directory / "server.properties")
        if "PYTHONPATH" in os.environ:
            own["PYTHONPATH"] = os.environ["PYTHONPATH"]
        own["ENTRYPOINT"] = str(ENTRYPOINT)
        self.environment = own | dict(environment)
        command = ["sh", str(ENTRYPOINT), *arguments] if script is None else ["sh", "-c", script]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> str:
        """The address that it says."""

        def address() -> str | None:
            assert self._process.poll() is None, self.log
            found = READY.search(self.log)
            return found and found[1]

        return wait_for(address, "the node in the container to be ready", START_TIMEOUT_S)

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["sh", str(ENTRYPOINT), *arguments], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(START_TIMEOUT_S)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Container]]:
    containers: list[Container] = []
    yield containers
    for container in containers:
        container.stop()


def test_variables_are_settings_and_the_cluster_has_its_id(tmp_path: Path, started: list[Container]) -> None:
    port = free_port()
    settings = {
        "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
        "KAFKA_NODE_ID": "7",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{free_port()}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_NUM_PARTITIONS": "5",
        "KAFKA_HEAP_OPTS": "-Xmx1g",
    }
    node = Container(tmp_path / "node", settings)
    started.append(node)
    address = node.wait_until_ready()
    assert address.endswith(f":{port}")
    assert "ignored" not in node.log
    assert "5" in node.run("configs", "describe", "broker", "7", "--bootstrap", address, "--all")
    assert "4L6g3nShT-eMCtK--X86sw" in node.run("storage", "info", "--environment")
    assert node.stop() == 0
    again = Container(tmp_path / "again", settings | {"OTTLA_DATA": node.environment["OTTLA_DATA"]})
    started.append(again)
    assert again.wait_until_ready() == address


def test_without_settings_it_is_one_node_that_everybody_reaches(tmp_path: Path, started: list[Container]) -> None:
    """On a port of its own here: 9092 may be taken."""
    port = free_port()
    node = Container(tmp_path / "node", {}, "--set", f"listeners=PLAINTEXT://:{port}")
    started.append(node)
    assert node.wait_until_ready().endswith(f":{port}")
    assert "localhost" in node.run("brokers", "list", "--bootstrap", f"127.0.0.1:{port}")


def test_three_nodes_of_the_compose_file_are_a_cluster(tmp_path: Path, started: list[Container]) -> None:
    services = _compose("three.yaml")["services"]
    ports = {(name, inside): free_port() for name in services for inside in (9092, 9093, 19092)}
    for name, service in services.items():
        started.append(Container(tmp_path / name, _outside(service, name, ports)))
    for node in started:
        node.wait_until_ready()
    bootstrap = ",".join(f"127.0.0.1:{ports[name, 9092]}" for name in services)
    delivered: list[Any] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for number in range(100):
        producer.produce("orders", str(number).encode(), on_delivery=lambda error, _: delivered.append(error))
    producer.flush(START_TIMEOUT_S)
    assert delivered == [None] * 100
    topics = started[0].run("topics", "describe", "orders", "--bootstrap", bootstrap, "--json")
    assert '"replicas": [' in topics
    settings = {"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe(["orders"])
    assert len(consumer.consume(100, START_TIMEOUT_S)) == 100
    consumer.close()


def test_the_entry_point_is_sound_shell() -> None:
    """And the file that makes the image takes what is there."""
    done = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), ENTRYPOINT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (PACKAGING / "container/Containerfile").read_text(), re.MULTILINE)
    assert all((REPOSITORY / name).exists() for names in copied for name in names.split())


def test_compose_files_build_the_image_that_is_here() -> None:
    for file in (PACKAGING / "compose").glob("*.yaml"):
        for service in _compose(file.name)["services"].values():
            build = service["build"]
            assert (file.parent / build["context"] / build["dockerfile"]).resolve().is_file()


def _compose(name: str) -> dict[str, Any]:
    found = yaml.safe_load((PACKAGING / "compose" / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def _outside(service: dict[str, Any], name: str, ports: dict[tuple[str, int], int]) -> dict[str, str]:
    """The environment of a service where all are on one host: each has ports of its own."""

    def mine(text: str) -> str:
        for (host, inside), port in ports.items():
            text = text.replace(f"@{host}:{inside}", f"@127.0.0.1:{port}").replace(
                f"//{host}:{inside}", f"//127.0.0.1:{port}"
            )
            if host == name:
                text = re.sub(rf"//:{inside}\b", f"//127.0.0.1:{port}", text)
        return re.sub(r"//localhost:\d+", f"//127.0.0.1:{ports[name, 9092]}", text)

    return {key: mine(str(value)) for key, value in service["environment"].items()}
