"""A schema that cannot be: it does not parse, or it refers to what is not there."""

from __future__ import annotations


class SchemaError(ValueError):
    """The text says what is wrong, and where."""
