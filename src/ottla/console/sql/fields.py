"""Fields of values that are objects, as columns: each has the type that all of its values have, or is text, as JSON.

Values come a chunk at a time, and are kept as Arrow has them. Where chunks do not agree on a type, or one has none, the
values of that field are decoded once more, all together: so it is as if all had been looked at at once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.texts import json_column, string_column
from ottla.console.sql.usage import sees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ottla.console.sql.usage import Names

MAX_FIELDS: Final = 2_000
"""Of a topic; what further fields hold is in `_value`."""
NOTHING: Final[dict[str, Any]] = {}


class Fields:
    """`names`: what the query sees; a field that it does not is null everywhere."""

    def __init__(self, names: Names, taken: Iterable[str]) -> None:
        self._names = names
        self._taken = {each.lower() for each in taken}
        self._found: dict[str, _Field | None] = {}
        """In the order in which they came; `None` has no column."""
        self._lengths: list[int] = []

    def add(self, values: Sequence[Any]) -> None:
        objects = [each if isinstance(each, dict) else NOTHING for each in values]
        here = dict.fromkeys(map(str, dict.fromkeys(chain.from_iterable(objects))))
        for name in here:
            self._find(name)
        for name in here:
            field = self._found.get(name)
            if field is not None and field.is_seen:
                field.add(len(self._lengths), [each.get(name) for each in objects])
        self._lengths.append(len(values))

    def add_none(self, length: int) -> None:
        """As many values that are no objects."""
        self._lengths.append(length)

    def __len__(self) -> int:
        return len(self._found)

    def columns(
        self, again: Callable[[], Iterable[Sequence[Any]]], known: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Name -> column of Arrow; `again` has all values once more, as they were added. `known`: types of fields, for
        those that are null everywhere."""
        import pyarrow as pa

        for name in known:
            self._find(name)
        columns: dict[str, Any] = {}
        unseen = pa.nulls(sum(self._lengths))
        for name, field in self._found.items():
            if field is not None:
                kind = known.get(name, pa.string())
                columns[name] = field.column(self._lengths, again, kind) if field.is_seen else unseen
        return columns

    def _find(self, name: str) -> None:
        if name not in self._found and len(self._found) < MAX_FIELDS:
            self._found[name] = self._field(name)

    def _field(self, name: str) -> _Field | None:
        """Of fields that differ in case only the first has a column, as DuckDB sees but one."""
        if name.lower() in self._taken:
            return None
        self._taken.add(name.lower())
        return _Field(name, is_seen=sees(self._names, name))


class _Field:
    __slots__ = ("_has_type", "_name", "_parts", "is_seen")

    def __init__(self, name: str, *, is_seen: bool) -> None:
        self._name = name
        self.is_seen = is_seen
        self._parts: dict[int, Any] = {}
        """Of each chunk that has it."""
        self._has_type = True

    def add(self, number: int, values: list[Any]) -> None:
        if self._has_type:
            part = _typed(values)
            if part is None:
                self._has_type = False
                self._parts.clear()
            else:
                self._parts[number] = part

    def column(self, lengths: Sequence[int], again: Callable[[], Iterable[Sequence[Any]]], default: Any) -> Any:
        """`default`: the type where nothing says another."""
        if self._has_type and (column := self._joined(lengths, default)) is not None:
            return column
        name = self._name
        return column_of([each.get(name) if isinstance(each, dict) else None for each in chain.from_iterable(again())])

    def _joined(self, lengths: Sequence[int], default: Any) -> Any:
        import pyarrow as pa

        kind = pa.null()
        for part in self._parts.values():
            kind = common(kind, part.type)
            if kind is None:
                return None
        if pa.types.is_null(kind):
            return pa.nulls(sum(lengths), default)
        if _is_empty(kind) or (_holds_null(kind) and any(part.type != kind for part in self._parts.values())):
            return None  # Arrow miscounts nulls within lists when it casts them
        try:
            return pa.chunked_array([
                _cast(self._parts[number], kind) if number in self._parts else pa.nulls(length, kind)
                for number, length in enumerate(lengths)
            ], kind)  # fmt: skip
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            return None


def column_of(values: list[Any]) -> Any:
    """With the type that all of them have, or as text."""
    import pyarrow as pa

    column = _typed(values)
    # What is null everywhere, and objects without a field, have no type in DuckDB.
    if column is None or pa.types.is_null(column.type) or _is_empty(column.type):
        return json_column(values)
    return column


def common(one: Any, other: Any) -> Any:
    """The type of Arrow that values of both have together; `None` where that is not so easily told."""
    import pyarrow as pa

    kinds = pa.types
    if one == other or kinds.is_null(other):
        return one
    if kinds.is_null(one):
        return other
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if kinds.is_list(one) and kinds.is_list(other):
        item = common(one.value_type, other.value_type)
        return None if item is None else pa.list_(item)
    if kinds.is_struct(one) and kinds.is_struct(other):
        fields = {each.name: each.type for each in one}
        for each in other:
            fields[each.name] = common(fields.get(each.name, pa.null()), each.type)
        return None if None in fields.values() else pa.struct(list(fields.items()))
    return None


def _typed(values: list[Any]) -> Any:
    """`None`: they have no type in common."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except UnicodeEncodeError:
        return string_column(values) if all(isinstance(each, str | None) for each in values) else None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return None


def _is_empty(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_struct(kind)) and kind.num_fields == 0


def _cast(part: Any, kind: Any) -> Any:
    return part if part.type == kind else part.cast(kind)


def _holds_null(kind: Any) -> bool:
    """Somewhere within."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return bool(pa.types.is_null(kind.value_type)) or _holds_null(kind.value_type)
    return bool(pa.types.is_struct(kind)) and any(
        pa.types.is_null(each.type) or _holds_null(each.type) for each in kind
    )
