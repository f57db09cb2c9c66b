"""Debezium's own connector and ours over the same database: the same records, but for what each says of itself.

Arrays of enums are not among them: Debezium's elements may not be null, ours may.
"""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from tests.connect.cdc.captured_server import CapturedMariaDb, CapturedMysql, capture_config, new_database
from tests.connect.cdc.rebuilt import operations
from tests.connect.records import records_of
from tests.connect.test_crashes import SETTINGS
from tests.peers.apache_kafka import fetched_jars
from tests.peers.connect import KafkaConnect, OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.postgres import PostgresServer
    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(280)]

VERSION: Final = "3.6.3.Final"
ARTIFACTS: Final = (("io.debezium", "debezium-connector-postgres", VERSION),)
TABLES: Final = """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN age AS int;
    CREATE TABLE t (
        id int PRIMARY KEY, small smallint, big bigint, exact numeric(10,3), any_scale numeric, single real,
        twice double precision, yes boolean, fixed char(5), named varchar(10) NOT NULL DEFAULT 'none', words text,
        raw bytea, doc json, docb jsonb, number uuid, day date, at time, short_at time(3), zoned timetz,
        moment timestamp, short_moment timestamp(3), stamp timestamptz, short_stamp timestamptz(3), span interval,
        feeling mood, years age, address inet, net cidr, mac macaddr, price money, reference oid, one_bit bit(1),
        bits bit(9), place point, numbers int[], texts text[], days date[], span_of int4range, search tsvector
    );
    CREATE TABLE no_key (a int, b text);
    ALTER TABLE no_key REPLICA IDENTITY FULL;
    CREATE TABLE two (b text, a int, c text, PRIMARY KEY (a, b));
    CREATE TABLE only_unique (a int, b text UNIQUE, c int NOT NULL, UNIQUE (c, a));
    ALTER TABLE only_unique REPLICA IDENTITY FULL;
    INSERT INTO only_unique VALUES (1, 'x', 2);
    CREATE TABLE defaults (
        id serial PRIMARY KEY, n int DEFAULT 5, word text NOT NULL DEFAULT 'it''s',
        made timestamptz NOT NULL DEFAULT now(),
        yes boolean NOT NULL DEFAULT true, feeling mood NOT NULL DEFAULT 'ok', day date NOT NULL DEFAULT '2020-01-01',
        exact numeric(5,2) NOT NULL DEFAULT 1.5, any_scale numeric NOT NULL DEFAULT 2, doc jsonb NOT NULL DEFAULT '{}',
        number uuid NOT NULL DEFAULT gen_random_uuid(), span interval NOT NULL DEFAULT '1 day',
        moment timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, raw bytea NOT NULL DEFAULT '\\x00', small smallserial,
        twice float8 NOT NULL DEFAULT -1.5, fixed char(3) DEFAULT 'a', code varchar(9) DEFAULT upper('x')
    );
"""
ROW: Final = (
    "1, -1, 9007199254740993, -123.456, 12.3400, 1.5, -2.25, true, 'ab', 'žluť', 'text', '\\x00ff', '{\"a\": 1}', "
    "'{\"b\": 2}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-11-29', '13:51:30.123456', '13:51:30.123', "
    "'13:51:30.5+02', '2026-11-29 10:11:12.123456', '2026-11-29 10:11:12.123', '2026-11-29 10:11:12.5+02', "
    "'2026-11-29 10:11:12.123+02', '1 year 2 mons 3 days 04:05:06.78', 'ok', 30, '192.168.2.1/24', '192.168.0.0/16', "
    "'08:00:2b:01:02:03', '1234.5', 4000000000, B'1', B'100000001', '(1,2)', '{1,NULL,3}', '{a,\"b,c\",NULL}', "
    "'{2026-11-29}', '[1,5)', 'fat cat'"
)
OF_ITSELF: Final = ("version", "ts_ms", "ts_us", "ts_ns", "lsn", "sequence")


class Variant(NamedTuple):
    """One way to configure both."""

    prefixes: tuple[str, str]
    """Of topics: ours, theirs."""
    counts: dict[str, int]
    """Records of each table."""
    settings: dict[str, str]
    delimiter: str = "."

    def topic(self, prefix: str, table: str) -> str:
        return self.delimiter.join((prefix, "public", table))


