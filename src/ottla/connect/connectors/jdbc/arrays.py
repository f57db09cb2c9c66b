"""Many rows for PostgreSQL in one statement with one parameter a column: an array as text, which the server unnests.

A statement a row costs the client, and the server, several times as much. Values have the types that the driver gives
them, and are cast to their column's as SQLAlchemy casts parameters. Only columns of plain types go this way; of rows
that may take another's place only those whose keys differ for the database when they differ here: one statement does
not touch a row twice.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.jdbc.database import EXTRA, sqlalchemy
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OLDEST: Final = (9, 4)
"""Before it (so calls itself what is PostgreSQL's by its protocol alone) only one array at a time is unnested."""
STATEMENTS_MAX: Final = 64
CHARACTERS_MAX: Final = 64 << 20
"""Of all arrays of a statement: larger rows go one by one, as the server takes no parameter of 1 GiB."""


def insert_arrays(
    connection: Any,
    table: Any,
    columns: Mapping[str, Sequence[Any]],
    key: Sequence[str],
    finish: Callable[[Any], Any] | None,
) -> bool:
    """Whether it was done; `finish` makes of the INSERT one that takes the place of the row with its key."""
    if (connection.dialect.server_version_info or ()) < OLDEST:
        return False
    arrays = {}
    elements = []
    for number, (name, values) in enumerate(columns.items()):
        element, write = _element(values)
        kind = table.c[name].type
        if element is None or not _is_plain(kind) or (finish and name in key and not _is_exact(kind, element)):
            return False
        elements.append(element)
        arrays[f"a{number}"] = "{" + write(values) + "}"
    if sum(map(len, arrays.values())) > CHARACTERS_MAX:
        return False
    statement = _insert(table, tuple(columns), tuple(elements))
    connection.execute(statement if finish is None else finish(statement), arrays)
    return True


def _is_plain(kind: Any) -> bool:
    types = sqlalchemy().types
    numbers = types.Integer | types.Numeric | types.Float | types.Boolean
    instants = types.DateTime | types.Date | types.Time
    is_plain = isinstance(kind, numbers | instants | types.String | types.LargeBinary)
    return is_plain and not isinstance(kind, types.Enum)


def _is_exact(kind: Any, element: str) -> bool:
    """Whether values of a column are alike only where they are here: nothing is rounded, filled or folded."""
    types = sqlalchemy().types
    if element == "text":
        return kind.__class__.__name__ in ("TEXT", "VARCHAR", "Text", "String")
    return element == "bigint" and isinstance(kind, types.Integer)


@lru_cache(maxsize=STATEMENTS_MAX)
def _insert(table: Any, names: tuple[str, ...], elements: tuple[str, ...]) -> Any:
    library = sqlalchemy()
    dialect = load("sqlalchemy.dialects.postgresql", EXTRA)
    types = {
        "bigint": library.types.BigInteger(),
        "double": library.types.Double(),
        "numeric": library.types.Numeric(),
        "boolean": library.types.Boolean(),
        "text": library.types.Text(),
        "bytea": library.types.LargeBinary(),
        "timestamp": library.types.DateTime(),
        "timestamptz": library.types.DateTime(timezone=True),
        "date": library.types.Date(),
        "time": library.types.Time(),
        "timetz": library.types.Time(timezone=True),
    }
    arrays = [
        library.cast(library.bindparam(f"a{number}", type_=types["text"]), dialect.ARRAY(types[element]))
        for number, element in enumerate(elements)
    ]
    places = [f"c{number}" for number in range(len(names))]
    staged = library.func.unnest(*arrays).table_valued(*places, name="staged").render_derived()
    kinds = [table.c[name].type for name in names]
    # A text is never cut to its column's length, which a cast would do.
    kinds = [types["text"] if isinstance(kind, library.types.String) else kind for kind in kinds]
    values = [library.cast(staged.c[place], kind) for place, kind in zip(places, kinds, strict=True)]
    return dialect.insert(table).from_select(list(names), library.select(*values))


def _element(values: Sequence[Any]) -> tuple[str | None, Callable[[Sequence[Any]], str]]:
    """The type of an array's elements, and what writes it; `None`: they are not of one type."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return "text", _plain
    kind = kinds.pop()
    if kinds or kind not in _ELEMENTS:
        return None, _plain
    name, write = _ELEMENTS[kind]
    if kind in (datetime.datetime, datetime.time):
        zones = {value.tzinfo is not None for value in values if value is not None}
        if len(zones) > 1:
            return None, write
        name += "tz" if True in zones else ""
    return name, write


def _plain(values: Sequence[Any]) -> str:
    return ",".join(["NULL" if value is None else str(value) for value in values])


def _texts(values: Sequence[str | None]) -> str:
    if None not in values:
        joined = '","'.join(values)  # type: ignore[arg-type]
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return f'"{joined}"'
    return ",".join(["NULL" if value is None else _quoted(value) for value in values])


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(values: Sequence[bytes | None]) -> str:
    return ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values])


def _instants(values: Sequence[Any]) -> str:
    return ",".join(["NULL" if value is None else f'"{value.isoformat()}"' for value in values])


_ELEMENTS: Final[dict[type, tuple[str, Callable[[Sequence[Any]], str]]]] = {
    int: ("bigint", _plain),
    float: ("double", _plain),
    Decimal: ("numeric", _plain),
    bool: ("boolean", _plain),
    str: ("text", _texts),
    bytes: ("bytea", _bytes),
    datetime.datetime: ("timestamp", _instants),
    datetime.date: ("date", _instants),
    datetime.time: ("time", _instants),
}
