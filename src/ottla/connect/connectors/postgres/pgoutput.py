"""Messages of `pgoutput`, PostgreSQL's own plugin for logical replication, versions 1 and 2 of its protocol.

    b'B'…  Begin            b'I'…  Insert      b'S'…  StreamStart   (from version 2 on: a transaction that is
    b'C'…  Commit           b'U'…  Update      b'E'   StreamStop     not committed yet, in pieces; within such a
    b'O'…  Origin           b'D'…  Delete      b'c'…  StreamCommit   piece every change is preceded by the id of
    b'R'…  Relation         b'T'…  Truncate    b'A'…  StreamAbort    its subtransaction)
    b'Y'…  Type             b'M'…  LogicalMessage

Numbers are big-endian, texts end with a zero byte, instants are microseconds since 2000-01-01 UTC (here: since 1970).
Pure: bytes in, messages out. What is not such a message is a `PgOutputError` that says where.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, TypeAlias

from ottla.connect.connectors.cdc.field_type import UNAVAILABLE, Unavailable

EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01, in microseconds since 1970."""


class PgOutputError(ValueError):
    """Bytes that are no message of pgoutput, or one of a version that was not asked for."""


Cell: TypeAlias = bytes | Unavailable | None
"""A value as text in UTF-8; `None` is NULL; unavailable is a TOAST value that did not change, and is not sent."""
Row: TypeAlias = list[Cell]


class Begin(NamedTuple):
    final_lsn: int
    commit_us: int
    xid: int


class Commit(NamedTuple):
    commit_lsn: int
    end_lsn: int
    """Where to go on when this transaction is done."""
    commit_us: int


class Origin(NamedTuple):
    lsn: int
    name: str


class RelationColumn(NamedTuple):
    is_key: bool
    """Part of the replica identity."""
    name: str
    type_oid: int
    type_modifier: int


class Relation(NamedTuple):
    oid: int
    schema: str
    name: str
    replica_identity: str
    """`d` (primary key), `n` (nothing), `f` (all columns), `i` (an index)."""
    columns: tuple[RelationColumn, ...]


class Type(NamedTuple):
    oid: int
    schema: str
    name: str


class Insert(NamedTuple):
    relation_oid: int
    new: Row


class Update(NamedTuple):
    relation_oid: int
    old: Row | None
    """Of the replica identity's columns where `is_key_only`, otherwise of all; `None`: the identity did not change."""
    is_key_only: bool
    new: Row


class Delete(NamedTuple):
    relation_oid: int
    old: Row
    is_key_only: bool


class Truncate(NamedTuple):
    relation_oids: tuple[int, ...]
    cascade: bool
    restart_identity: bool


class LogicalMessage(NamedTuple):
    is_transactional: bool
    lsn: int
    prefix: str
    content: bytes


class StreamStart(NamedTuple):
    xid: int
    is_first: bool


class StreamStop(NamedTuple):
    pass


class StreamCommit(NamedTuple):
    xid: int
    commit_lsn: int
    end_lsn: int
    commit_us: int


class StreamAbort(NamedTuple):
    xid: int
    sub_xid: int


Message: TypeAlias = (
    Begin
    | Commit
    | Origin
    | Relation
    | Type
    | Insert
    | Update
    | Delete
    | Truncate
    | LogicalMessage
    | StreamStart
    | StreamStop
    | StreamCommit
    | StreamAbort
)

_BEGIN: Final = struct.Struct(">QqI")
_COMMIT: Final = struct.Struct(">xQQq")
_STREAM_COMMIT: Final = struct.Struct(">IxQQq")
_COLUMN: Final = struct.Struct(">Ii")
_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")
_U64: Final = struct.Struct(">Q")