MODES: Final = {
    "topic.delimiter": "_",
    "tombstones.on.delete": "false",
    "decimal.handling.mode": "double",
    "time.precision.mode": "connect",
    "binary.handling.mode": "hex",
    "field.name.adjustment.mode": "avro_unicode",
    "schema.name.adjustment.mode": "avro_unicode",
    "message.key.columns": "public.two:b;(.*).no_key:a",
    "column.mask.with.5.chars": "public.t.(words|long_text),public.two.a",
    "column.mask.hash.SHA-256.with.salt.pepper.corn": "public.t.(feeling|fixed|mood)",
    "column.mask.hash.v2.MD5.with.salt.pepper": "public.two.c",
    "column.truncate.to.2.chars": "public.t.(named|id|raw|net)",
    "snapshot.select.statement.overrides": "public.t",
    "snapshot.select.statement.overrides.public.t": "SELECT * FROM public.t WHERE id = 1",
}
SOURCE_TYPES: Final = {
    "column.propagate.source.type": "public.t.(small|big|exact|single|twice|day|at|short_at|zoned|moment|short_moment"
    "|fine|stamp|short_stamp|span|years|price|one_bit|bits|numbers|texts|tiny|plain|y|shades|latin|medium|more),"
    "public.defaults.(?!id|small).*",
    "datatype.propagate.source.type": "public.t.(uuid|jsonb|inet|mediumblob|float)",
}
POSTGRES: Final = (
    Variant(("ours", "theirs"), {"t": 8, "no_key": 4, "two": 6, "only_unique": 5, "defaults": 2}, {}),
    Variant(
        ("oursx", "theirsx"),
        {"t": 7, "no_key": 3, "two": 5, "only_unique": 4, "defaults": 2},
        MODES | SOURCE_TYPES,
        "_",
    ),
)
OURS: Final = {"column.default.handling.mode": "all"}


MARIADB_VERSION: Final = "3.5.0.Final"
MYSQL_VERSION: Final = "3.5.0.Final"


class Flavour(NamedTuple):
    """MariaDB or MySQL."""

    name: str
    version: str
    server: type[CapturedMariaDb | CapturedMysql]
    counts: dict[str, int]
    """Records of tables beside those that both have."""
    counts_in_modes: dict[str, int]
    """Where deletions have no tombstones."""
    tables: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def variants(self) -> tuple[Variant, ...]:
        letter = self.name[1]
        counts = {"t": 8, "two": 5, "only_unique": 3, "defaults": 2} | self.counts
        plain = Variant((f"ours{letter}", f"theirs{letter}"), counts, {})
        prefixes = (f"ours{letter}x", f"theirs{letter}x")
        return plain, Variant(prefixes, counts | self.counts_in_modes, MODES | SOURCE_TYPES, "_")


