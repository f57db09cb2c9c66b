"""A message as the JSON that Apache Kafka's `…JsonConverter` classes write for it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ottla.protocol.message import ArrayOf, Field, Struct
from ottla.protocol.types import Primitive, uuid_text

if TYPE_CHECKING:
    from ottla.protocol.message import FieldType

# Kafka's names say KRaft, which the converter makes kRaft.
CAMEL_CASE = {"kraft_version": "kRaftVersion", "kraft_version_feature": "kRaftVersionFeature"}


def camel_case(name: str) -> str:
    """`group_id` is `groupId`."""
    first, *rest = name.split("_")
    return CAMEL_CASE.get(name) or first + "".join(part.capitalize() for part in rest)


def to_json(struct: Struct, version: int) -> dict[str, object]:
    """Fields that the version has, and of the tagged ones those that differ from their defaults."""
    result: dict[str, object] = {}
    for item in struct.schema:
        value = getattr(struct, item.name)
        if version not in item.versions or (version in item.tagged and value == item.default):
            continue
        if isinstance(item.type, Primitive) and item.type.name == "records":
            size = None if value is None else len(value)
            result[camel_case(item.name) + ("" if size is None else "SizeInBytes")] = size
        else:
            result[camel_case(item.name)] = _field(item, value, version)
    return result


def _field(item: Field, value: object, version: int) -> object:
    if isinstance(item.type, ArrayOf):
        assert value is None or isinstance(value, list)
        return None if value is None else [_one(item.type.element, element, version) for element in value]
    return _one(item.type, value, version)


def _one(kind: FieldType, value: object, version: int) -> object:
    if isinstance(value, Struct):
        return to_json(value, version)
    if isinstance(kind, Primitive) and isinstance(value, bytes):
        return uuid_text(value) if kind.name == "uuid" else base64.b64encode(value).decode()
    return value
