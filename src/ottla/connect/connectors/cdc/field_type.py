"""How a column of some type stands in a record: its schema, and what makes a value of what the database says."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema_builder import SchemaBuilder


class Unavailable(Enum):
    """A value that is there, and that the database did not tell."""

    UNAVAILABLE = "unavailable"


UNAVAILABLE: Final = Unavailable.UNAVAILABLE


class ConversionError(DataError):
    """A value that the record cannot hold; the message says why and what to set."""


class FieldType(NamedTuple):
    builder: Callable[[], SchemaBuilder]
    """Makes the schema, without optional, default and doc."""
    convert: Callable[[Any], object]
    """What the database gave, never null ─► what the schema takes. Raises `ConversionError`, `ValueError`."""
    unavailable: object = None
    """What stands for a value that the database did not tell (an unchanged TOAST); `None`: nothing can."""
