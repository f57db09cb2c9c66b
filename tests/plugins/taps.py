"""Singer taps that read what a file, a database or a server of this machine has."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final

from tests.peers.postgres import USER, PostgresServer
from tests.plugins.case import Case, case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.world import World

PEOPLE: Final[list[dict[str, Any]]] = [
    {"id": 1, "name": "Ottla"},
    {"id": 2, "name": "Franz"},
    {"id": 3, "name": "Elli"},
]
SCHEMA: Final = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}


def people_jsonl(folder: Path) -> Path:
    path = folder / "people.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in PEOPLE))
    return path


def people_csv(folder: Path) -> Path:
    path = folder / "people.csv"
    path.write_text("id,name\n" + "".join(f"{each['id']},{each['name']}\n" for each in PEOPLE))
    return path


def tap(plugin: str, **settings: Any) -> dict[str, str]:
    return {
        "connector.class": plugin,
        "topic.prefix": f"{plugin}.",
        "poll.interval.ms": "-1",
        "singer.config": json.dumps(settings),
    }


def names(values: list[Any], field: str = "name") -> list[str]:
    return [str(each[field]) for each in values]


EXPECTED: Final[list[str]] = [each["name"] for each in PEOPLE]


def tap_jsonl(world: World) -> None:
    config = tap("tap-jsonl", path=str(people_jsonl(world.place())), stream_name="people")
    values = world.read("tap-jsonl.people", config, 3)
    assert [json.loads(each["raw"])["name"] if "raw" in each else each["name"] for each in values] == EXPECTED


def tap_csv_folder(world: World) -> None:
    folder = world.place()
    people_csv(folder)
    config = tap("tap-csv-folder", path=str(folder), read_mode="one_stream_per_file", filesystem="local")
    config["singer.discover"] = "false"  # it fails on any catalog
    assert names(world.read("tap-csv-folder.people", config, 3)) == EXPECTED


def tap_singer_jsonl(world: World) -> None:
    folder = world.place()
    lines = [{"type": "SCHEMA", "stream": "people", "schema": SCHEMA, "key_properties": ["id"]}]
    lines += [{"type": "RECORD", "stream": "people", "record": each} for each in PEOPLE]
    (folder / "people.singer").write_text("".join(json.dumps(each) + "\n" for each in lines))
    config = tap("tap-singer-jsonl", source="local", local={"folders": [str(folder)], "recursive": False})
    assert names(world.read("tap-singer-jsonl.people", config, 3)) == EXPECTED


def tap_rest_api_msdk(world: World) -> None:
    world.internet.hosts["api.example"] = lambda _target: {"people": PEOPLE}
    stream = {
        "name": "people",
        "path": "/people",
        "records_path": "$.people[*]",
        "primary_keys": ["id"],
        "num_inference_records": 3,
    }
    config = tap("tap-rest-api-msdk", api_url="https://api.example", streams=[stream])
    assert names(world.read("tap-rest-api-msdk.people", config, 3)) == EXPECTED


def tap_jsonfile(world: World) -> None:
    path = world.place() / "people.json"
    path.write_text(json.dumps(PEOPLE))
    config = tap("tap-jsonfile", paths=[str(path)], stream_name="people")
    assert names(world.read("tap-jsonfile.people", config, 3)) == EXPECTED


def tap_spreadsheets(world: World) -> None:
    folder = world.place()
    people_csv(folder)
    file = {
        "path": str(folder / "*.csv"),
        "format": "csv",
        "table_name": "people",
        "primary_keys": ["id"],
    }
    config = tap("tap-spreadsheets", files=[file])
    assert names(world.read("tap-spreadsheets.people", config, 3)) == EXPECTED


def tap_postgres(world: World) -> None:
    people_of_postgres(world, "meltanolabs-tap-postgres", "public-people", user=USER, database="postgres")


def pipelinewise_tap_postgres(world: World) -> None:
    people_of_postgres(
        world, "pipelinewise-tap-postgres", "public-people", select="people", user=USER, dbname="postgres"
    )


def process_street_tap_postgres(world: World) -> None:
    people_of_postgres(
        world, "process-street-tap-postgres", "public-people", select="people", user=USER, dbname="postgres"
    )


def people_of_postgres(world: World, plugin: str, stream: str, *, select: str = "", **settings: Any) -> None:
    with PostgresServer() as server, server.connect("postgres") as database:
        database.execute("create table people (id int primary key, name text)")
        for each in PEOPLE:
            database.execute("insert into people values (%s, %s)", (each["id"], each["name"]))
        config = tap(plugin, host="127.0.0.1", port=server.port, password=USER, **settings)
        config["singer.select"] = select or stream
        config["singer.metadata"] = json.dumps({"*": {"replication-method": "FULL_TABLE"}})
        assert sorted(names(world.read(f"{plugin}.{stream}", config, 3))) == sorted(EXPECTED)


def tap_dbf(world: World) -> None:
    """A table of dBase III, written byte by byte."""
    folder = world.place()
    columns = [(b"ID", b"N", 4), (b"NAME", b"C", 10)]
    width = 1 + sum(size for _, _, size in columns)
    head = struct.pack("<BBBBIHH20x", 3, 124, 1, 1, len(PEOPLE), 32 + 32 * len(columns) + 1, width)
    for name, kind, size in columns:
        head += struct.pack("<11sc4xBB14x", name, kind, size, 0)
    rows = b"".join(b" " + f"{each['id']:>4}{each['name']:<10}".encode() for each in PEOPLE)
    (folder / "people.dbf").write_bytes(head + b"\r" + rows + b"\x1a")
    config = tap("tap-dbf", path=str(folder / "people.dbf"))
    values = world.read("tap-dbf.people", config, 3)
    assert [str(each.get("name") or each.get("NAME")).strip() for each in values] == EXPECTED


CASES: Final[tuple[Case, ...]] = (
    case("tap-jsonl", tap_jsonl),
    case("tap-csv-folder", tap_csv_folder),
    case("tap-singer-jsonl", tap_singer_jsonl),
    case("tap-rest-api-msdk", tap_rest_api_msdk),
    case("tap-jsonfile", tap_jsonfile),
    case("tap-spreadsheets", tap_spreadsheets),
    case("meltanolabs-tap-postgres", tap_postgres),
    case("process-street-tap-postgres", process_street_tap_postgres),
    case("pipelinewise-tap-postgres", pipelinewise_tap_postgres),
    case("tap-dbf", tap_dbf),
)
