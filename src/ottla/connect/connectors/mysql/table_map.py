"""The event before rows: which table they are of, and, with `binlog_row_metadata=FULL`, all of its columns.

MySQL's `Table_map_event` (libs/mysql/binlog/event), and MariaDB's, which is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mysql.binlog_column import LABELLED, NUMBERS, TEXTS, BinlogColumn, ColumnCode
from ottla.connect.connectors.mysql.charsets import decoder_of
from ottla.connect.connectors.mysql.packed import packed_bytes, packed_int, packed_ints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADER_BYTES: Final = 8
_SIGNEDNESS, _DEFAULT_CHARSET, _CHARSETS, _NAMES, _SETS, _ENUMS = range(1, 7)
_GEOMETRIES, _KEY, _KEY_WITH_PREFIXES, _LABELS_DEFAULT_CHARSET, _LABELS_CHARSETS = range(7, 12)
_POINT: Final = 1
_WITH_SIZE: Final = frozenset(
    {ColumnCode.BLOB, ColumnCode.JSON, ColumnCode.GEOMETRY, ColumnCode.VECTOR, ColumnCode.FLOAT, ColumnCode.DOUBLE}
)
_WITH_FRACTION: Final = frozenset({ColumnCode.TIME2, ColumnCode.DATETIME2, ColumnCode.TIMESTAMP2})


class TableName(NamedTuple):
    schema: str
    table: str

    @property
    def full(self) -> str:
        return f"{self.schema}.{self.table}"


class TableMap(NamedTuple):
    name: TableName
    columns: tuple[BinlogColumn, ...]
    key: tuple[int, ...]
    """The places of the primary key's columns."""


def table_id(body: bytes) -> int:
    """Of a table map, and of rows."""
    return int.from_bytes(body[:6], "little")


def table_name(body: bytes) -> TableName:
    schema, table, _ = _names(body)
    return TableName(schema, table)


