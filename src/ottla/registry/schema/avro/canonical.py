"""Writes Avro types as JSON: the canonical form as Java's `Schema.toString` has it, and the normal form.

Canonical: every attribute, in a fixed order, names short where the namespace allows it. Normal: names in full, other
attributes sorted, so that two spellings of the same schema are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schema.avro.types import Array, AvroType, Enum, Field, Fixed, Map, Record, Union

if TYPE_CHECKING:
    from collections.abc import Iterable


def canonical_json(type_: AvroType, known: Iterable[str] = ()) -> object:
    """What `compact_json` makes the canonical form of; types that are `known` are written as names."""
    return _CanonicalWriter(set(known)).value(type_, None)


class _CanonicalWriter:
    def __init__(self, known: set[str]) -> None:
        self._known = known

    def value(self, type_: AvroType, namespace: str | None) -> object:
        if isinstance(type_, Union):
            return [self.value(branch, namespace) for branch in type_.branches]
        if isinstance(type_, Array):
            return {"type": "array", "items": self.value(type_.items, namespace), **type_.properties}
        if isinstance(type_, Map):
            return {"type": "map", "values": self.value(type_.values, namespace), **type_.properties}
        if isinstance(type_, Record | Enum | Fixed):
            return self._named(type_, namespace)
        return {"type": type_.kind, **type_.properties} if type_.properties else type_.kind

    def _named(self, type_: Record | Enum | Fixed, namespace: str | None) -> object:
        name = type_.name
        if name.full in self._known:
            return name.seen_from(namespace)
        self._known.add(name.full)
        kind = "error" if isinstance(type_, Record) and type_.is_error else type_.kind
        value: dict[str, object] = {"type": kind, "name": name.simple}
        if name.namespace != namespace:
            value["namespace"] = name.namespace or ""
        if type_.doc is not None:
            value["doc"] = type_.doc
        if isinstance(type_, Record):
            value["fields"] = [self._field(each, name.namespace) for each in type_.fields]
        elif isinstance(type_, Enum):
            value["symbols"] = type_.symbols
            if type_.default is not None:
                value["default"] = type_.default
        else:
            value["size"] = type_.size
        value.update(type_.properties)
        if type_.aliases:
            value["aliases"] = [alias.seen_from(name.namespace) for alias in type_.aliases]
        return value

    def _field(self, field: Field, namespace: str | None) -> object:
        value: dict[str, object] = {"name": field.name, "type": self.value(field.type, namespace)}
        if field.doc is not None:
            value["doc"] = field.doc
        if field.has_default:
            value["default"] = field.default
        if field.order != "ascending":
            value["order"] = field.order
        if field.aliases:
            value["aliases"] = field.aliases
        value.update(field.properties)
        return value


def normal_json(type_: AvroType, known: Iterable[str] = ()) -> object:
    """What `compact_json` makes the normal form of."""
    return _NormalWriter(set(known)).value(type_)


class _NormalWriter:
    def __init__(self, known: set[str]) -> None:
        self._known = known

    def value(self, type_: AvroType) -> object:
        if isinstance(type_, Union):
            return [self.value(branch) for branch in type_.branches]
        if isinstance(type_, Array):
            return {"type": "array", "items": self.value(type_.items), **_in_order(type_.properties)}
        if isinstance(type_, Map):
            return {"type": "map", "values": self.value(type_.values), **_in_order(type_.properties)}
        if isinstance(type_, Record | Enum | Fixed):
            return self._named(type_)
        return {"type": type_.kind, **_in_order(type_.properties)} if type_.properties else type_.kind

    def _named(self, type_: Record | Enum | Fixed) -> object:
        full = type_.name.full
        if full in self._known:
            return full
        self._known.add(full)
        value: dict[str, object] = {"name": full, "type": type_.kind}
        if isinstance(type_, Record):
            value["fields"] = [self._field(each) for each in type_.fields]
        elif isinstance(type_, Enum):
            value["symbols"] = type_.symbols
        else:
            value["size"] = type_.size
        properties = _in_order(type_.properties)
        value.update((key, properties.pop(key)) for key in ("logicalType", "precision", "scale") if key in properties)
        if type_.aliases:
            value["aliases"] = sorted(alias.full for alias in type_.aliases)
        if isinstance(type_, Enum) and type_.default is not None:
            value["default"] = type_.default
        if type_.doc is not None:
            value["doc"] = type_.doc
        value.update(properties)
        return value

    def _field(self, field: Field) -> object:
        value: dict[str, object] = {"name": field.name, "type": self.value(field.type)}
        if field.aliases:
            value["aliases"] = sorted(field.aliases)
        if field.has_default:
            value["default"] = _sorted_deeply(field.default)
        if field.doc is not None:
            value["doc"] = field.doc
        if field.order != "ascending":
            value["order"] = field.order
        value.update(_in_order(field.properties))
        return value


def _in_order(properties: dict[str, object]) -> dict[str, object]:
    """What Avro itself knows first, then the rest by name."""
    first = [key for key in ("logicalType", "precision", "scale") if key in properties]
    rest = sorted(properties.keys() - set(first))
    return {key: _sorted_deeply(properties[key]) for key in first + rest}


def _sorted_deeply(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted_deeply(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted_deeply(each) for each in value]
    return value
