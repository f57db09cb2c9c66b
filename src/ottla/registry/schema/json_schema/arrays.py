"""Changes of what is said about arrays; open, partially open and closed as objects are, beyond the items that have
places of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schema.json_schema.comparison import compare_limit
from ottla.registry.schema.json_schema.model import Anything, ArraySchema, Never, Schema
from ottla.registry.schema.json_schema.objects import compare_rest, compare_unevaluated, covered, rest_of

if TYPE_CHECKING:
    from ottla.registry.schema.json_schema.comparison import Comparison

_LIMITS = (
    ("maxItems", "MAX_ITEMS"),
    ("minItems", "MIN_ITEMS"),
    ("maxContains", "MAX_CONTAINS"),
    ("minContains", "MIN_CONTAINS"),
)


def compare_arrays(at: Comparison, original: ArraySchema, update: ArraySchema) -> None:
    with at.at("items"):
        at.compare(original.all_items, update.all_items)
    for index in range(max(len(original.items), len(update.items))):
        with at.at(f"items/{index}"):
            if index >= len(update.items):
                _removed(at, original.items[index], update)
            elif index >= len(original.items):
                _added(at, update.items[index], original)
            else:
                at.compare(original.items[index], update.items[index])
    with at.at("additionalItems"):
        compare_rest(at, "ITEMS", original, update)
    if original.unevaluated is not None or update.unevaluated is not None:
        with at.at("unevaluatedItems"):
            compare_unevaluated(at, "ITEMS", original.unevaluated, update.unevaluated)
    for name, kind in _LIMITS:
        compare_limit(at, name, kind, original.limits.get(name), update.limits.get(name))
    if original.unique != update.unique:
        at.add("UNIQUE_ITEMS_REMOVED" if original.unique else "UNIQUE_ITEMS_ADDED", "uniqueItems")


def _removed(at: Comparison, before: Schema, update: ArraySchema) -> None:
    rest = rest_of(update)
    if _is_open(update):
        at.add("ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL")
    elif rest is not None:
        covered(at, "ITEM_REMOVED", before, rest)
    elif isinstance(before, Never):
        at.add("ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL")
    else:
        at.add("ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL")


def _added(at: Comparison, after: Schema, original: ArraySchema) -> None:
    rest = rest_of(original)
    if _is_open(original):
        is_empty = isinstance(after, Anything)
        at.add("ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL" if is_empty else "ITEM_ADDED_TO_OPEN_CONTENT_MODEL")
    elif rest is not None:
        covered(at, "ITEM_ADDED", rest, after)
    else:
        at.add("ITEM_ADDED_TO_CLOSED_CONTENT_MODEL")


def _is_open(schema: ArraySchema) -> bool:
    if not schema.permits_additional or schema.additional is not None:
        return False
    return schema.unevaluated is None or isinstance(schema.unevaluated, Anything)
