"""Connect beside Kafka Connect: `python -m bench.connect [LINES [FOLDER]]`.

A file goes into a topic, and the topic into a file; then tables (`bench.jdbc`, which says what FOLDER is). Both
workers run one after the other against one Ottla node, standalone, with their own defaults (Java's JVM, too). CPU is
that of a worker and all its processes, memory the proportional set size of the same. Rates depend on what else the
machine does; CPU a record hardly.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conftest import TEST_SETTINGS
from tests.peers.connect import OttlaConnect
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

from bench import jdbc
from bench.worker import KafkaConnectAsItComes, cpu_s, memory_mib

if TYPE_CHECKING:
    from tests.peers.connect import ConnectProcess

LINES: Final = 500_000
LINE: Final = "this is line number {} of a file with lines that have some length, a hundred bytes or so ....\n"
TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    start_cpu_s: float
    source_us: float
    sink_us: float
    memory_mib: float


def measure(worker: ConnectProcess, directory: Path, lines: int) -> Result:
    topic = worker.name.replace(" ", "-")
    copy = directory / topic
    with worker:
        started = cpu_s(worker.pid)
        source = {"connector.class": "FileStreamSource", "file": str(directory / "lines"), "topic": topic}
        worker.ask("PUT", "/connectors/source/config", source)
        size = (directory / "lines").stat().st_size
        wait_for(lambda: _position(worker) == size, "all lines are written", TIMEOUT_S)
        written, memory = cpu_s(worker.pid), memory_mib(worker.pid)
        worker.ask("DELETE", "/connectors/source")
        before = cpu_s(worker.pid)
        sink = {"connector.class": "FileStreamSink", "file": str(copy), "topics": topic}
        worker.ask("PUT", "/connectors/sink/config", sink)
        wait_for(lambda: copy.exists() and copy.stat().st_size >= size, "all lines are copied", TIMEOUT_S)
        copied = cpu_s(worker.pid)
        memory = max(memory, memory_mib(worker.pid))
    each = 1e6 / lines
    return Result(worker.name, started, (written - started) * each, (copied - before) * each, memory)


def _position(worker: ConnectProcess) -> int:
    offsets = worker.ask("GET", "/connectors/source/offsets").body["offsets"]
    return int(offsets[0]["offset"]["position"]) if offsets else 0


def main(lines: int, folder: Path | None) -> int:
    print("| worker | CPU to start, s | source, µs a record | sink, µs a record | memory, MiB |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (directory / "lines").open("w") as file:
            file.writelines(LINE.format(number) for number in range(lines))
        with OttlaNode(directory / "node", TEST_SETTINGS) as node:
            for kind in (OttlaConnect, KafkaConnectAsItComes):
                settings = {"offset.flush.interval.ms": "1000"}
                result = measure(kind(directory / kind.__name__, node.address, settings), directory, lines)
                print(
                    f"| {result.name} | {result.start_cpu_s:.2f} | {result.source_us:.1f} | {result.sink_us:.1f} | "
                    f"{result.memory_mib:.0f} |",
                    flush=True,
                )
    load = os.getloadavg()[0]
    print(f"\n{time.strftime('%Y-%m-%d')}, {lines} lines, load {load:.0f} on {os.cpu_count()} cores\n")
    return jdbc.main(lines, folder)


if __name__ == "__main__":
    _, *arguments = sys.argv
    sys.exit(main(int(arguments[0]) if arguments else LINES, Path(arguments[1]) if len(arguments) > 1 else None))
