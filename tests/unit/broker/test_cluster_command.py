"""`ottla cluster` as a user runs it: the ready line, what the nodes say, deaths, Ctrl-C, and starting again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.peers.ottla_cli import Cli
from tests.peers.process import NodeProcess, free_port, keep_port, wait_for

from ottla.broker.cluster_layout import CONTROLLER_PORT_OFFSET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_TIMEOUT_S = 60.0
STOPPED_WITHIN_S = 4.0
"""The last voter waits for nobody: it sees that the others are gone."""


class ClusterCommand(NodeProcess):
    """`ottla cluster --data DIR/cluster …`; its standard output in `ready`, the rest in `output`."""

    name = "ottla cluster"

    def __init__(self, directory: Path, nodes: int) -> None:
        super().__init__(directory)
        self.data = directory / "cluster"
        self.nodes = nodes
        self.port = free_ports(nodes)
        self.ready = directory / "ready"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.begin("--nodes", str(self.nodes), "--listen", self.address)
        self.wait_until_ready()

    def begin(self, *words: str) -> None:
        command = [sys.executable, "-m", "ottla", "cluster", "--data", str(self.data), *words]
        self.directory.mkdir(parents=True, exist_ok=True)
        self._ended_here = False
        with (self.directory / "output.log").open("ab") as log, self.ready.open("wb") as ready:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=ready, stderr=log)

    def wait_until_ready(self) -> str:
        def line() -> str:
            assert self.is_running, self.output
            return self.ready.read_text()

        return wait_for(line, "the cluster is ready", START_TIMEOUT_S)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._ended_here = True
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit status."""
        assert self._process is not None
        self._ended_here = True
        return self._process.wait(START_TIMEOUT_S)

    def pids(self) -> dict[str, int]:
        """Of the nodes."""
        return {match[1]: int(match[2]) for match in re.finditer(r"(node-\d+) is process (\d+)\.", self.output)}


def free_ports(nodes: int) -> int:
    """A port that is free with those that follow, for clients and for controllers."""
    for _ in range(100):
        first = free_port()
        try:
            for node_id in range(nodes):
                keep_port(first + node_id)
                keep_port(first + CONTROLLER_PORT_OFFSET + node_id)
        except OSError:
            continue
        return first
    raise AssertionError("no ports")


@pytest.fixture
def single(tmp_path: Path) -> Iterator[ClusterCommand]:
    with ClusterCommand(tmp_path, 1) as started:
        yield started
        if started.is_running:
            assert started.stop() == 0, started.output


def test_a_cluster_of_one(single: ClusterCommand) -> None:
    assert re.fullmatch(
        rf"Ottla \S+: a cluster of 1 node is ready on {single.address}, data in {single.data}\."
        rf" Try: ottla brokers list --bootstrap {single.address}\n",
        single.ready.read_text(),
    )
    ottla = Cli(single.address)
    (broker,) = ottla.works("brokers", "list", "--json").json
    assert (broker["broker_id"], broker["state"]) == (0, "active")
    ottla.works("produce", "greetings", stdin="hello\n")
    single.send(signal.SIGINT)
    assert single.wait() == 0
    assert re.search(r"^node-0 \| Ottla \S+ is ready on ", single.output, re.MULTILINE)

    single.begin()  # it knows how many there were, and where they listened
    single.wait_until_ready()
    assert ottla.works("consume", "greetings", "--from", "beginning", "--until-end").lines == ["hello"]


def test_a_node_that_dies_is_reported(single: ClusterCommand) -> None:
    os.kill(single.pids()["node-0"], signal.SIGKILL)
    assert single.wait() == 1
    assert "node-0 ended by itself, killed by SIGKILL; it is not started again. 0 of 1 run." in single.output


def test_nodes_end_with_their_supervisor(single: ClusterCommand) -> None:
    node = single.pids()["node-0"]
    single.kill()

    def gone() -> bool:
        try:
            os.kill(node, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(gone, "the node has stopped by itself")


def test_a_node_that_cannot_start_stops_all(tmp_path: Path) -> None:
    cluster = ClusterCommand(tmp_path, 1)
    cluster.begin("--nodes", "1", "--listen", cluster.address, "--set", "log.segment.bytes=x")
    assert cluster.wait() == 1
    assert re.search(r"^node-0 \| ottla: .*log\.segment\.bytes", cluster.output, re.MULTILINE)
    assert "node-0 ended by itself, with status 2" in cluster.output
    assert cluster.ready.read_text() == ""


def test_a_cluster_of_three(tmp_path: Path) -> None:
    with ClusterCommand(tmp_path, 3) as cluster:
        ottla = Cli(cluster.address)
        brokers = ottla.works("brokers", "list", "--json").json
        assert [(each["broker_id"], each["state"]) for each in brokers] == [(0, "active"), (1, "active"), (2, "active")]
        assert [each["port"] for each in brokers] == [cluster.port + node_id for node_id in range(3)]
        status = ottla.works("quorum", "status", "--json").json
        assert [each["role"] for each in status["replicas"]] == ["leader", "voter", "voter"]
        ottla.works("topics", "create", "three", "--partitions", "3")
        ottla.works("produce", "three", stdin="one\ntwo\n")
        described = ottla.works("topics", "describe", "three", "--json").json[0]
        assert [sorted(each["isr"]) for each in described["partitions"]] == [[0, 1, 2]] * 3

        left = next(node_id for node_id in (1, 2) if node_id != status["leader_id"])  # `ottla` asks node 0
        os.kill(cluster.pids()[f"node-{left}"], signal.SIGKILL)
        wait_for(lambda: f"node-{left} ended by itself, killed by SIGKILL" in cluster.output, "the death is reported")
        read = ottla.works("consume", "three", "--from", "beginning", "--until-end").lines
        assert sorted(read) == ["one", "two"]
        assert cluster.stop() == 1  # one of them did not end well
    with cluster:  # with all three again
        again = Cli(cluster.address)
        assert sorted(again.works("consume", "three", "--from", "beginning", "--until-end").lines) == ["one", "two"]
        begun = time.monotonic()
        assert cluster.stop() == 0, cluster.output
        assert time.monotonic() - begun < STOPPED_WITHIN_S
