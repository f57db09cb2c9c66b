"""Binary logs of real servers, MariaDB's and MySQL's, read by a task in this process: types, wrappings, positions."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.cdc.captured_server import (
    PASSWORD,
    USER,
    Captured,
    CapturedMariaDb,
    CapturedMysql,
    ask,
    capture_config,
    connected,
    new_database,
    numbered,
)
from tests.connect.own.tasks import Source, StoredOffsets, errors_of
from tests.peers.process import wait_for

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mysql.connector import MariaDbConnector, MySqlConnector
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.api.record import SourceRecord

pytestmark = pytest.mark.timeout(280)
pytest.importorskip("pymysql")


@pytest.fixture(scope="module", params=[CapturedMysql, CapturedMariaDb], ids=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Captured]:
    with request.param() as server:
        yield server


MYSQL = pytest.mark.parametrize("server", [CapturedMysql], ids=["mysql"], indirect=True)
"""Of what MariaDB has not."""


def source(server: Captured, database: str, offsets: StoredOffsets | None = None, **settings: str) -> Source:
    connector = MySqlConnector if isinstance(server, CapturedMysql) else MariaDbConnector
    config = {"heartbeat_interval_ms": "0", "decimal_handling_mode": "string"} | settings
    return Source(connector, capture_config(server, database, **config), offsets)


def plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {field.name: plain(each) for field, each in zip(value.schema.fields, value.values, strict=True)}
    return value


def changes(records: list[SourceRecord]) -> list[dict[str, Any]]:
    """Those of rows, in order."""
    return [plain(record.value) for record in records if record.value is not None and "op" in plain(record.value)]


def afters(records: list[SourceRecord]) -> list[Any]:
    return [change["after"] for change in changes(records)]


def rows(task: Source, count: int) -> list[SourceRecord]:
    """The next records of so many rows, without those of statements."""
    found: list[SourceRecord] = []
    while len(found) < count:
        more = task.take(1)
        assert more, f"only {len(found)} rows of {count} came"
        found += [record for record in more if "." in record.topic]
    return found


COLUMNS = """
    id int PRIMARY KEY, tiny tinyint unsigned, small smallint unsigned, medium mediumint, plain int unsigned,
    big bigint unsigned, exact decimal(10,3), long_exact decimal(65,30), single float, twice double, fixed char(5),
    named varchar(10) NOT NULL, long_text mediumtext, raw binary(4), blobs blob, day date, at time(3), at_most time(6),
    at_tenths time(1), moment datetime, fine datetime(6), tenths datetime(1), stamp timestamp(3) NULL, y year, y0 year,
    mood enum('sad','it''s ok'), colours set('red','green'), bits bit(10), flag bit(1), more_bits bit(64),
    latin varchar(10) CHARACTER SET latin1, wide varchar(300) CHARACTER SET utf16,
    latin_mood enum('é','x') CHARACTER SET latin1, place point, half int GENERATED ALWAYS AS (id * 2) STORED