class _Reader:
    """A place in a message; whatever reads beyond its end raises."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 1

    def byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def u16(self) -> int:
        (value,) = _U16.unpack_from(self.data, self.at)
        self.at += 2
        return int(value)

    def u32(self) -> int:
        (value,) = _U32.unpack_from(self.data, self.at)
        self.at += 4
        return int(value)

    def u64(self) -> int:
        (value,) = _U64.unpack_from(self.data, self.at)
        self.at += 8
        return int(value)

    def text(self) -> str:
        end = self.data.index(0, self.at)
        value = self.data[self.at : end].decode()
        self.at = end + 1
        return value

    def sized(self) -> bytes:
        length = self.u32()
        end = self.at + length
        if end > len(self.data):
            raise ValueError(f"{length} bytes are promised, and {len(self.data) - self.at} are there")
        value = self.data[self.at : end]
        self.at = end
        return value

    def row(self) -> Row:
        cells: Row = []
        count = self.u16()
        data, at, end = self.data, self.at, len(self.data)
        for _ in range(count):
            self.at = at
            kind = data[at]
            at += 1
            if kind == 0x74:  # t
                (length,) = _U32.unpack_from(data, at)
                begin, at = at + 4, at + 4 + length
                if at > end:
                    raise ValueError(f"{length} bytes are promised, and {end - begin} are there")
                cells.append(data[begin:at])
            elif kind == 0x6E:  # n
                cells.append(None)
            elif kind == 0x75:  # u
                cells.append(UNAVAILABLE)
            else:
                raise ValueError(f"a value of the kind {chr(kind)!r} (binary values were not asked for)")
        self.at = at
        return cells

    def end(self) -> None:
        if self.at != len(self.data):
            raise ValueError(f"{len(self.data) - self.at} bytes are left over")


class PgOutputDecoder:
    """Keeps nothing but whether a piece of a streamed transaction is under way."""

    def __init__(self) -> None:
        self.streaming_xid: int | None = None

    def decode(self, data: bytes) -> Message:
        """One message. Raises `PgOutputError`."""
        if not data:
            raise PgOutputError("an empty message of pgoutput")
        kind = chr(data[0])
        reader = _Reader(data)
        try:
            message = self._decode(kind, reader)
            reader.end()
        except PgOutputError:
            raise
        except (ValueError, IndexError, struct.error) as error:
            where = f"at byte {reader.at} of {len(data)}"
            raise PgOutputError(f"a message {kind!r} of pgoutput cannot be read {where}: {error}") from error
        return message

    def _decode(self, kind: str, reader: _Reader) -> Message:
        if self.streaming_xid is not None and kind in "RYIUDTM":
            reader.u32()  # the subtransaction
        match kind:
            case "I":
                return _insert(reader)
            case "U":
                return _update(reader)
            case "D":
                return _delete(reader)
            case "B":
                final_lsn, commit_us, xid = _BEGIN.unpack_from(reader.data, reader.at)
                reader.at += _BEGIN.size
                return Begin(final_lsn, commit_us + EPOCH_US, xid)
            case "C":
                commit_lsn, end_lsn, commit_us = _COMMIT.unpack_from(reader.data, reader.at)
                reader.at += _COMMIT.size
                return Commit(commit_lsn, end_lsn, commit_us + EPOCH_US)
            case "R":
                return _relation(reader)
            case "T":
                return _truncate(reader)
            case "M":
                flags = reader.byte()
                return LogicalMessage(bool(flags & 1), reader.u64(), reader.text(), reader.sized())
            case "O":
                return Origin(reader.u64(), reader.text())
            case "Y":
                return Type(reader.u32(), reader.text(), reader.text())
            case "S" | "E" | "c" | "A":
                return self._streamed(kind, reader)
        raise PgOutputError(f"a message {kind!r} of pgoutput, which versions 1 and 2 of its protocol do not have")

    def _streamed(self, kind: str, reader: _Reader) -> Message:
        if kind == "S":
            start = StreamStart(reader.u32(), bool(reader.byte()))
            self.streaming_xid = start.xid
            return start
        if kind == "E":
            self.streaming_xid = None
            return StreamStop()
        if kind == "A":
            return StreamAbort(reader.u32(), reader.u32())
        xid, commit_lsn, end_lsn, commit_us = _STREAM_COMMIT.unpack_from(reader.data, reader.at)
        reader.at += _STREAM_COMMIT.size
        return StreamCommit(xid, commit_lsn, end_lsn, commit_us + EPOCH_US)


def _expect(reader: _Reader, kinds: bytes) -> int:
    kind = reader.byte()
    if kind not in kinds:
        raise ValueError(f"{chr(kind)!r} is not one of {kinds.decode()!r}")
    return kind


def _insert(reader: _Reader) -> Insert:
    oid = reader.u32()
    _expect(reader, b"N")
    return Insert(oid, reader.row())


def _update(reader: _Reader) -> Update:
    oid = reader.u32()
    kind = _expect(reader, b"KON")
    if kind == 0x4E:  # N
        return Update(oid, None, False, reader.row())
    old = reader.row()
    _expect(reader, b"N")
    return Update(oid, old, kind == 0x4B, reader.row())


def _delete(reader: _Reader) -> Delete:
    oid = reader.u32()
    kind = _expect(reader, b"KO")
    return Delete(oid, reader.row(), kind == 0x4B)


def _truncate(reader: _Reader) -> Truncate:
    count = reader.u32()
    options = reader.byte()
    if count * 4 > len(reader.data) - reader.at:
        raise ValueError(f"{count} tables are promised")
    oids = tuple(reader.u32() for _ in range(count))
    return Truncate(oids, bool(options & 1), bool(options & 2))


def _relation(reader: _Reader) -> Relation:
    oid, schema, name = reader.u32(), reader.text(), reader.text()
    identity = chr(reader.byte())
    columns = []
    for _ in range(reader.u16()):
        is_key = bool(reader.byte() & 1)
        column = reader.text()
        type_oid, type_modifier = _COLUMN.unpack_from(reader.data, reader.at)
        reader.at += _COLUMN.size
        columns.append(RelationColumn(is_key, column, type_oid, type_modifier))
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(columns))
