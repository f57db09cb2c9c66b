"""Plugins of Kafka Connect in Java, from Maven Central."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.peers.postgres import USER, PostgresServer
from tests.plugins.case import Case, case
from tests.plugins.taps import EXPECTED

if TYPE_CHECKING:
    from tests.plugins.world import World


def connect_file(world: World) -> None:
    """Java's own: bytes of the file as Java's worker would write them, and back."""
    folder = world.place()
    (folder / "in").write_text("".join(f"{name}\n" for name in EXPECTED))
    java = {"java.plugin": "connect-file"}
    package = "org.apache.kafka.connect.file.FileStream"
    source = {
        "connector.class": "JavaSource",
        "java.connector.class": f"{package}SourceConnector",
        "file": str(folder / "in"),
        "topic": "java-lines",
    }
    assert world.read("java-lines", source | java, 3) == EXPECTED
    sink = {
        "connector.class": "JavaSink",
        "java.connector.class": f"{package}SinkConnector",
        "file": str(folder / "out"),
    }
    world.write("java-written", sink | java, EXPECTED)
    assert (folder / "out").read_text().splitlines() == EXPECTED


def debezium_postgres(world: World) -> None:
    """Rows that were there, and rows that come while it watches."""
    with PostgresServer() as server, server.connect("postgres") as database:
        database.execute("create table people (id int primary key, name text)")
        database.execute("insert into people values (1, 'Ottla'), (2, 'Franz')")
        config = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "topic.prefix": "debezium",
            "database.hostname": "127.0.0.1",
            "database.port": str(server.port),
            "database.user": USER,
            "database.password": USER,
            "database.dbname": "postgres",
            "plugin.name": "pgoutput",
            "table.include.list": "public.people",
        }
        wrong = world.worker.ask(
            "PUT", "/connector-plugins/PostgresConnector/config/validate", {**config, "name": "x", "database.port": "p"}
        )
        refused = [each["value"]["name"] for each in wrong.body["configs"] if each["value"]["errors"]]
        assert "database.port" in refused, refused
        topic = "debezium.public.people"
        values = world.read(
            topic, config, 2, then=lambda: database.execute("insert into people values (3, 'Elli')"), more=1
        )
        assert [(each["op"], each["after"]["name"]) for each in values] == [
            ("r", "Ottla"),
            ("r", "Franz"),
            ("c", "Elli"),
        ]


def mirror_maker(world: World) -> None:
    """MirrorMaker 2's heartbeats: a source whose client in Java speaks with the node by itself."""
    config = {
        "connector.class": "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
        "source.cluster.alias": "one",
        "target.cluster.alias": "two",
        "source.cluster.bootstrap.servers": world.node.address,
        "target.cluster.bootstrap.servers": world.node.address,
        "heartbeats.topic.replication.factor": "1",
        "emit.heartbeats.interval.seconds": "1",
        "key.converter": "ByteArrayConverter",
        "value.converter": "JsonConverter",
        "value.converter.schemas.enable": "false",
    }
    assert len(world.read("heartbeats", config, 2)) >= 2


CASES: Final[tuple[Case, ...]] = (
    case("connect-file", connect_file),
    case("connect-mirror", mirror_maker),
    case("debezium-connector-postgres", debezium_postgres),
)
