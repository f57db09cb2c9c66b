"""What a binary log means: exactly what is not done yet comes, wherever one begins again; columns from either side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.changes import Changes
from ottla.connect.connectors.cdc.field_type import FieldType
from ottla.connect.connectors.cdc.incremental_snapshot import Chunk, IncrementalSnapshot
from ottla.connect.connectors.cdc.table import CapturedTable, Column
from ottla.connect.connectors.mysql.binlog import Begin, Commit, Ddl, Event, OtherRows, Rotate, Rows
from ottla.connect.connectors.mysql.change_stream import ChangeStream
from ottla.connect.connectors.mysql.column_types import Shape, field_type, shape_of_column_type
from ottla.connect.connectors.mysql.config import MysqlConfig
from ottla.connect.connectors.mysql.gtids import Gtids
from ottla.connect.connectors.mysql.position import BinlogPosition
from ottla.connect.connectors.mysql.source import SchemaChanges, SourceBlocks
from ottla.connect.data.schema_builder import SchemaBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.connect.api.record import SourceRecord

PROPS = {"topic.prefix": "shop", "database.hostname": "localhost", "database.user": "me", "database.server.id": "7"}
CONFIG = MysqlConfig(PROPS)
PARTITION = {"server": "shop"}
SOURCES = SourceBlocks("mariadb", "shop")
STYLE = CONFIG.table_style(SOURCES.schema, fills_required=True)
INT, TEXT = FieldType(SchemaBuilder.int32, int), FieldType(SchemaBuilder.string, str)
ITEMS = CapturedTable(
    ("db", "items"), [Column("id", INT, "int", False), Column("name", TEXT, "text", False)], [0], STYLE
)
SIGNALS = CapturedTable(
    ("db", "signals"), [Column(name, TEXT, "text", True) for name in ("id", "type", "data")], [0], STYLE
)


class Piece(NamedTuple):
    """A transaction: where it begins, and its events with their ends."""

    file: str
    pos: int
    events: list[Event]
    end: int


def make(position: BinlogPosition | None = None, snapshot: IncrementalSnapshot | None = None) -> ChangeStream:
    return ChangeStream(
        position or BinlogPosition("binlog.000001", 4, server=1),
        Changes(PARTITION, tombstones=True, skipped=frozenset()),
        SOURCES,
        snapshot or IncrementalSnapshot(),
        is_captured=lambda table: table == "db.items",
        latest=lambda table: ITEMS if table == "db.items" else None,
        captured_names=lambda: ["db.items"],
        signal_table="db.signals",
        schema_changes=SchemaChanges("mariadb", PARTITION, "shop", SOURCES),
    )


def feed(stream: ChangeStream, events: Iterable[Event]) -> list[SourceRecord]:
    for event in events:
        stream.take(event)
    return stream.drain()


def told(record: SourceRecord) -> tuple[Any, ...]:
    """(operation, id); `ddl` has no id."""
    key: Any = record.key
    value: Any = record.value
    if value is None:
        return ("tombstone", key["id"])
    if value.schema.field("op") is None:
        return ("ddl", None)
    return (value["op"], None if key is None else key["id"])


@st.composite
def logs(draw: st.DrawFn) -> list[Piece]:
    pieces: list[Piece] = []
    number, file, pos = 0, 1, 4
    for _ in range(draw(st.integers(1, 5))):
        begin = pos
        events: list[Event] = [Begin(f"0-1-{len(pieces) + 1}")]
        if draw(st.booleans()) and draw(st.booleans()):
            pos += 50
            events.append(Ddl("db", "ALTER TABLE items ADD COLUMN x int", begin, pos, 1, 1))
        else:
            for _ in range(draw(st.integers(1, 3))):
                kind = draw(st.sampled_from(["c", "u", "d", "move", "other"]))
                rows: list[tuple[Any, Any]] = []
                for _ in range(draw(st.integers(1, 3))):
                    number += 1
                    row = [number, "x"]
                    after = [number + 1000, "x"] if kind == "move" else row
                    rows.append((None if kind == "c" else row, None if kind == "d" else after))
                pos += 20
                events.append(
                    OtherRows() if kind == "other" else Rows(kind[0].replace("m", "u"), ITEMS, rows, pos, 5, 1)
                )
            pos += 10
            events.append(Commit(pos, 6))
        pieces.append(Piece(f"binlog.{file:06d}", begin, events, pos))
        if draw(st.booleans()):
            file, pos = file + 1, 4
    return pieces


def events_from(log: list[Piece], position: BinlogPosition) -> list[Event]:
    """What the server sends to whoever begins there."""
    events: list[Event] = []
    file = position.file
    for piece in log:
        if (piece.file, piece.pos) < (position.file, position.pos):
            continue
        if piece.file != file:
            file = piece.file
            events.append(Rotate(file, 4))
        events += piece.events
    return events


@given(logs(), st.data())
def test_whoever_begins_at_the_offset_of_a_record_gets_all_that_comes_after_it(
    log: list[Piece], data: st.DataObject
) -> None:
    whole = feed(make(), events_from(log, BinlogPosition("binlog.000001", 4)))
    if not whole:
        return
    stop = data.draw(st.integers(0, len(whole) - 1))
    offset = whole[stop].source_offset
    assert offset is not None
    position = BinlogPosition.of(offset)
    again = [told(each) for each in feed(make(position), events_from(log, position))]
    after = [told(each) for each in whole[stop + 1 :]]
    assert again[len(again) - len(after) :] == after
    repeated = len(again) - len(after)
    assert repeated in (0, 1, 2)  # of an event of several records the offset says so with the last of them
    assert again[:repeated] == [told(each) for each in whole[stop + 1 - repeated : stop + 1]]


@given(logs(), st.data())
def test_a_lost_connection_loses_nothing_and_repeats_nothing(log: list[Piece], data: st.DataObject) -> None:
    events = events_from(log, BinlogPosition("binlog.000001", 4))
    stream = make()
    records = feed(stream, events[: data.draw(st.integers(0, len(events)))])
    stream.begin_again(stream.position)
    records += feed(stream, events_from(log, stream.position))
    assert [told(each) for each in records] == [told(each) for each in feed(make(), events)]


@given(logs(), st.data())
def test_a_replica_goes_on_with_the_transaction_that_is_not_done(log: list[Piece], data: st.DataObject) -> None:
    events = events_from(log, BinlogPosition("binlog.000001", 4))
    none = Gtids.parse("")
    stream = make(BinlogPosition("binlog.000001", 4, gtids=none))
    whole = feed(stream, events[: data.draw(st.integers(0, len(events)))])
    position = BinlogPosition.of(whole[-1].source_offset or {}) if whole else stream.position
    assert isinstance(position.gtids, Gtids)
    (done,) = [number for _, number in position.gtids.last.values()] or [0]
    stream = make(position.by_gtids())
    sent: list[Event] = [Rotate("binlog.000001", 4)]  # another one of the same name
    for piece in log[done:]:
        sent += piece.events
    again = [told(each) for each in feed(stream, sent)]
    expected = [told(each) for piece in log[done:] for each in feed(make(), piece.events)]
    assert again == expected
    assert str(stream.position.gtids) == f"0-1-{len(log)}"


def test_what_is_done_is_the_last_of_each_domain() -> None:
    done = Gtids.parse("1-2-7, 0-1-100")
    assert done is not None
    assert str(done.after("0-3-101")) == "0-3-101,1-2-7"
    assert done.after("3E11FA47-71CA-11E1-9E33-C80AA9429562:23") == done
    assert done.beyond(Gtids({0: (9, 99), 1: (2, 7)})) == [0]
    assert Gtids.parse("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-23") is None


def test_rows_that_change_while_a_window_is_open_are_left_out_of_the_chunk() -> None:
    snapshot = IncrementalSnapshot()
    stream = make(snapshot=snapshot)

    def signal(number: str, kind: str, text: str | None = None) -> Rows:
        return Rows("c", SIGNALS, [(None, [number, kind, text])], 10, 5, 1)

    feed(stream, [Begin(None), signal("1", "execute-snapshot", '{"data-collections": ["db.items"]}'), Commit(100, 5)])
    assert snapshot.wants_chunk
    snapshot.expect("w", Chunk(ITEMS, [[key, "old"] for key in range(1, 5)], ("4",), True))
    records = feed(
        stream,
        [
            Begin(None), signal("w-open", "snapshot-window-open"), Commit(200, 5),
            Begin(None), Rows("d", ITEMS, [([2, "old"], None)], 250, 5, 1), Commit(300, 5),
            Ddl("db", "TRUNCATE TABLE other", 310, 320, 5, 1),
            Begin(None), signal("w-close", "snapshot-window-close"), Commit(400, 5),
        ],
    )  # fmt: skip
    assert [told(each) for each in records] == [("d", 2), ("tombstone", 2), ("r", 1), ("r", 3), ("r", 4)]


def test_truncations_and_statements_that_change_rows(caplog: pytest.LogCaptureFixture) -> None:
    stream = make()
    records = feed(
        stream, [Ddl("db", "TRUNCATE `items`", 4, 50, 1, 1), Ddl("db", "insert into items values (1)", 50, 90, 1, 1)]
    )
    assert [told(each) for each in records] == [("t", None)]
    assert "holds as text" in caplog.text
    assert stream.position == BinlogPosition("binlog.000001", 90, ts_s=1, server=1)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("tinyint(3) unsigned", Shape("int", 8, unsigned=True)),
        ("bigint(20)", Shape("int", 64)),
        ("decimal(10,2)", Shape("decimal", 10, 2)),
        ("decimal(5)", Shape("decimal", 5, 0)),
        ("datetime(6)", Shape("datetime", scale=6)),
        ("enum('a','b,c','it''s')", Shape("enum", labels=("a", "b,c", "it's"))),
        ("varchar(20)", Shape("text")),
        ("binary(4)", Shape("binary", 4)),
        ("longblob", Shape("bytes")),
        ("point", Shape("point")),
        ("polygon", Shape("geometry")),
        ("vector(3)", Shape("vector")),
        ("bit(9)", Shape("bit", 9)),
    ],
)
def test_types_of_the_catalog(text: str, shape: Shape) -> None:
    assert shape_of_column_type(text) == shape


def test_dates_that_are_none_are_neutral_where_null_cannot_be() -> None:
    day = field_type(Shape("date"), CONFIG)
    columns = [Column("id", INT, "int", False), Column("day", day, "date", False), Column("other", day, "date", True)]
    table = CapturedTable(("db", "days"), columns, [0], STYLE)
    assert table.value([1, "0000-00-00", "0000-00-00"]).values == [1, 0, None]


def test_what_debezium_counts_of_a_transaction_is_not_skipped() -> None:
    offset = {"file": "binlog.000001", "pos": 4, "event": 2, "row": 1, "server_id": 1, "ts_sec": 5}
    assert BinlogPosition.of(offset) == BinlogPosition("binlog.000001", 4, ts_s=5)
    assert BinlogPosition.of(offset | {"log_server_id": 1}) == BinlogPosition("binlog.000001", 4, 2, 1, 5, server=1)


@pytest.mark.parametrize("offset", [{}, {"file": 5, "pos": 4}, {"file": "a", "pos": "x"}])
def test_offsets_that_say_nothing_are_refused(offset: dict[str, Any]) -> None:
    with pytest.raises(ConnectError, match="stored offset"):
        BinlogPosition.of(offset)
