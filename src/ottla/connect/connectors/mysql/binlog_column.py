"""What a binary log with `binlog_row_metadata=FULL` says of a column."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class ColumnCode(IntEnum):
    """`enum_field_types` of MySQL, as far as a binary log has them; MariaDB's are the same."""

    TINY = 1
    SHORT = 2
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    TIMESTAMP = 7
    LONGLONG = 8
    INT24 = 9
    DATE = 10
    TIME = 11
    DATETIME = 12
    YEAR = 13
    VARCHAR = 15
    BIT = 16
    TIMESTAMP2 = 17
    DATETIME2 = 18
    TIME2 = 19
    VECTOR = 242
    JSON = 245
    NEWDECIMAL = 246
    ENUM = 247
    SET = 248
    BLOB = 252
    VAR_STRING = 253
    STRING = 254
    GEOMETRY = 255


NUMBERS: Final = frozenset(
    {ColumnCode.TINY, ColumnCode.SHORT, ColumnCode.INT24, ColumnCode.LONG, ColumnCode.LONGLONG, ColumnCode.NEWDECIMAL}
    | {ColumnCode.FLOAT, ColumnCode.DOUBLE, ColumnCode.YEAR}
)
"""Those that the log says to be signed or not."""
TEXTS: Final = frozenset({ColumnCode.STRING, ColumnCode.VAR_STRING, ColumnCode.VARCHAR, ColumnCode.BLOB})
"""Those of which the log tells a character set, `binary` for bytes; MySQL of vectors, too, MariaDB of geometries."""
LABELLED: Final = frozenset({ColumnCode.ENUM, ColumnCode.SET})


class BinlogColumn(NamedTuple):
    code: ColumnCode
    size: int = 0
    """Bytes of an enum or a set, of the length of a blob, at most of a text; digits of a decimal; bits."""
    scale: int = 0
    """Digits behind the point, of a decimal or a second."""
    optional: bool = True
    name: str | None = None
    """`None`: the log was written without binlog_row_metadata=FULL."""
    unsigned: bool = False
    charset: str | None = None
    """As the server calls it; `None`: not told."""
    labels: tuple[str, ...] = ()
    is_point: bool = False
    """Of a geometry."""
