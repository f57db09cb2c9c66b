"""A table of PostgreSQL into topics and tables, by our JDBC connectors and by Java's.

`python -m bench.jdbc [ROWS [FOLDER]]`. Java's sink is Debezium's, of Maven Central. Maven lays Jackson beside it,
which its plugin archive leaves out as Kafka Connect has its own (with both it does not start: `BlackbirdModule not a
subtype`): the bench leaves the same jars out. Maven Central has no JDBC source that goes on from where it was (Camel's
asks the same query again and again, and stores no offsets: it is not compared); FOLDER has the jars of one with
Confluent's settings (Aiven's, built from its source), and both of its connectors are measured then.

Each connector reads or writes the whole table twice, one after the other in one worker: the second time says what a
record costs when the JVM is warm. CPU is that of a worker and all its processes, from the connector's creation to the
last row; who waits asks broker and database, never the worker. All sinks upsert by the same key, into tables of their
own that they make.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import confluent_kafka
from tests.conftest import TEST_SETTINGS
from tests.peers.apache_kafka import fetched_jars
from tests.peers.connect import OttlaConnect
from tests.peers.ottla_node import OttlaNode
from tests.peers.postgres import USER, PostgresServer
from tests.peers.process import wait_for

from bench.worker import KafkaConnectAsItComes, cpu_s, memory_mib

if TYPE_CHECKING:
    from tests.peers.connect import ConnectProcess

ROWS: Final = 200_000
TIMEOUT_S: Final = 600.0
DEBEZIUM: Final = ("io.debezium", "debezium-connector-jdbc", "3.5.0.Final")
IN_THE_WORKER: Final = ("jackson-core-", "jackson-databind-", "jackson-annotations-", "kafka-clients-", "connect-api-")
TOPIC: Final = "bench-things"
SETTINGS: Final = {"offset.flush.interval.ms": "1000"}
TABLE: Final = "CREATE TABLE things (id bigint PRIMARY KEY, name text NOT NULL, price double precision, stock int)"
FILL: Final = "INSERT INTO things SELECT n, 'thing ' || n, n / 2.0, n %% 100 FROM generate_series(1, %s) n"
SOURCE: Final = "JdbcSourceConnector"
SINK: Final = "JdbcSinkConnector"


@dataclass(frozen=True, slots=True)
class Contender:
    worker: ConnectProcess
    package: str
    """Of its connectors' classes; "" for ours."""
    name: str
    has_source: bool

    def sink(self, url: str) -> dict[str, str]:
        common = {"connector.class": self.package + SINK, "connection.url": url, "insert.mode": "upsert"}
        if self.package == DEBEZIUM_PACKAGE:
            common |= {"connection.username": USER, "connection.password": "any", "schema.evolution": "basic"}
            return common | {"primary.key.mode": "record_value", "primary.key.fields": "id"}
        common |= {"connection.user": USER, "connection.password": "any", "auto.create": "true"}
        return common | {"pk.mode": "record_value", "pk.fields": "id"}

    def source(self, url: str) -> dict[str, str]:
        common = {"connector.class": self.package + SOURCE, "connection.url": url, "connection.user": USER}
        common |= {"connection.password": "any", "mode": "incrementing", "incrementing.column.name": "id"}
        return common | {"table.whitelist": "things"}


DEBEZIUM_PACKAGE: Final = "io.debezium.connector.jdbc."


def contenders(directory: Path, bootstrap: str, folder: Path | None) -> list[Contender]:
    found = [Contender(OttlaConnect(directory / "ottla", bootstrap, SETTINGS), "", "ottla connect", has_source=True)]
    plugins = directory / "plugins" / "debezium"
    plugins.mkdir(parents=True)
    for jar in fetched_jars(f"debezium-jdbc-{DEBEZIUM[2]}", (DEBEZIUM,)).glob("*.jar"):
        if not jar.name.startswith(IN_THE_WORKER):
            (plugins / jar.name).symlink_to(jar)
    settings = SETTINGS | {"plugin.path": str(plugins.parent)}
    worker = KafkaConnectAsItComes(directory / "debezium", bootstrap, settings)
    name = f"Kafka Connect, Debezium's sink {DEBEZIUM[2]}"
    found.append(Contender(worker, DEBEZIUM_PACKAGE, name, has_source=False))
    if folder is not None:
        settings = SETTINGS | {"plugin.path": str(folder.absolute().parent)}
        worker = KafkaConnectAsItComes(directory / "other", bootstrap, settings)
        package = package_of(folder)
        found.append(Contender(worker, package, f"Kafka Connect, {package.rstrip('.')}", has_source=True))
    return found


