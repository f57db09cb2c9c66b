"""Headers of a record (`ConnectHeaders`): in order, names may come again, each with a value and its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ottla.connect.api.errors import DataError
from ottla.connect.data.schema_and_value import SchemaAndValue
from ottla.connect.data.struct import validate_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ottla.connect.data.schema import Schema


class Header(NamedTuple):
    key: str
    value: object
    schema: Schema | None = None

    @property
    def schema_and_value(self) -> SchemaAndValue:
        return SchemaAndValue(self.schema, self.value)

    def with_value(self, value: object, schema: Schema | None) -> Header:
        return Header(self.key, value, schema)

    def renamed(self, key: str) -> Header:
        return Header(key, self.value, self.schema)


class Headers:
    """What changes headers returns them, so that calls chain."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Iterable[Header] = ()) -> None:
        self._headers = list(headers)

    def add(self, key: str, value: object, schema: Schema | None = None) -> Headers:
        """Add one at the end. Raises `DataError` when the value does not fit to the schema."""
        if schema is not None:
            try:
                validate_value(schema, value)
            except DataError as error:
                raise DataError(f"Header {key}: {error}") from error
        self._headers.append(Header(key, value, schema))
        return self

    def add_header(self, header: Header) -> Headers:
        """Add one as it is."""
        self._headers.append(header)
        return self

    def last_with_name(self, key: str) -> Header | None:
        return next((header for header in reversed(self._headers) if header.key == key), None)

    def all_with_name(self, key: str) -> Iterator[Header]:
        return (header for header in self._headers if header.key == key)

    def remove(self, key: str) -> Headers:
        self._headers = [header for header in self._headers if header.key != key]
        return self

    def retain_latest(self, key: str | None = None) -> Headers:
        """Of headers with the same name (or with this one) keep the last."""
        seen: set[str] = set()
        kept: list[Header] = []
        for header in reversed(self._headers):
            if (key is not None and header.key != key) or header.key not in seen:
                kept.append(header)
            seen.add(header.key)
        self._headers = kept[::-1]
        return self

    def apply(self, transform: Callable[[Header], Header | None], key: str | None = None) -> Headers:
        """Each header (of that name) as the function returns it; without it where it returns `None`."""
        changed = [header if key not in (None, header.key) else transform(header) for header in self._headers]
        self._headers = [header for header in changed if header is not None]
        return self

    def clear(self) -> Headers:
        self._headers = []
        return self

    def duplicate(self) -> Headers:
        return Headers(self._headers)

    def __iter__(self) -> Iterator[Header]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __eq__(self, other: object) -> bool:
        return self._headers == other._headers if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._headers})"
