"""Changes of what is said about objects.

An object is *open* where properties that are not named may be anything, *partially open* where they must fit a schema,
*closed* where there may be none. A property may only come where what else could be under its name fits it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schema.json_schema.comparison import compare_limit
from ottla.registry.schema.json_schema.model import Anything, ArraySchema, Never, ObjectSchema, Schema
from ottla.registry.schema.json_schema.pattern import fits

if TYPE_CHECKING:
    from ottla.registry.schema.json_schema.comparison import Comparison


def compare_objects(at: Comparison, original: ObjectSchema, update: ObjectSchema) -> None:
    with at.at("required"):
        _compare_required(at, original, update)
    with at.at("properties"):
        for name in dict.fromkeys([*original.properties, *update.properties]):
            with at.at(name):
                _compare_property(at, name, original, update)
    with at.at("dependencies"):
        _compare_dependencies(at, original, update)
    with at.at("additionalProperties"):
        compare_rest(at, "PROPERTIES", original, update)
    if original.unevaluated is not None or update.unevaluated is not None:
        with at.at("unevaluatedProperties"):
            compare_unevaluated(at, "PROPERTIES", original.unevaluated, update.unevaluated)
    for name, kind in (("maxProperties", "MAX_PROPERTIES"), ("minProperties", "MIN_PROPERTIES")):
        compare_limit(at, name, kind, original.limits.get(name), update.limits.get(name))


def _compare_required(at: Comparison, original: ObjectSchema, update: ObjectSchema) -> None:
    for name in original.properties:
        if name not in update.properties:
            continue
        was, now = name in original.required, name in update.required
        if was and not now:
            at.add("REQUIRED_ATTRIBUTE_REMOVED", name)
        elif now and not was:
            has_default = update.properties[name].notes.has_default
            at.add("REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED" if has_default else "REQUIRED_ATTRIBUTE_ADDED", name)


def _compare_property(at: Comparison, name: str, original: ObjectSchema, update: ObjectSchema) -> None:
    before, after = original.properties.get(name), update.properties.get(name)
    if after is None:
        assert before is not None
        _removed(at, name, before, update)
    elif before is None:
        _added(at, name, after, original, is_required=name in update.required)
    else:
        at.compare(before, after)


def _removed(at: Comparison, name: str, before: Schema, update: ObjectSchema) -> None:
    if _is_open(update):
        at.add("PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL")
        return
    rest = _rest_for(update, name)
    if rest is not None:
        covered(at, "PROPERTY_REMOVED", before, rest)
    elif isinstance(before, Never):
        at.add("PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL")
    else:
        at.add("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL")


def _added(at: Comparison, name: str, after: Schema, original: ObjectSchema, *, is_required: bool) -> None:
    word = "OPTIONAL_PROPERTY"
    if is_required:
        word = "REQUIRED_PROPERTY_WITH_DEFAULT" if after.notes.has_default else "REQUIRED_PROPERTY"
    if _is_open(original):
        if isinstance(after, Anything):
            word = "PROPERTY_WITH_EMPTY_SCHEMA"
        at.add(f"{word}_ADDED_TO_OPEN_CONTENT_MODEL")
        return
    rest = _rest_for(original, name)
    if rest is not None:
        covered(at, "PROPERTY_ADDED", rest, after)
    at.add(f"{word}_ADDED_TO_UNOPEN_CONTENT_MODEL")


def covered(at: Comparison, word: str, original: Schema, update: Schema) -> None:
    trial = at.trial()
    trial.compare(original, update)
    at.take(trial)
    at.add(f"{word}_{'IS' if trial.fits else 'NOT'}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")


def _compare_dependencies(at: Comparison, original: ObjectSchema, update: ObjectSchema) -> None:
    for name in dict.fromkeys([*original.needs, *update.needs]):
        old, new = original.needs.get(name), update.needs.get(name)
        if new is None:
            at.add("DEPENDENCY_ARRAY_REMOVED", name)
        elif old is None:
            at.add("DEPENDENCY_ARRAY_ADDED", name)
        elif old != new:
            kind = "EXTENDED" if new > old else "NARROWED" if new < old else "CHANGED"
            at.add(f"DEPENDENCY_ARRAY_{kind}", name)
    for name in dict.fromkeys([*original.demands, *update.demands]):
        before, after = original.demands.get(name), update.demands.get(name)
        if after is None:
            at.add("DEPENDENCY_SCHEMA_REMOVED", name)
        elif before is None:
            at.add("DEPENDENCY_SCHEMA_ADDED", name)
        else:
            with at.at(name):
                at.compare(before, after)


def compare_rest(
    at: Comparison, word: str, original: ObjectSchema | ArraySchema, update: ObjectSchema | ArraySchema
) -> None:
    """`additionalProperties` or `additionalItems`."""
    if original.permits_additional != update.permits_additional:
        at.add(f"ADDITIONAL_{word}_{'ADDED' if update.permits_additional else 'REMOVED'}")
    elif original.additional is None and update.additional is not None:
        at.add(f"ADDITIONAL_{word}_NARROWED")
    elif update.additional is None and original.additional is not None:
        at.add(f"ADDITIONAL_{word}_EXTENDED")
    else:
        at.compare(original.additional, update.additional)


def compare_unevaluated(at: Comparison, word: str, before: Schema | None, after: Schema | None) -> None:
    """`unevaluatedProperties` or `unevaluatedItems`: not there is as good as `true`, but for what is told."""
    was_closed, is_closed = isinstance(before, Never), isinstance(after, Never)
    if was_closed != is_closed:
        at.add(f"UNEVALUATED_{word}_{'ADDED' if was_closed else 'REMOVED'}")
    elif before is None or (isinstance(before, Anything) and not isinstance(after, Anything | None)):
        at.add(f"UNEVALUATED_{word}_NARROWED")
    elif after is None or (isinstance(after, Anything) and not isinstance(before, Anything)):
        at.add(f"UNEVALUATED_{word}_EXTENDED")
    else:
        at.compare(before, after)


def _is_open(schema: ObjectSchema) -> bool:
    if not schema.permits_additional or schema.additional is not None or schema.patterns:
        return False
    return schema.unevaluated is None or isinstance(schema.unevaluated, Anything)


def _rest_for(schema: ObjectSchema, name: str) -> Schema | None:
    """What a property that is not named must fit, where the object is partially open."""
    for pattern, fitting in schema.patterns.items():
        if fits(pattern, name):
            return fitting
    return rest_of(schema)


def rest_of(schema: ObjectSchema | ArraySchema) -> Schema | None:
    if schema.additional is not None:
        return schema.additional
    if schema.permits_additional and not isinstance(schema.unevaluated, Never | Anything):
        return schema.unevaluated
    return None