DOCUMENTS: Final = (
    r"""{"a": [1, -2, 3.5, 1e300, 1e-7, 18446744073709551615, true, false, null], "long": {"b": "ž\"\\/\n\u0001"}}""",
    *("[]", "{}", "null", '"text"', "1.0", "12345678901", "-32769", "65536"),
)
OPAQUE: Final = (
    "JSON_ARRAY(CAST('2026-11-29' AS DATE), CAST('10:11:12.5' AS TIME(3)), TIMESTAMP('2026-11-29 10:11:12.5'), "
    "CAST(-123.4560 AS DECIMAL(10,4)), TIMESTAMP('2026-11-29 10:11:12.000125'), REPEAT('x', 70000))"
)
MYSQL_TABLES: Final = (
    """CREATE TABLE more (
        id int PRIMARY KEY, doc json, place point, shape geometry SRID 4326, road linestring, halves vector(3),
        twice int GENERATED ALWAYS AS (id * 2) STORED, thrice int GENERATED ALWAYS AS (id * 3) VIRTUAL,
        hidden varchar(10) DEFAULT 'h' INVISIBLE, small float unsigned, none_at datetime NULL,
        b64 bit(64), wide varchar(300) CHARACTER SET utf16, fixed binary(3),
        UNIQUE KEY ((lower(hidden)))
    )""",
    "CREATE TABLE made AS SELECT 1 AS a",
)
MYSQL_CHANGES: Final = (
    *(
        f"INSERT INTO more (id, doc, hidden) VALUES ({n}, CONVERT(X'{text.encode().hex()}' USING utf8mb4), 'h{n}')"
        for n, text in enumerate(DOCUMENTS, 10)
    ),
    f"INSERT INTO more (id, doc) VALUES (30, {OPAQUE})",
    "INSERT INTO more (id, place, shape, road, halves, small, b64, wide, fixed, hidden) VALUES (31, POINT(1, 2), "
    "ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('LINESTRING(0 0, 1 1)'), TO_VECTOR('[1,2.5,-3]'), 1.5, "
    "b'1', 'š', 'x', 'i')",
    "UPDATE more SET doc = JSON_SET(doc, '$.a[0]', 7, '$.\"new one\"', 'x') WHERE id = 10",
    "ALTER TABLE more ADD COLUMN later int, ALGORITHM = INSTANT",
    "UPDATE more SET later = 6 WHERE id = 11",
    "ALTER TABLE more RENAME COLUMN later TO latest",
    "SET SESSION binlog_transaction_compression = ON",
    "INSERT INTO more (id, doc, hidden) VALUES (40, '[1]', 'p'), (41, NULL, 'q')",
    "DELETE FROM more WHERE id = 40",
)
FLAVOURS: Final = (
    Flavour("mariadb", MARIADB_VERSION, CapturedMariaDb, {}, {"t": 7}, (), ()),
    Flavour(
        "mysql",
        MYSQL_VERSION,
        CapturedMysql,
        {"more": 17},
        {"t": 7, "more": 16},
        MYSQL_TABLES,
        MYSQL_CHANGES,
    ),
)
MARIADB_TABLES: Final = (
    """CREATE TABLE t (
        id int PRIMARY KEY, tiny tinyint unsigned, yes tinyint(1), small smallint unsigned, medium mediumint,
        plain int unsigned, big bigint unsigned, exact decimal(10,3), single float, twice double, fixed char(5),
        named varchar(10) NOT NULL, long_text mediumtext, raw binary(4), more varbinary(8), blobs blob, day date,
        at time(3), moment datetime, fine datetime(6), stamp timestamp(3) NULL, seconds timestamp NULL, y year,
        mood enum('sad','ok'), shades set('red','green'), bits bit(10), flag bit(1),
        latin varchar(10) CHARACTER SET latin1
    )""",
    "CREATE TABLE two (b varchar(5), a int, c text, PRIMARY KEY (a, b))",
    "CREATE TABLE only_unique (a int UNIQUE, b int NOT NULL, c int NOT NULL, UNIQUE KEY z (c, b), UNIQUE KEY y (b))",
    "INSERT INTO only_unique VALUES (1, 2, 3)",
    """CREATE TABLE defaults (
        id int PRIMARY KEY AUTO_INCREMENT, n int DEFAULT 5, word varchar(10) NOT NULL DEFAULT 'its',
        tiny tinyint(1) NOT NULL DEFAULT 1, made timestamp NOT NULL DEFAULT current_timestamp(),
        day date NOT NULL DEFAULT '2020-01-01', moment datetime(3) NOT NULL DEFAULT current_timestamp(3),
        exact decimal(5,2) NOT NULL DEFAULT 1.5, mood enum('sad','ok') NOT NULL DEFAULT 'ok',
        bits bit(10) NOT NULL DEFAULT b'1000000001', flag bit(1) NOT NULL DEFAULT b'1',
        at time NOT NULL DEFAULT '10:11:12', twice double NOT NULL DEFAULT -1.5, y year DEFAULT 2026,
        code varchar(9) DEFAULT (upper('x'))
    )""",
)
MARIADB_ROW: Final = (
    "1, 255, 1, 65535, -8388608, 4294967295, 9007199254740993, -123.456, 1.5, -2.25, 'ab', 'žluť', 'text', 'ab', "
    "X'00ff', X'00ff', '2026-11-29', '10:11:12.5', '2026-11-29 10:11:12', '2000-01-01 00:00:00.000001', "
    "'2026-11-29 10:11:12.125', '2026-11-29 10:11:12', 2026, 'ok', 'green,red', b'1000000001', b'1', 'é'"
)


