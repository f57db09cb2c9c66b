"""Whether a default value is one of its field's type, as JSON writes it."""

from __future__ import annotations

from ottla.registry.schema.avro.types import Array, AvroType, Map, Record, Union

_INT = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)


def is_valid_default(type_: AvroType, value: object) -> bool:
    if isinstance(type_, Union):
        return any(is_valid_default(branch, value) for branch in type_.branches)
    if isinstance(type_, Array):
        return isinstance(value, list) and all(is_valid_default(type_.items, each) for each in value)
    if isinstance(type_, Map):
        return isinstance(value, dict) and all(is_valid_default(type_.values, each) for each in value.values())
    if isinstance(type_, Record):
        return isinstance(value, dict) and all(
            is_valid_default(field.type, value[field.name]) if field.name in value else field.has_default
            for field in type_.fields
        )
    return _is_of_kind(type_.kind, value)


def _is_of_kind(kind: str, value: object) -> bool:
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("int", "long"):
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and value in (_INT if kind == "int" else _LONG)
    if kind in ("float", "double"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)  # string, bytes, enum, fixed
