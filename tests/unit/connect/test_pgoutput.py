"""The decoder of pgoutput: what is written is read, and nothing else is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.connectors.cdc.field_type import UNAVAILABLE
from ottla.connect.connectors.postgres import pgoutput
from ottla.connect.connectors.postgres.pgoutput import EPOCH_US, Message, PgOutputDecoder, PgOutputError

U32 = st.integers(0, 2**32 - 1)
LSN = st.integers(0, 2**64 - 1)
INSTANT = st.integers(-(2**62), 2**62).map(lambda us: us + EPOCH_US)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
CELL = st.one_of(st.none(), st.just(UNAVAILABLE), st.binary(max_size=20))
ROW = st.lists(CELL, max_size=6)
COLUMN = st.builds(pgoutput.RelationColumn, st.booleans(), TEXT, U32, st.integers(-1, 2**31 - 1))
MESSAGES = st.one_of(
    st.builds(pgoutput.Begin, LSN, INSTANT, U32),
    st.builds(pgoutput.Commit, LSN, LSN, INSTANT),
    st.builds(pgoutput.Origin, LSN, TEXT),
    st.builds(
        pgoutput.Relation,
        U32,
        TEXT.filter(bool),
        TEXT,
        st.sampled_from("dnfi"),
        st.lists(COLUMN, max_size=4).map(tuple),
    ),
    st.builds(pgoutput.Type, U32, TEXT, TEXT),
    st.builds(pgoutput.Insert, U32, ROW),
    st.builds(pgoutput.Update, U32, ROW, st.booleans(), ROW),
    st.builds(pgoutput.Update, U32, st.none(), st.just(False), ROW),
    st.builds(pgoutput.Delete, U32, ROW, st.booleans()),
    st.builds(pgoutput.Truncate, st.lists(U32, max_size=4).map(tuple), st.booleans(), st.booleans()),
    st.builds(pgoutput.LogicalMessage, st.booleans(), LSN, TEXT, st.binary(max_size=20)),
    st.builds(pgoutput.StreamCommit, U32, LSN, LSN, INSTANT),
    st.builds(pgoutput.StreamAbort, U32, U32),
)


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _row(row: pgoutput.Row) -> bytes:
    parts = [struct.pack(">H", len(row))]
    for cell in row:
        if cell is None:
            parts.append(b"n")
        elif isinstance(cell, bytes):
            parts.append(b"t" + struct.pack(">I", len(cell)) + cell)
        else:
            parts.append(b"u")
    return b"".join(parts)


def encode(message: Message, sub_xid: int | None = None) -> bytes:
    """As the server writes it; with `sub_xid` within a piece of a streamed transaction."""
    sub = b"" if sub_xid is None else struct.pack(">I", sub_xid)
    match message:
        case pgoutput.Begin(final_lsn, commit_us, xid):
            return b"B" + struct.pack(">QqI", final_lsn, commit_us - EPOCH_US, xid)
        case pgoutput.Commit(commit_lsn, end_lsn, commit_us):
            return b"C" + struct.pack(">BQQq", 0, commit_lsn, end_lsn, commit_us - EPOCH_US)
        case pgoutput.Origin(lsn, name):
            return b"O" + struct.pack(">Q", lsn) + _text(name)
        case pgoutput.Relation(oid, schema, name, identity, columns):
            head = struct.pack(">I", oid) + _text(schema) + _text(name) + identity.encode()
            body = b"".join(
                bytes([each.is_key]) + _text(each.name) + struct.pack(">Ii", each.type_oid, each.type_modifier)
                for each in columns
            )
            return b"R" + sub + head + struct.pack(">H", len(columns)) + body
        case pgoutput.Type(oid, schema, name):
            return b"Y" + sub + struct.pack(">I", oid) + _text(schema) + _text(name)
        case pgoutput.Insert(oid, new):
            return b"I" + sub + struct.pack(">I", oid) + b"N" + _row(new)
        case pgoutput.Update(oid, old, is_key_only, new):
            before = b"" if old is None else (b"K" if is_key_only else b"O") + _row(old)
            return b"U" + sub + struct.pack(">I", oid) + before + b"N" + _row(new)
        case pgoutput.Delete(oid, old, is_key_only):
            return b"D" + sub + struct.pack(">I", oid) + (b"K" if is_key_only else b"O") + _row(old)
        case pgoutput.Truncate(oids, cascade, restart):
            head = struct.pack(">IB", len(oids), cascade | restart << 1)
            return b"T" + sub + head + struct.pack(f">{len(oids)}I", *oids)
        case pgoutput.LogicalMessage(transactional, lsn, prefix, content):
            head = struct.pack(">BQ", transactional, lsn) + _text(prefix)
            return b"M" + sub + head + struct.pack(">I", len(content)) + content
        case pgoutput.StreamStart(xid, first):
            return b"S" + struct.pack(">IB", xid, first)
        case pgoutput.StreamStop():
            return b"E"
        case pgoutput.StreamCommit(xid, commit_lsn, end_lsn, commit_us):
            return b"c" + struct.pack(">IBQQq", xid, 0, commit_lsn, end_lsn, commit_us - EPOCH_US)
        case pgoutput.StreamAbort(xid, sub_of):
            return b"A" + struct.pack(">II", xid, sub_of)


@given(MESSAGES)
def test_what_is_written_is_read(message: Message) -> None:
    assert PgOutputDecoder().decode(encode(message)) == message


@given(st.lists(MESSAGES.filter(lambda each: encode(each)[:1] in b"RYIUDTM"), max_size=4), U32)
def test_pieces_of_a_streamed_transaction(messages: list[Message], xid: int) -> None:
    decoder = PgOutputDecoder()
    assert decoder.decode(encode(pgoutput.StreamStart(xid, True))) == pgoutput.StreamStart(xid, True)
    assert [decoder.decode(encode(each, sub_xid=7)) for each in messages] == messages
    assert decoder.decode(b"E") == pgoutput.StreamStop()
    assert [decoder.decode(encode(each)) for each in messages] == messages


@given(MESSAGES, st.data())
def test_a_message_that_ends_early_or_goes_on_is_refused(message: Message, data: st.DataObject) -> None:
    whole = encode(message)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(PgOutputError):
        PgOutputDecoder().decode(whole[:cut])
    with pytest.raises(PgOutputError, match="left over"):
        PgOutputDecoder().decode(whole + b"\0")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        PgOutputDecoder().decode(data)
    except PgOutputError as error:
        assert "pgoutput" in str(error)


def test_binary_values_and_later_versions_are_refused() -> None:
    insert = b"I" + struct.pack(">I", 1) + b"N" + struct.pack(">H", 1) + b"b" + struct.pack(">I", 1) + b"x"
    with pytest.raises(PgOutputError, match="binary values were not asked for"):
        PgOutputDecoder().decode(insert)
    with pytest.raises(PgOutputError, match="versions 1 and 2"):
        PgOutputDecoder().decode(b"b" + bytes(40))


def recorded(name: str) -> list[tuple[int, bytes]]:
    """What PostgreSQL 18 sent: the place of each message in the log, and the message."""
    lines = (Path(__file__).parent / "recorded" / f"{name}.txt").read_text("utf-8").splitlines()
    return [(int(lsn, 16), bytes.fromhex(data)) for lsn, data in (line.split() for line in lines)]


def test_a_recorded_stream() -> None:
    decoder = PgOutputDecoder()
    messages = [decoder.decode(data) for _, data in recorded("pgoutput_1")]
    assert "".join(chr(data[0]) for _, data in recorded("pgoutput_1")) == "BRIICBUUDCBYRICBMCBYRUCBYRTC"
    begin, relation, first = messages[:3]
    assert begin == pgoutput.Begin(0x1AF7A38, 1_795_957_151_988_684, 756)
    assert isinstance(relation, pgoutput.Relation)
    assert (relation.schema, relation.name, relation.replica_identity) == ("public", "t", "d")
    assert relation.columns[2] == pgoutput.RelationColumn(False, "amount", 1700, (5 << 16 | 2) + 4)
    assert first == pgoutput.Insert(relation.oid, [b"1", b"one", None])
    assert messages[6:9] == [
        pgoutput.Update(relation.oid, None, False, [b"1", b"uno", None]),
        pgoutput.Update(relation.oid, [b"2", None, None], True, [b"3", b"two", b"1.50"]),
        pgoutput.Delete(relation.oid, [b"1", None, None], True),
    ]
    assert pgoutput.Type(16387, "public", "mood") in messages
    assert pgoutput.LogicalMessage(True, 28_279_208, "audit", b"hello") in messages
    assert pgoutput.Update(relation.oid, [b"4", b"xxx", None, b"ok"], False, [b"4", None, None, b"ok"]) in messages
    assert pgoutput.Truncate((relation.oid,), False, True) in messages


def test_a_recorded_transaction_that_was_streamed_before_its_commit() -> None:
    decoder = PgOutputDecoder()
    messages = [decoder.decode(data) for _, data in recorded("pgoutput_2")]
    starts = [each for each in messages if isinstance(each, pgoutput.StreamStart)]
    assert starts == [pgoutput.StreamStart(768, number == 0) for number in range(4)]
    inserted = [each.new[0] for each in messages if isinstance(each, pgoutput.Insert)]
    assert inserted == [b"1", b"2", b"3", b"899", b"900"]
    assert messages[-1] == pgoutput.StreamCommit(768, 32_729_944, 32_729_992, 1_795_957_155_493_310)
    assert decoder.streaming_xid is None