def mariadb_workload(db: Any, *more: str) -> None:
    with db.cursor() as cursor:
        for statement in (
            f"INSERT INTO t VALUES ({MARIADB_ROW.replace('1', '2', 1)})",
            "INSERT INTO t (id, named) VALUES (3, '')",
            "UPDATE t SET long_text = 'other', exact = NULL WHERE id = 1",
            "UPDATE t SET id = 4 WHERE id = 3",
            "DELETE FROM t WHERE id = 4",
            "INSERT INTO two VALUES ('b', 1, 'c'), ('x', 2, 'd')",
            "UPDATE two SET c = 'e'",
            "ALTER TABLE two ADD COLUMN more int, DROP COLUMN c",
            "INSERT INTO two VALUES ('y', 2, 7)",
            "INSERT INTO only_unique VALUES (NULL, 4, 5)",
            "UPDATE only_unique SET b = 7 WHERE a = 1",
            "INSERT INTO defaults () VALUES ()",
            "INSERT INTO defaults (n, code) VALUES (NULL, NULL)",
            *more,
        ):
            cursor.execute(statement)


def workload(db: Any) -> None:
    db.execute(f"INSERT INTO t VALUES ({ROW.replace('1', '2', 1)})")
    db.execute("INSERT INTO t (id) VALUES (3)")
    db.execute("UPDATE t SET words = 'other', exact = NULL WHERE id = 1")
    db.execute("UPDATE t SET id = 4 WHERE id = 3")
    db.execute("DELETE FROM t WHERE id = 4")
    db.execute("INSERT INTO no_key VALUES (1, 'x')")
    db.execute("UPDATE no_key SET b = 'y'")
    db.execute("DELETE FROM no_key")
    with db.transaction():
        db.execute("INSERT INTO two VALUES ('b', 1, 'c')")
        db.execute("UPDATE two SET c = 'd'")
        db.execute("UPDATE two SET b = 'e'")
    db.execute("ALTER TABLE two ADD COLUMN more int NOT NULL DEFAULT 7, DROP COLUMN c")
    db.execute("INSERT INTO two VALUES ('x', 2)")
    db.execute("INSERT INTO only_unique VALUES (2, NULL, 3)")
    db.execute("UPDATE only_unique SET b = 'y'  WHERE a = 1")
    db.execute("INSERT INTO defaults DEFAULT VALUES")
    db.execute("INSERT INTO defaults (n, fixed, code) VALUES (NULL, NULL, NULL)")


def comparable(bootstrap: str, variant: Variant, prefix: str, table: str) -> list[tuple[Any, Any, list[str]]]:
    """Records of a table, with one prefix for both, and without what each says of itself."""
    found = []
    for key, value, headers in records_of(bootstrap, variant.topic(prefix, table)):
        names = [name for name, _ in headers if not name.startswith("__debezium.context")]
        found.append((_read(key, prefix), _read(value, prefix), names))
    return found


def _read(data: bytes | None, prefix: str) -> Any:
    if data is None:
        return None
    value = json.loads(data.decode().replace(prefix, "shop"))
    payload = value["payload"]
    if isinstance(payload, dict) and "source" in payload:
        for block in (payload, payload["source"]):
            for field in OF_ITSELF:
                block.pop(field, None)
        payload["source"].pop("thread", None)
        if payload["source"]["snapshot"] != "false":
            for field in ("txId", "gtid", "server_id"):
                payload["source"].pop(field, None)
    return value


def test_the_same_records(node: NodeProcess, postgres: PostgresServer, tmp_path: Path) -> None:
    plugins = fetched_jars(f"debezium-postgres-{VERSION}", ARTIFACTS).parent
    theirs = KafkaConnect(tmp_path / "java", node.address, {"plugin.path": str(plugins)})
    ours = OttlaConnect(tmp_path / "ottla", node.address, SETTINGS)
    with closing(postgres.database("both")) as db, theirs, ours:
        db.execute(TABLES)
        db.execute(f"INSERT INTO t VALUES ({ROW})")
        for variant in POSTGRES:
            for worker, prefix, own in zip((ours, theirs), variant.prefixes, (OURS, {}), strict=True):
                config = postgres.config("both") | variant.settings | own | {
                    "topic.prefix": prefix,
                    "slot.name": f"slot_{prefix}",
                    "plugin.name": "pgoutput",
                    "notification.enabled.channels": "sink",
                    "notification.sink.topic.name": f"notices-{prefix}",
                }  # fmt: skip
                answer = worker.ask("PUT", f"/connectors/{prefix}/config", config)
                assert answer.status == 201, answer.body
                wait_for(partial(_has_begun, node.address, variant, prefix), "the snapshot")
                wait_for(partial(is_active, db, f"slot_{prefix}"), "the stream")
        workload(db)
        _compare(node.address, POSTGRES)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
