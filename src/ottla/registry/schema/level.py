"""Compatibility levels: which of a subject's versions a new schema is held against, and in which direction.

BACKWARD   the new schema reads what the latest one wrote         …_TRANSITIVE: what any of them wrote
FORWARD    the latest one reads what the new schema writes        …_TRANSITIVE: every one of them
FULL       both
"""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.registry.schema.parsed import ParsedSchema


class CompatibilityLevel(StrEnum):
    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def is_transitive(self) -> bool:
        return self.value.endswith("_TRANSITIVE")

    @property
    def reads_older(self) -> bool:
        return self.value.startswith(("BACKWARD", "FULL"))

    @property
    def is_read_by_older(self) -> bool:
        return self.value.startswith(("FORWARD", "FULL"))


def parse_level(text: str) -> CompatibilityLevel | None:
    """In either case of letters; `None` if there is no such level."""
    try:
        return CompatibilityLevel(text.upper())
    except ValueError:
        return None


def check(
    level: CompatibilityLevel,
    schema: ParsedSchema,
    history: Iterable[tuple[int, ParsedSchema]],
    *,
    lenient: bool = False,
) -> list[str]:
    """Why `schema` may not follow on `history` (the latest version first); empty if it may.

    History is read as far as it is needed; what breaks with the first version that does is told.
    """
    if level is CompatibilityLevel.NONE:
        return []
    for version, previous in history if level.is_transitive else islice(history, 1):
        found = _against(level, schema, previous, lenient=lenient)
        if found:
            text = previous.canonical
            return [*found, f"{{oldSchemaVersion: {version}}}", f"{{oldSchema: '{text}'}}"]
    return []


def _against(level: CompatibilityLevel, schema: ParsedSchema, previous: ParsedSchema, *, lenient: bool) -> list[str]:
    if schema.schema_type != previous.schema_type:
        return [f"A schema of type {schema.schema_type} cannot follow on one of type {previous.schema_type}"]
    found: list[str] = []
    if level.reads_older:
        differences = schema.incompatibilities(previous, lenient=lenient)
        found += [each.message("new", "old") for each in differences]
    if level.is_read_by_older:
        differences = previous.incompatibilities(schema, lenient=lenient)
        found += [each.message("old", "new") for each in differences]
    return found
