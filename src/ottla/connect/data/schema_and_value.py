"""A value with its schema (`SchemaAndValue`): what a converter reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema


class SchemaAndValue(NamedTuple):
    schema: Schema | None
    value: object


NULL: Final = SchemaAndValue(None, None)
