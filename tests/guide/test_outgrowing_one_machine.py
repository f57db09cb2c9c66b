"""docs/guide/outgrowing-one-machine.md, run from top to bottom under clients that count every record and go on.

One node becomes three, these become Apache Kafka's, and those Ottla's again. Producers note what was acknowledged; a
consumer copies it in transactions: each record once, in order, whatever engine serves.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cluster.load import CountedLoad, read_topic
from tests.cluster.test_faults import SOME, TARGET, wait_until_whole
from tests.cluster.transfer import Transfer
from tests.guide.reader import BLOCK, Reader
from tests.peers.apache_kafka import java_command
from tests.peers.apache_kafka_cluster import SMALL_SERVER_OPTIONS
from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "outgrowing-one-machine.md"
NODES = {"one": 1, "two": 2, "three": 3}
TOPIC, PARTITIONS = "orders", 3
TRANSFER_S = 120
CLEAN = (0, 143)
"""A JVM that was asked to stop ends with 143."""


class Operator(Reader):
    """Has a terminal for every machine."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._ports = {str(9092 + number): free_port() for number in range(6)}
        self._terminals: dict[int, subprocess.Popen[bytes]] = {}
        self.load: CountedLoad | None = None
        self.transfer: Transfer | None = None
        self.engines: list[str] = []

    @property
    def bootstrap(self) -> str:
        return ",".join(f"localhost:{self._ports[str(9091 + number)]}" for number in NODES.values())

    def do_line(self, line: str) -> None:
        if stopped := re.fullmatch(r"# Ctrl-C in the terminal of node (\d)", line):
            node = self._terminals[int(stopped[1])]
            node.terminate()
            assert node.wait(60) in CLEAN, self.log_of(node)
        elif line == "# until nobody is out of sync":
            wait_until_whole(Whole(self.bootstrap), TOPIC)
            assert self.load is not None
            self.load.wait_for(SOME)
            assert self.transfer is not None
            self.transfer.wait_for(self.transfer.committed + SOME, TRANSFER_S)
        elif found := re.fullmatch(r"kafka-server-start.sh (\w+)\.properties", line):
            file = str(self.directory / f"{found[1]}.properties")
            options = ("-Xmx256m", *SMALL_SERVER_OPTIONS)
            self._start_node(found[1], shlex.join(java_command("kafka.Kafka", file, options=options)), "")
        elif found := re.fullmatch(r"ottla start --config (\w+)\.properties", line):
            self._start_node(found[1], line, "is ready on")
        else:
            super().do_line(line)
            if line.startswith("ottla start"):
                self._terminals[1] = self.nodes[-1]
            elif line.startswith("ottla topics create"):
                super().do_line(line.replace(TOPIC, TARGET))
                self.load = CountedLoad(self.bootstrap, TOPIC, PARTITIONS)
                self.transfer = Transfer(self.bootstrap, TOPIC, TARGET)
                self.load.__enter__()
                self.transfer.__enter__()
                self.load.wait_for(SOME)

    def finish(self) -> None:
        """No more is sent, and all that was sent is transferred."""
        assert self.load is not None
        assert self.transfer is not None
        self.load.stop()
        self.transfer.wait_for(self.load.acknowledged, TRANSFER_S)

    def stop_clients(self) -> None:
        for client in (self.load, self.transfer):
            if client is not None:
                client.stop()

    def _start_node(self, name: str, command: str, word: str) -> None:
        node = self._terminals[NODES[name]] = self.start(command, word)
        if word == "":  # Apache Kafka says nothing: it is there when the others see it
            wait_for(lambda: node.poll() is None, "it runs")
        self.engines.append("Ottla" if word else "Apache Kafka")


class Whole:
    """Three brokers, as `wait_until_whole` asks for them."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.nodes: Mapping[int, None] = dict.fromkeys(NODES.values())


@pytest.mark.long
@pytest.mark.java
@pytest.mark.timeout(400)
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Operator(tmp_path) as operator:
        try:
            for block in BLOCK.finditer(PAGE.read_text("utf-8")):
                operator.do(block["kind"], block["file"], block["text"])
            operator.finish()
        finally:
            operator.stop_clients()
        assert operator.load is not None
        assert operator.load.check(operator.bootstrap) > 8 * SOME
        source, target = (
            read_topic(operator.bootstrap, topic, range(PARTITIONS), isolation="read_committed")
            for topic in (TOPIC, TARGET)
        )
    for partition in range(PARTITIONS):
        copied, original = ([log[offset] for offset in sorted(log)] for log in (target[partition], source[partition]))
        assert copied == original, f"partition {partition}: exactly once"
    assert operator.engines == ["Ottla"] * 3 + ["Apache Kafka"] * 3 + ["Ottla"] * 3
    assert operator.said_by("quorum status").count("voter") == 2