"""
VALUES = (
    "1, 255, 65535, -8388608, 4294967295, 18446744073709551615, -123.456, "
    "-12345678901234567890123456789012345.123456789012345678901234567890, 1.5, -2.25, 'ab', 'žluť', 'text', 'ab', "
    "X'00ff', '2026-11-29', '-10:11:12.5', '-838:59:58.999999', '-00:00:00.5', '2026-11-29 10:11:12', "
    "'1000-01-01 00:00:00.000001', '2026-11-29 10:11:12.1', '2026-11-29 10:11:12.125', 2026, 0, 'it''s ok', "
    "'green,red', b'1000000001', b'1', b'1', 'é', 'šč', 'é', POINT(1, 2), DEFAULT"
)
AFTER = {
    "id": 1, "tiny": 255, "small": 65535, "medium": -8388608, "plain": 4294967295, "big": -1, "exact": "-123.456",
    "long_exact": "-12345678901234567890123456789012345.123456789012345678901234567890", "single": 1.5, "twice": -2.25,
    "fixed": "ab", "named": "žluť", "long_text": "text", "raw": b"ab\0\0", "blobs": b"\0\xff", "day": 20786,
    "at": -36672500000, "at_most": -3020398999999, "at_tenths": -500000, "moment": 1795947072000,
    "fine": -30610223999999999, "tenths": 1795947072100, "stamp": "2026-11-29T10:11:12.125Z", "y": 2026, "y0": 0,
    "mood": "it's ok", "colours": "red,green", "bits": b"\1\2", "flag": True, "more_bits": b"\1" + bytes(7),
    "latin": "é", "wide": "šč", "latin_mood": "é", "half": 2,
    "place": {
        "x": 1.0, "y": 2.0, "wkb": bytes.fromhex("0101000000000000000000f03f0000000000000040"), "srid": None
    },
}  # fmt: skip


def test_rows_of_a_snapshot_and_of_the_stream_are_the_same(server: Captured) -> None:
    with closing(new_database(server, "kinds")) as db:
        ask(db, "SET time_zone = '+00:00'")
        ask(db, f"CREATE TABLE t ({COLUMNS})")
        ask(db, f"INSERT INTO t VALUES ({VALUES})")
        task = source(server, "kinds")
        assert afters(task.take(1)) == [AFTER]
        ask(db, f"INSERT INTO t VALUES ({VALUES.replace('1', '2', 1)})")
        ask(db, "INSERT INTO t (id, named, colours, mood) VALUES (3, '', '', NULL)")
        ask(db, "UPDATE t SET tiny = NULL, exact = 0 WHERE id = 1")
        ask(db, "DELETE FROM t WHERE id = 2")
        records = task.take(5)
        task.stop()
        second, empty, updated, deleted = changes(records)
        assert second["after"] == AFTER | {"id": 2, "half": 4}
        told = {"id": 3, "named": "", "colours": "", "half": 6}
        assert empty["after"] == dict.fromkeys(AFTER) | told
        assert (updated["before"], updated["after"]) == (AFTER, AFTER | {"tiny": None, "exact": "0.000"})
        assert (deleted["before"], deleted["after"]) == (AFTER | {"id": 2, "half": 4}, None)


def test_transactions_truncations_and_statements_are_told(server: Captured) -> None:
    with closing(new_database(server, "told")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY)")
        settings = {"provide_transaction_metadata": "true", "skipped_operations": "none"}
        task = source(server, "told", None, snapshot_mode="no_data", **settings)
        task.poll()
        ask(db, "INSERT INTO t VALUES (1)")
        ask(db, "TRUNCATE TABLE t")
        ask(db, "CREATE USER IF NOT EXISTS nobody IDENTIFIED BY 'secret'")
        ask(db, "ALTER TABLE t ADD COLUMN more int")
        records = task.take(5)
        task.stop()
        begin, created, end, truncated, altered = (plain(record.value) for record in records)
        gtid = created["source"]["gtid"]
        assert (begin["status"], begin["id"], end["status"], end["event_count"]) == ("BEGIN", gtid, "END", 1)
        assert created["transaction"] == {"id": gtid, "total_order": 1, "data_collection_order": 1}
        assert truncated["op"] == "t"
        assert (records[-1].topic, altered["ddl"]) == ("told", "ALTER TABLE t ADD COLUMN more int")


def test_wrapped_transactions_and_logs_without_checksums(server: Captured) -> None:
    with closing(new_database(server, "wrapped")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY, words text)")
        task = source(server, "wrapped", snapshot_mode="no_data")
        task.poll()
        if isinstance(server, CapturedMysql):
            ask(db, "SET binlog_transaction_compression = ON")
        else:
            ask(db, "SET GLOBAL log_bin_compress = ON")
        try:
            ask(db, "SET GLOBAL binlog_checksum = 'NONE'")
            ask(db, "BEGIN")
            for number in range(3):
                ask(db, "INSERT INTO t VALUES (%s, %s)", (number, "word " * 1000))
            ask(db, "UPDATE t SET words = 'other' WHERE id = 1")
            ask(db, "COMMIT")
            ask(db, "CREATE TABLE made AS SELECT id, words FROM t WHERE id = 2")
            ask(db, "ALTER TABLE t ADD COLUMN more int")
            ask(db, "DELETE FROM t WHERE id = 0")
        finally:
            ask(db, "SET GLOBAL binlog_checksum = 'CRC32'")
            if not isinstance(server, CapturedMysql):
                ask(db, "SET GLOBAL log_bin_compress = OFF")
        ask(db, "INSERT INTO t VALUES (9, 'last', 1)")
        records = rows(task, 8)
        task.stop()
        assert [change["op"] for change in changes(records)] == ["c", "c", "c", "u", "c", "d", "c"]
        told = [row and row["words"][:9] for row in afters(records)]
        assert told == [*["word word"] * 3, "other", "word word", None, "last"]
        assert {change["source"]["row"] for change in changes(records)} == {0}


DOCUMENTS = [
    {"a": [1, -2, 3.5, 18446744073709551615, True, False, None], "": {"b": 'ž"\\/\n\u0001'}}, [], {}, None, "text", 1.0,
    -32769, 65536, 12345678901, [list(range(40000)), {"x" * 300: "y" * 70000}],
]  # fmt: skip


@MYSQL
def test_documents_of_json_are_read_whole_and_in_parts(server: CapturedMysql) -> None:
    with closing(new_database(server, "documents")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY, doc json, other json)")
        task = source(server, "documents", snapshot_mode="no_data")
        task.poll()
        for number, document in enumerate(DOCUMENTS):
            ask(db, "INSERT INTO t VALUES (%s, %s, NULL)", (number, json.dumps(document)))
        found = afters(task.take(len(DOCUMENTS)))
        assert [json.loads(row["doc"]) for row in found] == DOCUMENTS
        ask(db, "SET binlog_row_value_options = PARTIAL_JSON")
        ask(db, "UPDATE t SET other = '[[1, 2, 3], {\"k\": {}}]'")
        for change in (
            "JSON_SET(other, '$[0][1]', 'x', '$[1].k.\"a b\"', 1.5)",
            "JSON_REMOVE(other, '$[0][0]')",
            "JSON_SET(other, '$[1].k.c', CAST('{}' AS JSON))",
            "JSON_REPLACE(other, '$[1].k.\"a b\"', NULL)",
            "JSON_ARRAY_INSERT(other, '$[0][1]', 7)",
            "other",
        ):
            ask(db, f"UPDATE t SET other = {change}, doc = doc WHERE id = 1")
        ask(db, "DELETE FROM t WHERE id = 1")
        records = changes(task.take(len(DOCUMENTS) + 6))
        task.stop()
        told = [(row["after"] or row["before"])["other"] for row in records[len(DOCUMENTS) :]]
        assert [json.loads(each) for each in told] == [
            [[1, "x", 3], {"k": {"a b": 1.5}}],
            [["x", 3], {"k": {"a b": 1.5}}],
            [["x", 3], {"k": {"c": {}, "a b": 1.5}}],
            [["x", 3], {"k": {"c": {}, "a b": None}}],
            [["x", 7, 3], {"k": {"c": {}, "a b": None}}],
            [["x", 7, 3], {"k": {"c": {}, "a b": None}}],
        ]
        assert '"c":{},"a b":null' in told[-1]  # in the server's order


def test_a_task_goes_on_after_each_offset(server: Captured) -> None:
    """Transactions of several events, by hand (XA), with a table made of others, with tags."""
    is_mysql = isinstance(server, CapturedMysql)
    with closing(new_database(server, "steps")) as db, closing(connected(server, "steps")) as other:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY, words text)")
        offsets = StoredOffsets()
        task = source(server, "steps", offsets, snapshot_mode="no_data")
        task.poll()
        begun = dict(offsets.stored)
        ask(db, "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        ask(db, "CREATE TABLE made AS SELECT id + 10 AS id FROM t")
        ask(other, "XA START 'x'")
        ask(other, "INSERT INTO t VALUES (3, 'c')")
        for statement in ("XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'"):
            ask(other, statement)
        if is_mysql:
            ask(db, "SET gtid_next = 'AUTOMATIC:some_tag'")
        ask(db, "BEGIN")
        ask(db, "INSERT INTO t VALUES (4, 'd')")
        ask(db, "INSERT INTO t VALUES (5, 'e'), (6, 'f')")
        ask(db, "COMMIT")
        if is_mysql:
            ask(db, "SET gtid_next = 'AUTOMATIC'")
        ask(db, "INSERT INTO t VALUES (7, 'g')")
        records = rows(task, 9)
        task.stop()
        ids = [row["id"] for row in afters(records)]
        assert ids == [1, 2, 11, 12, 3, 4, 5, 6, 7]
        if is_mysql:
            gtids = [change["source"]["gtid"].split(":")[1:] for change in changes(records)]
            assert [each[0] for each in gtids[5:8]] == ["some_tag"] * 3
            ((executed,),) = ask(db, "SELECT @@GLOBAL.gtid_executed")
            assert (records[-1].source_offset or {})["gtids"] == executed.replace("\n", "")
        for place, record in enumerate(records):
            again = StoredOffsets()
            again.stored = dict(begun)
            again.store(record)
            task = source(server, "steps", again)
            rest = rows(task, len(ids) - place - 1)
            task.stop()
            assert [row["id"] for row in afters(rest)] == ids[place + 1 :], record.source_offset


@MYSQL
def test_what_is_done_is_known_again_from_the_next_file_on(server: CapturedMysql) -> None:
    """To an offset of a time without GTIDs."""
    with closing(new_database(server, "known")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY)")
        offsets = StoredOffsets()
        task = source(server, "known", offsets, snapshot_mode="no_data")
        task.poll()
        ask(db, "INSERT INTO t VALUES (1)")
        task.take(1)
        task.stop()
        for offset in offsets.stored.values():
            del offset["gtids"]
        task = source(server, "known", offsets)
        for number in (2, 3):
            ask(db, "INSERT INTO t VALUES (%s)", (number,))
            ask(db, "FLUSH BINARY LOGS")
        ask(db, "INSERT INTO t VALUES (4)")
        first, *_, last = rows(task, 3)
        task.stop()
        ((executed,),) = ask(db, "SELECT @@GLOBAL.gtid_executed")
        assert "gtids" not in (first.source_offset or {})
        assert (last.source_offset or {})["gtids"] == executed.replace("\n", "")


def test_transactions_of_others_are_left_out(server: Captured) -> None:
    with closing(new_database(server, "others")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY)")
        stranger = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
        if isinstance(server, CapturedMysql):
            theirs, ours = f"SET gtid_next = '{stranger}:1'", "SET gtid_next = 'AUTOMATIC'"
            excluded = stranger
        else:
            theirs, ours = "SET SESSION gtid_domain_id = 7", "SET SESSION gtid_domain_id = 0"
            excluded = "7"
        task = source(server, "others", snapshot_mode="no_data", gtid_source_excludes=excluded)
        task.poll()
        ask(db, theirs)
        ask(db, "INSERT INTO t VALUES (1)")
        ask(db, ours)
        ask(db, "INSERT INTO t VALUES (2)")
        assert [row["id"] for row in afters(task.take(1))] == [2]
        task.stop()


@pytest.mark.long
def test_a_replica_that_was_promoted_goes_on_and_one_that_lags_is_waited_for() -> None:
    replica = CapturedMysql({"server-id": "2"})
    with CapturedMysql() as primary, replica, closing(new_database(primary, "failed")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY)")
        offsets = StoredOffsets()
        task = source(primary, "failed", offsets, snapshot_mode="no_data")
        task.poll()
        ask(db, "INSERT INTO t VALUES (1)")
        assert [row["id"] for row in afters(task.take(1))] == [1]
        task.stop()
        lagging = source(replica, "failed", offsets, errors_max_retries="0")
        with pytest.raises(ConnectError, match="a replica that lags"):
            lagging.take(1)
        lagging.stop()
        with closing(connected(replica)) as there:
            ask(there, "RESET BINARY LOGS AND GTIDS")
            ask(
                there,
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = %s, SOURCE_USER = %s, "
                "SOURCE_PASSWORD = %s, SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1",
                (primary.port, USER, PASSWORD),
            )
            ask(there, "START REPLICA")
            ask(db, "SET gtid_next = 'AUTOMATIC:late'")
            ask(db, "INSERT INTO t VALUES (2)")
            ((done,),) = ask(db, "SELECT @@GLOBAL.gtid_executed")
            assert ask(there, "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, 60)", (done,)) == ((0,),)
            primary.kill()
            ask(there, "STOP REPLICA")
            ask(there, "RESET REPLICA ALL")
            ask(there, "INSERT INTO failed.t VALUES (3)")
            task = source(replica, "failed", offsets)
            assert [row["id"] for row in afters(task.take(2))] == [2, 3]
            task.stop()
            ask(there, "INSERT INTO failed.t VALUES (4)")
            task = source(replica, "failed", offsets)  # by file and position now
            assert [row["id"] for row in afters(task.take(1))] == [4]
            task.stop()
            ask(there, "INSERT INTO failed.t VALUES (5)")
            ask(there, "FLUSH BINARY LOGS")
            ((last, *_),) = ask(there, "SHOW BINARY LOG STATUS")
            wait_for(
                lambda: not any("Binlog Dump" in row[4] for row in ask(there, "SHOW PROCESSLIST")), "no file is read"
            )
            ask(there, "PURGE BINARY LOGS TO %s", (last,))
            task = source(replica, "failed", offsets)
            with pytest.raises(ConnectError, match="has purged"):
                task.take(1)
            task.stop()


def test_an_incremental_snapshot_that_writes_nothing(server: Captured) -> None:
    with closing(new_database(server, "reading")) as db, closing(connected(server, "reading")) as other:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY, n int)")
        ask(db, "CREATE TABLE signals (id varchar(80) PRIMARY KEY, type varchar(80), data text)")
        ask(db, "INSERT INTO t " + numbered(300, "n, 0"))
        ask(db, "CREATE USER reader IDENTIFIED BY 'reader'")
        ask(db, "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT, RELOAD ON *.* TO reader")
        if not isinstance(server, CapturedMysql):
            ask(db, "GRANT BINLOG MONITOR ON *.* TO reader")
            ask(db, "CREATE USER reader@localhost IDENTIFIED BY 'reader'")
            ask(db, "GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO reader@localhost")
        offsets = StoredOffsets()

        def start(**settings: str) -> Source:
            settings |= {"database_user": "reader", "database_password": "reader", "snapshot_mode": "no_data"}
            settings |= {"incremental_snapshot_chunk_size": "40", "signal_data_collection": "reading.signals"}
            return source(server, "reading", offsets, read_only="true", tombstones_on_delete="false", **settings)

        task = start()
        task.poll()
        wanted = json.dumps({"data-collections": ["reading.t"], "type": "incremental"})
        ask(db, "INSERT INTO signals VALUES ('ask', 'execute-snapshot', %s)", (wanted,))
        told: dict[int, Any] = {}
        reads = 0
        for step in range(1000):
            ask(other, "UPDATE t SET n = n + 1 WHERE id = %s", (1 + step * 17 % 300,))
            ask(other, "DELETE FROM t WHERE id = %s", (1 + step * 29 % 300,))
            for change in changes(task.poll()):
                reads += change["op"] == "r"
                told[(change["after"] or change["before"])["id"]] = change["after"] and change["after"]["n"]
            if step == 3:
                task.stop()
                task = start()
            if step > 3 and not any("incremental_snapshot" in offset for offset in offsets.stored.values()):
                break
        ask(other, "INSERT INTO t VALUES (999, 1)")
        while 999 not in told:
            for change in changes(task.take(1)):
                told[(change["after"] or change["before"])["id"]] = change["after"] and change["after"]["n"]
        task.stop()
        assert reads > 100
        assert {key: n for key, n in told.items() if n is not None} == dict(ask(db, "SELECT id, n FROM t"))


def test_two_connectors_with_one_number_are_told(server: Captured) -> None:
    with closing(new_database(server, "twins")) as db:
        ask(db, "CREATE TABLE t (id int PRIMARY KEY)")
        twins = [source(server, "twins", database_server_id="77", snapshot_mode="no_data") for _ in range(2)]
        for number, task in enumerate(twins):
            task.poll()
            ask(db, "INSERT INTO t VALUES (%s)", (number,))
            assert afters(task.take(1)) == [{"id": number}]
        with pytest.raises(ConnectError, match=r"database\.server\.id"):
            twins[0].poll_until(lambda: False)
        for task in twins:
            task.stop()


@MYSQL
def test_what_is_wrong_is_said(server: CapturedMysql) -> None:
    def errors(**settings: str) -> dict[str, list[str]]:
        return errors_of(MySqlConnector, capture_config(server, "wrong", name="wrong", **settings))

    with closing(new_database(server, "wrong")) as db:
        assert errors() == {}
        for mode in ("required", "disabled"):
            ask(db, "FLUSH PRIVILEGES")  # the server forgets who has signed in, and asks for the whole password again
            assert errors(database_ssl_mode=mode) == {}
        assert "database.password" in errors(database_password="no")["database.hostname"][0]
        assert "SSL" in errors(database_ssl_mode="verify_identity")["database.hostname"][0].upper()
        ask(db, "SET GLOBAL binlog_row_metadata = 'MINIMAL'")
        try:
            assert "binlog_row_metadata=FULL" in errors()["database.hostname"][0]
        finally:
            ask(db, "SET GLOBAL binlog_row_metadata = 'FULL'")
        ask(db, "CREATE USER poor IDENTIFIED BY 'poor'")
        task = source(server, "wrong", database_user="poor", database_password="poor")
        with pytest.raises(ConnectError, match=r"REPLICATION SLAVE|SELECT"):
            task.take(1)
        task.stop()