def test_the_same_records_of_a_binary_log(node: NodeProcess, tmp_path: Path, flavour: Flavour) -> None:
    pytest.importorskip("pymysql")
    artifacts = (("io.debezium", f"debezium-connector-{flavour.name}", flavour.version),)
    plugins = fetched_jars(f"debezium-{flavour.name}-{flavour.version}", artifacts).parent
    theirs = KafkaConnect(tmp_path / "java", node.address, {"plugin.path": str(plugins)})
    ours = OttlaConnect(tmp_path / "ottla", node.address, SETTINGS)
    with flavour.server() as server, closing(new_database(server, "public")) as db, theirs, ours:
        with db.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            for statement in (*MARIADB_TABLES, *flavour.tables, f"INSERT INTO t VALUES ({MARIADB_ROW})"):
                cursor.execute(statement)
        number = 7000
        for variant in flavour.variants:
            for worker, prefix, own in zip((ours, theirs), variant.prefixes, (OURS, {}), strict=True):
                number += 1
                config = capture_config(server, "public") | variant.settings | own | {
                    "schema.history.internal.kafka.topic": f"history-{prefix}",
                    "schema.history.internal.kafka.bootstrap.servers": node.address,
                    "database.server.id": str(number),
                    "topic.prefix": prefix,
                    "notification.enabled.channels": "sink",
                    "notification.sink.topic.name": f"notices-{prefix}",
                }  # fmt: skip
                answer = worker.ask("PUT", f"/connectors/{prefix}/config", config)
                assert answer.status == 201, answer.body
                wait_for(partial(_has_begun, node.address, variant, prefix), "the snapshot")
        mariadb_workload(db, *flavour.changes)
        _compare(node.address, flavour.variants)


def _compare(bootstrap: str, variants: tuple[Variant, ...]) -> None:
    for variant in variants:
        for table, count in variant.counts.items():
            wait_for(partial(_complete, bootstrap, variant, table, count), f"changes of {table}")
    differing = [
        text for variant in variants for table in variant.counts for text in differences(bootstrap, variant, table)
    ]
    for variant in variants:
        ours, theirs = (notices(bootstrap, prefix) for prefix in variant.prefixes)
        differing += [f"notices of {variant.prefixes[0]}{each}" for each in _differences(ours, theirs)]
    assert not differing, "\n".join(differing)


def notices(bootstrap: str, prefix: str) -> list[Any]:
    """What a snapshot told of itself; tables in one order."""
    found = []
    for _, value, _ in records_of(bootstrap, f"notices-{prefix}"):
        told = _read(value, prefix)
        for field in ("id", "timestamp"):
            told["payload"].pop(field)
        data = told["payload"]["additional_data"]
        if "data_collections" in data:
            data["data_collections"] = ",".join(sorted(data["data_collections"].replace(" ", "").split(",")))
        found.append(told)
    return found


def differences(bootstrap: str, variant: Variant, table: str) -> list[str]:
    ours, theirs = (comparable(bootstrap, variant, prefix, table) for prefix in variant.prefixes)
    found = [f"{table}: {len(ours)} records of ours, {len(theirs)} of theirs"] if len(ours) != len(theirs) else []
    for number, (our, their) in enumerate(zip(ours, theirs, strict=False)):
        for part, left, right in zip(("key", "value", "headers"), our, their, strict=True):
            found += [
                f"{variant.topic(variant.prefixes[0], table)}[{number}].{part}{each}"
                for each in _differences(left, right)
            ]
    return found


def _differences(ours: Any, theirs: Any) -> list[str]:
    """Where, what we say, what they say."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = [*ours, *(name for name in theirs if name not in ours)]
        return [f".{name}{each}" for name in names for each in _differences(ours.get(name), theirs.get(name))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [f"[{place}]{each}" for place, (left, right) in pairs for each in _differences(left, right)]
    return [] if ours == theirs else [f": {ours!r} {theirs!r}"]


def is_active(db: Any, slot: str) -> bool:
    row = db.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (slot,)).fetchone()
    return bool(row and row[0])


def _has_begun(bootstrap: str, variant: Variant, prefix: str) -> bool:
    return operations(bootstrap, variant.topic(prefix, "t")) == ["r"]


def _complete(bootstrap: str, variant: Variant, table: str, count: int) -> bool:
    return all(len(records_of(bootstrap, variant.topic(prefix, table))) >= count for prefix in variant.prefixes)