def package_of(folder: Path) -> str:
    for jar in sorted(folder.glob("*.jar")):
        with zipfile.ZipFile(jar) as entries:
            for name in entries.namelist():
                if name.rpartition("/")[2] == f"{SOURCE}.class":
                    return name.rpartition("/")[0].replace("/", ".") + "."
    raise SystemExit(f"{folder}: no jar there has a {SOURCE}")


class Bench:
    def __init__(self, bootstrap: str, postgres: PostgresServer, rows: int) -> None:
        self._rows = rows
        self._url = f"jdbc:postgresql://{postgres.address}/bench"
        self._database = postgres.database("bench")
        self._consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
        self._database.execute(TABLE)
        self._database.execute(FILL, [rows])

    def close(self) -> None:
        self._consumer.close()
        self._database.close()

    def run(self, contender: Contender) -> str:
        """A row of the table. Our source fills the topic that all sinks read."""
        sources = [0.0, 0.0]
        with contender.worker as worker:
            if contender.has_source:
                prefixes = ["bench-", "again-"] if contender.package == "" else ["java-", "java-again-"]
                sources = [self._read(worker, contender.source(self._url), prefix) for prefix in prefixes]
            sinks = [self._write(worker, contender.sink(self._url)) for _ in range(2)]
            memory = memory_mib(worker.pid)
        texts = [f"{each:.1f}" if each else "" for each in (*sources, *sinks)]
        return f"| {contender.name} | {' | '.join(texts)} | {memory:.0f} |"

    def _read(self, worker: ConnectProcess, config: dict[str, str], prefix: str) -> float:
        topic = f"{prefix}things"

        def is_read() -> bool:
            if topic not in self._consumer.list_topics(timeout=10).topics:
                return False
            place = confluent_kafka.TopicPartition(topic, 0)
            return bool(self._consumer.get_watermark_offsets(place, timeout=10)[1] >= self._rows)

        before = cpu_s(worker.pid)
        self._create(worker, f"{prefix}source", config | {"topic.prefix": prefix})
        wait_for(is_read, f"all rows are in {topic}", TIMEOUT_S)
        used = cpu_s(worker.pid) - before
        worker.ask("DELETE", f"/connectors/{prefix}source")
        return used / self._rows * 1e6

    def _write(self, worker: ConnectProcess, config: dict[str, str]) -> float:
        names = self._database.execute("SELECT 'copy_' || count(*) FROM pg_tables WHERE tablename LIKE 'copy_%'")
        table = str(names.fetchone()[0])

        def is_written() -> bool:
            if self._database.execute("SELECT to_regclass(%s)", [table]).fetchone()[0] is None:
                return False
            return bool(self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == self._rows)

        named = {"topics": TOPIC, "table.name.format": table, "collection.name.format": table}
        before = cpu_s(worker.pid)
        self._create(worker, table, config | named)
        wait_for(is_written, f"all rows are in {table}", TIMEOUT_S)
        used = cpu_s(worker.pid) - before
        worker.ask("DELETE", f"/connectors/{table}")
        return used / self._rows * 1e6

    def _create(self, worker: ConnectProcess, name: str, config: dict[str, str]) -> None:
        answer = worker.ask("PUT", f"/connectors/{name}/config", config)
        if answer.status != 201:
            raise SystemExit(f"{worker.name}: {answer.body}")


def main(rows: int, folder: Path | None) -> int:
    print("| worker | source, µs a record | again | sink, µs a record | again | memory, MiB |", flush=True)
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as name, PostgresServer() as postgres:
        directory = Path(name)
        node = OttlaNode(directory / "node", TEST_SETTINGS)
        with node, closing(Bench(node.address, postgres, rows)) as bench:
            for contender in contenders(directory, node.address, folder):
                print(bench.run(contender), flush=True)
    print(f"\n{time.strftime('%Y-%m-%d')}, {rows} rows, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    _, *arguments = sys.argv
    sys.exit(main(int(arguments[0]) if arguments else ROWS, Path(arguments[1]) if len(arguments) > 1 else None))
