"""Reads an Avro schema: JSON text ─► types. What it refers to is parsed first, into the same names.

`strict` is for schemas that are new: names and default values are looked at. What is stored already may have been
taken by a more lenient registry, and is read all the same.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, TypeVar, cast

from ottla.registry.schema.avro.defaults import is_valid_default
from ottla.registry.schema.avro.types import (
    MISSING,
    PRIMITIVES,
    Array,
    AvroType,
    Enum,
    Field,
    Fixed,
    Map,
    Name,
    NamedType,
    Primitive,
    Record,
    Union,
)
from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

SimpleT = TypeVar("SimpleT", Enum, Fixed)

_SCHEMA_KEYS: Final = {"doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"}
_FIELD_KEYS: Final = {"default", "doc", "name", "order", "type", "aliases"}
_NAME: Final = re.compile(r"[^\W\d]\w*")
_ORDERS: Final = ("ascending", "descending", "ignore")


class AvroParser:
    """One schema and what it refers to; `names` has every named type that was defined so far."""

    def __init__(self, *, strict: bool) -> None:
        self.names: dict[str, NamedType] = {}
        self._strict = strict

    def parse(self, text: str) -> AvroType:
        """`SchemaError` says what is wrong."""
        try:
            value = json.loads(text)
        except ValueError as error:
            value = text.strip()
            if value not in PRIMITIVES and value not in self.names:  # a bare name is a schema, too
                raise SchemaError(f"it is not JSON: {error}") from None
        try:
            return self._type(value, None, "")
        except RecursionError:
            raise SchemaError("it is nested too deeply") from None

    def _type(self, value: object, namespace: str | None, path: str) -> AvroType:
        if isinstance(value, str):
            return self._by_name(value, namespace, path)
        if isinstance(value, list):
            return self._union(value, namespace, path)
        if not isinstance(value, dict):
            raise SchemaError(f"{_at(path)}a schema is a name, an object or an array, not {json.dumps(value)}")
        kind = value.get("type")
        if isinstance(kind, dict | list):
            return self._type(kind, namespace, path)
        if not isinstance(kind, str):
            raise SchemaError(f"{_at(path)}there is no type in {json.dumps(value)[:200]}")
        properties = {key: each for key, each in value.items() if key not in _SCHEMA_KEYS}
        if kind in PRIMITIVES:
            return Primitive(kind, properties)
        if kind == "array":
            return Array(self._type(_wanted(value, "items", path), namespace, f"{path}/items"), properties)
        if kind == "map":
            return Map(self._type(_wanted(value, "values", path), namespace, f"{path}/values"), properties)
        if kind in ("record", "error"):
            return self._record(value, namespace, properties, path)
        if kind == "enum":
            return self._enum(value, namespace, properties, path)
        if kind == "fixed":
            return self._fixed(value, namespace, properties, path)
        return self._by_name(kind, namespace, path)

    def _by_name(self, text: str, namespace: str | None, path: str) -> AvroType:
        if text in PRIMITIVES:
            return Primitive(text)
        full = text if "." in text or not namespace else f"{namespace}.{text}"
        found = self.names.get(full.removeprefix(".")) or self.names.get(text)
        if found is None:
            raise SchemaError(f"{_at(path)}no type is named '{full}'")
        return found

    def _union(self, values: list[object], namespace: str | None, path: str) -> Union:
        branches: list[AvroType] = []
        seen = set()
        for index, value in enumerate(values):
            branch = self._type(value, namespace, f"{path}/{index}")
            if isinstance(branch, Union):
                raise SchemaError(f"{_at(path)}a union may not stand directly in a union")
            key = branch.name.full if isinstance(branch, NamedType) else branch.kind
            if key in seen:
                raise SchemaError(f"{_at(path)}'{key}' stands twice in one union")
            seen.add(key)
            branches.append(branch)
        return Union(branches)

    # Named types

    def _record(
        self, value: dict[str, object], namespace: str | None, properties: dict[str, object], path: str
    ) -> Record:
        name = self._name(value, namespace, path)
        aliases = self._aliases(value, name.namespace, path)
        record = Record(name, [], _doc(value), aliases, properties, value["type"] == "error")
        self._define(name, record, path)
        fields = value.get("fields")
        if not isinstance(fields, list):
            raise SchemaError(f"{_at(path)}the record '{name.full}' has no fields")
        seen = set()
        for index, each in enumerate(fields):
            field = self._field(each, name.namespace, f"{path}/fields/{index}")
            if field.name in seen:
                raise SchemaError(f"{_at(path)}two fields of '{name.full}' are named '{field.name}'")
            seen.add(field.name)
            record.fields.append(field)
        return record

    def _field(self, value: object, namespace: str | None, path: str) -> Field:
        if not isinstance(value, dict):
            raise SchemaError(f"{_at(path)}a field is an object, not {json.dumps(value)}")
        name = value.get("name")
        if not isinstance(name, str):
            raise SchemaError(f"{_at(path)}a field needs a name")
        self._check_name(name, path)
        type_ = self._type(_wanted(value, "type", path), namespace, f"{path}/type")
        default = value.get("default", MISSING)
        if self._strict and default is not MISSING and not is_valid_default(type_, default):
            raise SchemaError(f"{_at(path)}the default {json.dumps(default)} of field '{name}' is not of its type")
        order = value.get("order", "ascending")
        if not isinstance(order, str) or order.lower() not in _ORDERS:
            raise SchemaError(f"{_at(path)}the order of field '{name}' is one of {', '.join(_ORDERS)}")
        properties = {key: each for key, each in value.items() if key not in _FIELD_KEYS}
        return Field(name, type_, default, _doc(value), order.lower(), _strings(value, "aliases", path), properties)

    def _enum(self, value: dict[str, object], namespace: str | None, properties: dict[str, object], path: str) -> Enum:
        name = self._name(value, namespace, path)
        symbols = _strings(value, "symbols", path, needed=True)
        for symbol in symbols:
            self._check_name(symbol, path)
        if len(set(symbols)) < len(symbols):
            raise SchemaError(f"{_at(path)}a symbol of the enum '{name.full}' stands there twice")
        default = properties.pop("default", None)
        if default is not None and (not isinstance(default, str) or default not in symbols):
            raise SchemaError(f"{_at(path)}the default of the enum '{name.full}' is none of its symbols")
        enum = Enum(name, symbols, default, _doc(value), self._aliases(value, name.namespace, path), properties)
        return self._define_once(enum, path)

    def _fixed(
        self, value: dict[str, object], namespace: str | None, properties: dict[str, object], path: str
    ) -> Fixed:
        name = self._name(value, namespace, path)
        size = value.get("size")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise SchemaError(f"{_at(path)}the fixed '{name.full}' needs a size")
        fixed = Fixed(name, size, _doc(value), self._aliases(value, name.namespace, path), properties)
        return self._define_once(fixed, path)

    def _define_once(self, type_: SimpleT, path: str) -> SimpleT:
        """An enum or a fixed may be defined again as it was."""
        known = self.names.get(type_.name.full)
        if known is None or not _is_same(known, type_):
            self._define(type_.name, type_, path)
            return type_
        return cast("SimpleT", known)

    def _define(self, name: Name, type_: NamedType, path: str) -> None:
        if name.full in self.names:
            raise SchemaError(f"{_at(path)}'{name.full}' is defined twice")
        self.names[name.full] = type_

    def _name(self, value: Mapping[str, object], enclosing: str | None, path: str) -> Name:
        text = value.get("name")
        if not isinstance(text, str) or not text:
            raise SchemaError(f"{_at(path)}a {value['type']} needs a name")
        namespace = value.get("namespace", enclosing)
        if namespace is not None and not isinstance(namespace, str):
            raise SchemaError(f"{_at(path)}the namespace of '{text}' is not a string")
        name = _qualified(text, namespace)
        self._check_name(name.simple, path)
        return name

    def _aliases(self, value: Mapping[str, object], namespace: str | None, path: str) -> list[Name]:
        aliases = [_qualified(alias, namespace) for alias in _strings(value, "aliases", path)]
        return list({alias.full: alias for alias in aliases}.values())

    def _check_name(self, name: str, path: str) -> None:
        if self._strict and not _NAME.fullmatch(name):
            raise SchemaError(
                f"{_at(path)}'{name}' is no name: letters, digits and _ make one, not beginning with a digit"
            )


def _is_same(one: NamedType, other: NamedType) -> bool:
    return isinstance(one, Enum | Fixed) and isinstance(other, Enum | Fixed) and _facts(one) == _facts(other)


def _facts(type_: Enum | Fixed) -> tuple[object, ...]:
    if isinstance(type_, Enum):
        return type_.name.full, tuple(type_.symbols), type_.default, type_.properties
    return type_.name.full, type_.size, type_.properties


def _qualified(text: str, namespace: str | None) -> Name:
    if "." in text:
        namespace, _, text = text.rpartition(".")
    return Name(text, namespace or None)


def _wanted(value: Mapping[str, object], key: str, path: str) -> object:
    if key not in value:
        raise SchemaError(f"{_at(path)}there is no '{key}' in {json.dumps(value)[:200]}")
    return value[key]


def _doc(value: Mapping[str, object]) -> str | None:
    doc = value.get("doc")
    return doc if isinstance(doc, str) else None


def _strings(value: Mapping[str, object], key: str, path: str, *, needed: bool = False) -> list[str]:
    found = value.get(key)
    if found is None and not needed:
        return []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise SchemaError(f"{_at(path)}'{key}' must be an array of strings")
    return list(dict.fromkeys(found)) if key == "aliases" else found


def _at(path: str) -> str:
    return f"at {path}: " if path else ""
