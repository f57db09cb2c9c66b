"""Singer targets that write to a file or a database of this machine; what they wrote is read again, otherwise."""

from __future__ import annotations

import csv
import gzip
import json
from typing import TYPE_CHECKING, Any, Final

from tests.peers.postgres import USER, PostgresServer
from tests.plugins.case import Case, case
from tests.plugins.taps import EXPECTED, PEOPLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.world import World


def store(world: World, plugin: str, **settings: Any) -> None:
    config = {
        "connector.class": plugin,
        "singer.config": json.dumps({"disable_collection": True, **settings}),  # older ones tell Singer's makers of it
        "pk.mode": "record_value",
        "pk.fields": "id",
    }
    world.write(plugin.replace("-", "_"), config, PEOPLE)


def json_lines(folder: Path, pattern: str) -> list[Any]:
    return [json.loads(line) for path in sorted(folder.rglob(pattern)) for line in path.read_text().splitlines()]


def names(values: list[Any]) -> list[str]:
    return sorted(str(each["name"]) for each in values)


def target_csv(world: World) -> None:
    folder = world.place()
    store(world, "meltanolabs-target-csv", output_path=str(folder))
    (path,) = folder.rglob("*.csv")
    with path.open() as file:
        assert names(list(csv.DictReader(file))) == sorted(EXPECTED)


def target_jsonl(world: World) -> None:
    folder = world.place()
    store(world, "target-jsonl", destination_path=str(folder))
    assert names(json_lines(folder, "*.jsonl")) == sorted(EXPECTED)


def target_singer_jsonl(world: World) -> None:
    folder = world.place()
    store(world, "target-singer-jsonl", destination="local", local={"folder": str(folder)})
    texts = [gzip.decompress(path.read_bytes()).decode() for path in folder.rglob("*.singer.gz")]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    assert names([each["record"] for each in lines if each["type"] == "RECORD"]) == sorted(EXPECTED)


def target_localjson(world: World) -> None:
    folder = world.place()
    store(world, "target-localjson", dest_dir=str(folder))
    assert names([json.loads(path.read_text())["record"] for path in folder.rglob("*.json")]) == sorted(EXPECTED)


def target_duckdb(world: World) -> None:
    import duckdb

    path = world.place() / "people.duckdb"
    store(world, "target-duckdb", filepath=str(path), default_target_schema="main", database="people")
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = [row[0] for row in connection.execute("select table_name from information_schema.tables").fetchall()]
        (table,) = [each for each in tables if "target_duckdb" in each]
        found = connection.execute(f'select name from "{table}" order by id').fetchall()
    assert [row[0] for row in found] == EXPECTED


def target_universal_file(world: World) -> None:
    folder = world.place()
    store(world, "target-universal-file", protocol="local", path=str(folder), file_type="jsonl")
    assert names(json_lines(folder, "*.jsonl")) == sorted(EXPECTED)


def target_postgres(world: World) -> None:
    people_in_postgres(world, "meltanolabs-target-postgres", database="postgres", default_target_schema="public")


def pipelinewise_target_postgres(world: World) -> None:
    people_in_postgres(world, "pipelinewise-target-postgres", dbname="postgres", default_target_schema="public")


def people_in_postgres(world: World, plugin: str, **settings: Any) -> None:
    with PostgresServer() as server, server.connect("postgres") as database:
        store(world, plugin, host="127.0.0.1", port=server.port, user=USER, password=USER, **settings)
        found = database.execute(f"select name from public.{plugin.replace('-', '_')} order by id").fetchall()
        assert [row[0] for row in found] == EXPECTED


def target_avro(world: World) -> None:
    import fastavro

    folder = world.place()
    store(world, "target-avro", prefix=str(folder / "out"))
    (path,) = folder.rglob("*.avro")
    with path.open("rb") as file:
        assert names([dict(each) for each in fastavro.reader(file) if isinstance(each, dict)]) == sorted(EXPECTED)


CASES: Final[tuple[Case, ...]] = (
    case("meltanolabs-target-csv", target_csv),
    case("target-jsonl", target_jsonl),
    case("target-singer-jsonl", target_singer_jsonl),
    case("target-localjson", target_localjson),
    case("target-duckdb", target_duckdb),
    case("target-universal-file", target_universal_file),
    case("meltanolabs-target-postgres", target_postgres),
    case("pipelinewise-target-postgres", pipelinewise_target_postgres),
    case("target-avro", target_avro),
)
