"""Connect beside Kafka Connect: a file into a topic, and the topic into a file: `python -m bench.connect [LINES]`.

Both workers run one after the other against one Ottla node, standalone, with their own defaults (Java's JVM, too). CPU
is that of a worker and all its processes, memory the proportional set size of the same. Rates depend on what else the
machine does; CPU a record hardly. The JDBC connectors are measured alone: none of Java's is beside them yet.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conftest import TEST_SETTINGS
from tests.peers.connect import ConnectProcess, KafkaConnect, OttlaConnect
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LINES: Final = 500_000
LINE: Final = "this is line number {} of a file with lines that have some length, a hundred bytes or so ....\n"
TIMEOUT_S: Final = 600.0


class KafkaConnectAsItComes(KafkaConnect):
    """With the compiler and the collector that the JVM chooses."""

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        super()._spawn([word for word in command if not word.startswith("-XX:")], environment)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    start_cpu_s: float
    source_us: float
    sink_us: float
    memory_mib: float


def processes(pid: int) -> list[int]:
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += processes(int(child))
    return found


def cpu_s(pid: int) -> float:
    ticks = 0
    for each in processes(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    lines = [line for each in processes(pid) for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


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


def measure_tables(worker: ConnectProcess, directory: Path, rows: int) -> tuple[float, float]:
    """µs of CPU a record of the JDBC source and sink, from a table of SQLite and into another."""
    table, copy = directory / "rows.db", directory / "copy.db"
    with closing(sqlite3.connect(table)) as database, database:
        database.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY NOT NULL, name TEXT, price REAL, stock INTEGER)")
        numbers = range(1, rows + 1)
        database.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?)", [(n, f"thing {n}", n / 2, n % 100) for n in numbers]
        )

    def copied() -> bool:
        if not copy.exists():
            return False
        with closing(sqlite3.connect(copy, timeout=30)) as database:
            try:
                return bool(database.execute("SELECT count(*) FROM rows").fetchone()[0] == rows)
            except sqlite3.OperationalError:  # not yet, or locked
                return False

    with worker:
        source = {"connector.class": "JdbcSource", "connection.url": f"jdbc:sqlite:{table}", "mode": "incrementing"}
        before = cpu_s(worker.pid)
        worker.ask("PUT", "/connectors/source/config", source | {"topic.prefix": "bench-", "batch.max.rows": "500"})
        wait_for(lambda: _offset(worker, "incrementing") == rows, "all rows are written", TIMEOUT_S)
        written = cpu_s(worker.pid)
        worker.ask("DELETE", "/connectors/source")
        between = cpu_s(worker.pid)
        sink = {"connector.class": "JdbcSink", "topics": "bench-rows", "connection.url": f"jdbc:sqlite:{copy}"}
        sink |= {"table.name.format": "rows", "auto.create": "true", "insert.mode": "upsert", "pk.mode": "record_value"}
        worker.ask("PUT", "/connectors/sink/config", sink | {"pk.fields": "id"})
        wait_for(copied, "all rows are copied", TIMEOUT_S)
        after = cpu_s(worker.pid)
    each = 1e6 / rows
    return (written - before) * each, (after - between) * each


def _position(worker: ConnectProcess) -> int:
    return _offset(worker, "position")


def _offset(worker: ConnectProcess, key: str) -> int:
    offsets = worker.ask("GET", "/connectors/source/offsets").body["offsets"]
    return int(offsets[0]["offset"][key]) if offsets else 0


def main(lines: int) -> int:
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
            print("\n| worker | JDBC source, µs a record | JDBC sink, µs a record |\n|---|---|---|", flush=True)
            tables = OttlaConnect(directory / "tables", node.address, {"offset.flush.interval.ms": "1000"})
            reading, writing = measure_tables(tables, directory, lines)
            print(f"| {tables.name} | {reading:.1f} | {writing:.1f} |", flush=True)
    load = os.getloadavg()[0]
    print(f"\n{time.strftime('%Y-%m-%d')}, {lines} lines, load {load:.0f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else LINES))