def table_map(body: bytes, charsets: Mapping[int, str], *, is_mariadb: bool) -> TableMap:
    """`charsets`: of collations by their number. Raises `ConnectError` for a type that is not known."""
    schema, table, at = _names(body)
    name = TableName(schema, table)
    count, at = packed_int(body, at)
    codes = body[at : at + count]
    metadata, at = packed_bytes(body, at + count)
    columns = _columns(name, codes, metadata)
    nulls = body[at : at + (count + 7) // 8]
    columns = [each._replace(optional=bool(nulls[place // 8] >> place % 8 & 1)) for place, each in enumerate(columns)]
    told = _told(body, at + len(nulls))
    columns = _named(name, columns, told, charsets, is_mariadb=is_mariadb)
    key = packed_ints(told[_KEY]) if _KEY in told else packed_ints(told.get(_KEY_WITH_PREFIXES, b""))[::2]
    return TableMap(name, tuple(columns), tuple(key))


def _names(body: bytes) -> tuple[str, str, int]:
    begin = _HEADER_BYTES + 1
    end = begin + body[begin - 1]
    begin_of_table = end + 2
    end_of_table = begin_of_table + body[begin_of_table - 1]
    return body[begin:end].decode(), body[begin_of_table:end_of_table].decode(), end_of_table + 1


def _columns(name: TableName, codes: bytes, metadata: bytes) -> list[BinlogColumn]:
    columns, at = [], 0
    for place, number in enumerate(codes):
        try:
            code = ColumnCode(number)
        except ValueError as error:
            raise ConnectError(
                f"column {place + 1} of {name.full} has the type {number} of the binary log, which is not known; leave "
                "the table out (table.exclude.list)"
            ) from error
        if code is ColumnCode.VARCHAR:
            columns.append(BinlogColumn(code, int.from_bytes(metadata[at : at + 2], "little")))
            at += 2
        elif code is ColumnCode.NEWDECIMAL:
            columns.append(BinlogColumn(code, metadata[at], metadata[at + 1]))
            at += 2
        elif code is ColumnCode.BIT:
            columns.append(BinlogColumn(code, metadata[at] + 8 * metadata[at + 1]))
            at += 2
        elif code in (ColumnCode.STRING, ColumnCode.VAR_STRING):
            columns.append(_of_string(metadata[at], metadata[at + 1]))
            at += 2
        elif code in _WITH_SIZE:
            columns.append(BinlogColumn(code, metadata[at]))
            at += 1
        elif code in _WITH_FRACTION:
            columns.append(BinlogColumn(code, scale=metadata[at]))
            at += 1
        else:
            columns.append(BinlogColumn(code))
    return columns


def _of_string(real: int, length: int) -> BinlogColumn:
    """Enums and sets hide behind texts; the length of a text may have two more bits."""
    if real in LABELLED:
        return BinlogColumn(ColumnCode(real), length)
    return BinlogColumn(ColumnCode.STRING, length | ((real & 0x30) ^ 0x30) << 4)


def _told(body: bytes, at: int) -> dict[int, bytes]:
    told = {}
    while at < len(body):
        kind = body[at]
        told[kind], at = packed_bytes(body, at + 1)
    return told


def _named(
    table: TableName,
    columns: list[BinlogColumn],
    told: Mapping[int, bytes],
    charsets: Mapping[int, str],
    *,
    is_mariadb: bool,
) -> list[BinlogColumn]:
    if _NAMES not in told:
        return columns
    names, at = [], 0
    for _ in columns:
        name, at = packed_bytes(told[_NAMES], at)
        names.append(name.decode())
    bits = told.get(_SIGNEDNESS, b"")
    numbers = [place for place, each in enumerate(columns) if each.code in NUMBERS]
    unsigned = {place for number, place in enumerate(numbers) if bits and bits[number // 8] & 0x80 >> number % 8}
    texts = TEXTS | {ColumnCode.GEOMETRY if is_mariadb else ColumnCode.VECTOR}
    of_texts = [place for place, each in enumerate(columns) if each.code in texts]
    of_labels = [place for place, each in enumerate(columns) if each.code in LABELLED]
    collations = _collations(of_texts, told.get(_DEFAULT_CHARSET), told.get(_CHARSETS))
    collations |= _collations(of_labels, told.get(_LABELS_DEFAULT_CHARSET), told.get(_LABELS_CHARSETS))
    labels: dict[int, list[bytes]] = {}
    for code, field in ((ColumnCode.SET, _SETS), (ColumnCode.ENUM, _ENUMS)):
        places = [place for place in of_labels if columns[place].code is code]
        labels |= dict(zip(places, _labels(told.get(field, b"")), strict=False))
    shapes = [place for place, each in enumerate(columns) if each.code is ColumnCode.GEOMETRY]
    kinds = dict(zip(shapes, packed_ints(told.get(_GEOMETRIES, b"")), strict=False))
    found = []
    for place, column in enumerate(columns):
        charset = charsets.get(collations[place], "utf8mb4") if place in collations else None
        decoded: tuple[str, ...] = ()
        if place in labels:
            decode = decoder_of(charset or "utf8mb4", f"{table.full}.{names[place]}")
            decoded = tuple(map(decode, labels[place]))
        found.append(
            column._replace(
                name=names[place],
                unsigned=place in unsigned,
                charset=charset,
                labels=decoded,
                is_point=kinds.get(place) == _POINT,
            )
        )
    return found


def _collations(places: Sequence[int], default: bytes | None, each: bytes | None) -> dict[int, int]:
    """Place ─► number of its collation. The log says it in one of two ways, whichever is shorter."""
    if default is not None:
        first, *others = packed_ints(default)
        other = dict(zip(others[::2], others[1::2], strict=True))
        return {place: other.get(number, first) for number, place in enumerate(places)}
    return dict(zip(places, packed_ints(each or b""), strict=False))


def _labels(data: bytes) -> list[list[bytes]]:
    found, at = [], 0
    while at < len(data):
        count, at = packed_int(data, at)
        labels = []
        for _ in range(count):
            label, at = packed_bytes(data, at)
            labels.append(label)
        found.append(labels)
    return found
