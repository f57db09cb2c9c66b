"""What the stream of PostgreSQL means: exactly what is not done yet comes, wherever one begins again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.connect.test_pgoutput import encode

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.changes import Changes
from ottla.connect.connectors.cdc.field_type import UNAVAILABLE, FieldType
from ottla.connect.connectors.cdc.incremental_snapshot import Chunk, IncrementalSnapshot
from ottla.connect.connectors.cdc.table import CapturedTable, Column
from ottla.connect.connectors.cdc.transaction import TransactionRecords
from ottla.connect.connectors.postgres import pgoutput
from ottla.connect.connectors.postgres.change_stream import ChangeStream
from ottla.connect.connectors.postgres.config import PostgresConfig
from ottla.connect.connectors.postgres.position import Position
from ottla.connect.connectors.postgres.source import SOURCE_SCHEMA, SourceBlocks
from ottla.connect.data.schema_builder import SchemaBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ottla.connect.api.record import SourceRecord

PARTITION = {"server": "shop"}
INT = FieldType(SchemaBuilder.int32, int)
TEXT = FieldType(SchemaBuilder.string, bytes.decode, "__debezium_unavailable_value")
COLUMNS = (Column("id", INT, "integer", optional=False), Column("name", TEXT, "text", optional=True))
CONFIG = PostgresConfig(
    {"topic.prefix": "shop", "database.hostname": "localhost", "database.user": "me", "database.dbname": "db"}
)
STYLE = CONFIG.table_style(SOURCE_SCHEMA)
ITEMS, SIGNALS = 1, 2


class Known:
    """Two tables that are always there."""

    def __init__(self) -> None:
        signal = [Column(name, TEXT, "text", optional=True) for name in ("id", "type", "data")]
        self._tables = {
            ITEMS: CapturedTable(("public", "items"), COLUMNS, [0], STYLE),
            SIGNALS: CapturedTable(("public", "signals"), signal, [0], STYLE),
        }

    def announced(self, relation: pgoutput.Relation) -> None:
        pass

    def find(self, oid: int) -> CapturedTable:
        return self._tables[oid]

    def is_captured(self, table: str) -> bool:
        return table == "public.items"

    def captured_names(self) -> Sequence[str]:
        return ["public.items"]


def make(
    position: Position | None = None,
    snapshot: IncrementalSnapshot | None = None,
    on_failure: str = "fail",
    **others: Any,
) -> ChangeStream:
    changes = Changes(PARTITION, tombstones=True, skipped=frozenset("t"), on_failure=on_failure)
    return ChangeStream(
        position or Position(100),
        Known(),
        changes,
        SourceBlocks("shop", "db"),
        snapshot or IncrementalSnapshot(),
        signal_table="public.signals",
        **others,
    )


def insert(key: int, name: bytes | None = b"x") -> pgoutput.Insert:
    return pgoutput.Insert(ITEMS, [str(key).encode(), name])


def transaction(xid: int, lsn: int, events: Iterable[tuple[int, pgoutput.Message]]) -> list[tuple[int, bytes]]:
    """Begin, the events at their places, Commit; it commits at `lsn` and ends at `lsn + 8`."""
    commit_us = 1_700_000_000_000_000 + xid
    messages: list[tuple[int, pgoutput.Message]] = [(lsn, pgoutput.Begin(lsn, commit_us, xid)), *events]
    messages.append((lsn + 8, pgoutput.Commit(lsn, lsn + 8, commit_us)))
    return [(at, encode(message)) for at, message in messages]


def feed(stream: ChangeStream, messages: Iterable[tuple[int, bytes]]) -> list[SourceRecord]:
    for lsn, data in messages:
        stream.take(lsn, data)
    return stream.drain()


def told(record: SourceRecord) -> tuple[Any, ...]:
    """(op, id) or (tombstone, id)."""
    key: Any = record.key
    value: Any = record.value
    return ("tombstone" if value is None else value["op"], key["id"])


@st.composite
def logs(draw: st.DrawFn) -> list[list[tuple[int, bytes]]]:
    """Transactions in the order of their commits; places within one only grow, some events share one."""
    lsn, key, log = 1000, 0, []
    for xid in range(700, 700 + draw(st.integers(1, 4))):
        events: list[tuple[int, pgoutput.Message]] = []
        at = lsn - draw(st.integers(0, 500))  # it may have begun long before the one in front of it committed
        for _ in range(draw(st.integers(1, 5))):
            at += draw(st.sampled_from([0, 3]))
            key += 1
            kind = draw(st.sampled_from(["insert", "delete", "move"]))
            row: pgoutput.Row = [str(key).encode(), b"x"]
            if kind == "insert":
                events.append((at, pgoutput.Insert(ITEMS, row)))
            elif kind == "delete":
                events.append((at, pgoutput.Delete(ITEMS, [row[0], None], True)))
            else:
                events.append((at, pgoutput.Update(ITEMS, [row[0], None], True, [str(key + 1000).encode(), b"x"])))
        lsn = max(lsn, at) + 50
        log.append(transaction(xid, lsn, events))
    return log


def messages_from(log: list[list[tuple[int, bytes]]], lsn: int) -> list[tuple[int, bytes]]:
    """What the server sends to whoever begins there: whole transactions that end behind it."""
    return [message for each in log if each[-1][0] > lsn for message in each]


@given(logs(), st.data())
def test_whoever_begins_at_the_offset_of_a_record_gets_all_that_comes_after_it(
    log: list[list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    whole = feed(make(), messages_from(log, 100))
    stop = data.draw(st.integers(0, len(whole) - 1))
    offset = whole[stop].source_offset
    assert offset is not None
    again = feed(make(Position.of(offset)), messages_from(log, offset["lsn_commit"]))
    after = [told(each) for each in whole[stop + 1 :]]
    assert [told(each) for each in again][-len(after) or len(again) :] == after
    # What comes twice is at most the event of that record itself, of which it is not the last.
    repeated = len(again) - len(after)
    assert repeated in (0, 1, 2)
    assert [told(each) for each in again[:repeated]] == [told(each) for each in whole[stop + 1 - repeated : stop + 1]]


@given(logs(), st.data())
def test_a_lost_connection_loses_nothing_and_repeats_nothing(
    log: list[list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    messages = messages_from(log, 100)
    cut = data.draw(st.integers(0, len(messages)))
    stream = make()
    records = feed(stream, messages[:cut])
    stream.begin_again(Known())
    records += feed(stream, messages_from(log, stream.position.lsn_commit))
    assert [told(each) for each in records] == [told(each) for each in feed(make(), messages)]
    assert records[-1].source_offset == stream.offset()


def test_the_last_record_of_a_transaction_carries_the_position_behind_it() -> None:
    stream = make()
    messages = transaction(700, 1000, [(900, insert(1)), (910, insert(2))])
    early = feed(stream, messages[:-1])
    assert [told(each) for each in early] == [("c", 1)]
    assert early[0].source_offset == {
        "lsn_commit": 100, "lsn_proc": 100, "lsn": 900, "txId": 700, "lsn_events_processed": 1,
        "ts_usec": 1_700_000_000_000_700,
    }  # fmt: skip
    (last,) = feed(stream, messages[-1:])
    assert last.source_offset == {"lsn_commit": 1008, "lsn_proc": 1008, "lsn": 1008, "ts_usec": 1_700_000_000_000_700}
    stream.passed(1500)
    assert stream.offset()["lsn_commit"] == 1500


def test_rows_before_and_after() -> None:
    stream = make()
    full: pgoutput.Row = [b"1", b"long"]
    messages = transaction(
        700,
        1000,
        [
            (900, pgoutput.Update(ITEMS, full, False, [b"1", UNAVAILABLE])),
            (901, pgoutput.Update(ITEMS, None, False, [b"1", UNAVAILABLE])),
            (902, pgoutput.Update(ITEMS, None, False, [b"1", None])),
            (903, pgoutput.Update(ITEMS, [b"1", None], True, [b"2", b"y"])),
            (904, pgoutput.Delete(ITEMS, [b"2", None], True)),
            (905, pgoutput.Truncate((ITEMS,), False, False)),
        ],
    )
    records = feed(stream, messages)
    rows: list[Any] = [
        (told(each), *(None if row is None else row["name"] for row in (each.value["before"], each.value["after"])))  # type: ignore[index]
        for each in records
        if each.value is not None
    ]
    assert rows == [
        (("u", 1), "long", "long"),
        (("u", 1), None, "__debezium_unavailable_value"),
        (("u", 1), None, None),
        (("d", 1), None, None),
        (("c", 2), None, "y"),
        (("d", 2), None, None),
    ]
    moved = [each for each in records if each.headers]
    assert [each.headers.last_with_name("__debezium.newkey") is not None for each in moved] == [True, True, False]
    assert [told(each) for each in records if each.value is None] == [("tombstone", 1), ("tombstone", 2)]


def test_transactions_are_told() -> None:
    stream = make(transactions=TransactionRecords(PARTITION, CONFIG.topics))
    messages = transaction(700, 1000, [(900, insert(1)), (910, insert(2))])
    begin, first, second, end = feed(stream, messages)
    values: list[Any] = [each.value for each in (begin, first, second, end)]
    assert [values[0]["status"], values[3]["status"], values[3]["event_count"]] == ["BEGIN", "END", 2]
    assert [values[1]["transaction"]["total_order"], values[2]["transaction"]["data_collection_order"]] == [1, 2]
    assert {values[0]["id"], values[1]["transaction"]["id"], values[3]["id"]} == {"700:1000"}
    # After the first row, before the second: the counts go on where they were.
    offset = first.source_offset
    assert offset is not None
    again = feed(make(Position.of(offset), transactions=TransactionRecords(PARTITION, CONFIG.topics)), messages)
    tail: list[Any] = [each.value for each in again]
    assert tail[0]["transaction"]["total_order"] == 2
    assert tail[1]["event_count"] == 2


def signal(number: str, kind: str, data: bytes | None = None) -> pgoutput.Insert:
    return pgoutput.Insert(SIGNALS, [number.encode(), kind.encode(), data])


def test_rows_that_change_while_a_window_is_open_are_left_out_of_the_chunk() -> None:
    snapshot = IncrementalSnapshot()
    stream = make(snapshot=snapshot)
    asked = signal("1", "execute-snapshot", b'{"data-collections": ["public[.]items", "nobody"]}')
    assert feed(stream, transaction(700, 1000, [(900, asked)])) == []
    stored = stream.offset()["incremental_snapshot"]
    assert IncrementalSnapshot(stored).wants_chunk
    rows: list[list[bytes | None]] = [[str(key).encode(), b"old"] for key in range(1, 6)]
    snapshot.expect("w", Chunk(Known().find(ITEMS), rows, ("5",), True))
    assert IncrementalSnapshot(snapshot.stored()).wants_chunk
    records = feed(
        stream,
        [
            *transaction(701, 1100, [(1050, insert(1))]),
            *transaction(702, 1200, [(1150, signal("w-open", "snapshot-window-open"))]),
            *transaction(703, 1300, [(1250, insert(2)), (1251, pgoutput.Delete(ITEMS, [b"3", None], True))]),
            *transaction(704, 1400, [(1350, signal("w-close", "snapshot-window-close"))]),
            *transaction(705, 1500, [(1450, insert(4))]),
        ],
    )
    assert [told(each) for each in records] == [
        ("c", 1), ("c", 2), ("d", 3), ("tombstone", 3), ("r", 1), ("r", 4), ("r", 5), ("c", 4),
    ]  # fmt: skip
    snapshots: list[Any] = [each.value for each in records[4:7]]
    assert {each["source"]["snapshot"] for each in snapshots} == {"incremental"}
    offsets = [dict(each.source_offset or {}) for each in records]
    assert ["incremental_snapshot" in each for each in offsets] == [True] * 6 + [False] * 2
    assert not snapshot.wants_chunk


def test_signals_that_nobody_can_follow_harm_nothing(caplog: pytest.LogCaptureFixture) -> None:
    stream = make()
    wrong = [
        signal("1", "execute-snapshot", b"{"),
        signal("2", "execute-snapshot", b'{"data-collections": ["("]}'),
        signal("3", "dance"),
        signal("4", "execute-snapshot", b'{"data-collections": ["public.items"], "type": "sideways"}'),
        pgoutput.Insert(SIGNALS, [b"5", None, None]),
    ]
    records = feed(
        stream, transaction(700, 1000, [*((900 + at, each) for at, each in enumerate(wrong)), (950, insert(1))])
    )
    assert [told(each) for each in records] == [("c", 1)]
    assert len([each for each in caplog.records if "left out" in each.getMessage()]) == len(wrong)


def test_streamed_transactions_and_rubbish_are_refused() -> None:
    with pytest.raises(ConnectError, match=r"slot\.stream\.params"):
        feed(make(), [(1, encode(pgoutput.StreamStart(7, True)))])
    with pytest.raises(ConnectError, match="cannot be understood"):
        feed(make(), [(1, b"?")])
    with pytest.raises(ConnectError, match="outside of any transaction"):
        feed(make(), [(1, encode(insert(1)))])
    with pytest.raises(ConnectError, match="3 columns"):
        feed(make(), transaction(7, 9, [(8, pgoutput.Insert(ITEMS, [b"1", b"2", b"3"]))])[:2])


@pytest.mark.parametrize("offset", [{}, {"lsn": "x"}, {"lsn_commit": []}])
def test_offsets_that_say_nothing_are_refused(offset: dict[str, Any]) -> None:
    with pytest.raises(ConnectError, match="stored offset"):
        Position.of(offset)


def test_offsets_of_debezium_are_understood() -> None:
    position = Position.of(
        {"lsn_proc": 500, "lsn_commit": 400, "lsn": 500, "txId": 7, "ts_usec": 1, "messageType": "INSERT"}
    )
    assert (position.lsn_commit, position.xid) == (400, None)


def test_a_change_of_which_no_record_can_be_made_is_left_out_if_that_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = pgoutput.Insert(ITEMS, [b"one", b"x"])
    messages = transaction(7, 1000, [(900, insert(1)), (910, broken), (920, insert(2))])
    with pytest.raises(ConnectError, match=r"of the column public\.items\.id"):
        feed(make(), messages)
    stream = make(on_failure="warn")
    assert [told(each) for each in feed(stream, messages)] == [("c", 1), ("c", 2)]
    assert "a change of public.items at 0/38E is left out" in caplog.text
    assert stream.events == 3
