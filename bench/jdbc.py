"""A topic into a table of PostgreSQL by our JDBC sink and by Debezium's (Java): `python -m bench.jdbc [ROWS]`.

Our JDBC source fills the topic from another table (no such source of Java's is on Maven Central). Both sinks upsert by
the same key into a table that they make. CPU is that of a worker and all its processes, from the connector's creation
to the last row; each worker is asked twice, as part of a JVM's CPU is its compiler's.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.conftest import TEST_SETTINGS
from tests.peers.apache_kafka import fetched_jars
from tests.peers.connect import OttlaConnect
from tests.peers.ottla_node import OttlaNode
from tests.peers.postgres import PostgresServer
from tests.peers.process import wait_for

from bench.connect import KafkaConnectAsItComes, cpu_s

if TYPE_CHECKING:
    from tests.peers.connect import ConnectProcess

ROWS: Final = 200_000
TIMEOUT_S: Final = 600.0
DEBEZIUM: Final = ("io.debezium", "debezium-connector-jdbc", "3.5.0.Final")
TOPIC: Final = "bench-things"
SETTINGS: Final = {"offset.flush.interval.ms": "1000"}
TABLE: Final = "CREATE TABLE things (id bigint PRIMARY KEY, name text NOT NULL, price double precision, stock int)"
FILL: Final = "INSERT INTO things SELECT n, 'thing ' || n, n / 2.0, n %% 100 FROM generate_series(1, %s) n"


def main(rows: int) -> int:
    plugins = fetched_jars(f"debezium-jdbc-{DEBEZIUM[2]}", (DEBEZIUM,)).parent
    print("| worker | JDBC sink, µs a record | the same again |\n|---|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as name, PostgresServer() as postgres:
        directory = Path(name)
        url = f"jdbc:postgresql://{postgres.address}/bench"
        with OttlaNode(directory / "node", TEST_SETTINGS) as node, closing(postgres.database("bench")) as database:
            database.execute(TABLE)
            database.execute(FILL, [rows])
            ours = OttlaConnect(directory / "ottla", node.address, SETTINGS)
            theirs = KafkaConnectAsItComes(directory / "java", node.address, SETTINGS | {"plugin.path": str(plugins)})
            with ours:
                read = read_table(ours, url, rows)
            for worker, config in ((ours, our_sink(url)), (theirs, debezium_sink(url))):
                with worker:
                    first, second = (write_table(worker, database, config, f"copy_{n}", rows) for n in (1, 2))
                print(f"| {worker.name} | {first:.1f} | {second:.1f} |", flush=True)
    load = os.getloadavg()[0]
    print(f"\nOur JDBC source: {read:.1f} µs a record.")
    print(f"{time.strftime('%Y-%m-%d')}, {rows} rows, {DEBEZIUM[1]} {DEBEZIUM[2]}, load {load:.0f}")
    return 0


def create(worker: ConnectProcess, name: str, config: dict[str, str]) -> None:
    answer = worker.ask("PUT", f"/connectors/{name}/config", config)
    if answer.status != 201:
        raise SystemExit(f"{worker.name}: {answer.body}")


def read_table(worker: ConnectProcess, url: str, rows: int) -> float:
    source = {"connector.class": "JdbcSource", "connection.url": url, "connection.user": "postgres"}
    source |= {"mode": "incrementing", "incrementing.column.name": "id", "table.whitelist": "things"}
    before = cpu_s(worker.pid)
    create(worker, "source", source | {"topic.prefix": "bench-"})

    def read() -> bool:
        offsets = worker.ask("GET", "/connectors/source/offsets").body["offsets"]
        return bool(offsets and offsets[0]["offset"]["incrementing"] == rows)

    wait_for(read, "all rows are in the topic", TIMEOUT_S)
    return (cpu_s(worker.pid) - before) / rows * 1e6


def our_sink(url: str) -> dict[str, str]:
    return {
        "connector.class": "JdbcSink",
        "connection.url": url,
        "connection.user": "postgres",
        "auto.create": "true",
        "insert.mode": "upsert",
        "pk.mode": "record_value",
        "pk.fields": "id",
    }


def debezium_sink(url: str) -> dict[str, str]:
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "connection.url": url,
        "connection.username": "postgres",
        "connection.password": "any",
        "schema.evolution": "basic",
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": "id",
    }


def write_table(worker: ConnectProcess, database: Any, config: dict[str, str], table: str, rows: int) -> float:
    table = f"{table}_{config['connector.class'].rpartition('.')[2].lower()}"
    named = {"topics": TOPIC, "table.name.format": table, "collection.name.format": table}
    before = cpu_s(worker.pid)
    create(worker, table, config | named)

    def written() -> bool:
        if database.execute("SELECT to_regclass(%s)", [table]).fetchone()[0] is None:
            return False
        return bool(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == rows)

    wait_for(written, f"all rows are in {table}", TIMEOUT_S)
    used = cpu_s(worker.pid) - before
    worker.ask("DELETE", f"/connectors/{table}")
    return used / rows * 1e6


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
