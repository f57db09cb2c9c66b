"""Avro's types as a tree: named types stand in it once and are met again by name, so it may have cycles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


class Missing:
    """In the place of a default value where there is none."""


MISSING: Final = Missing()


@dataclass(eq=False, slots=True)
class Primitive:
    kind: str
    properties: dict[str, object] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Array:
    items: AvroType
    properties: dict[str, object] = field(default_factory=dict)
    kind: str = "array"


@dataclass(eq=False, slots=True)
class Map:
    values: AvroType
    properties: dict[str, object] = field(default_factory=dict)
    kind: str = "map"


@dataclass(eq=False, slots=True)
class Union:
    branches: list[AvroType]
    kind: str = "union"


@dataclass(eq=False, slots=True)
class Name:
    """A simple name and the namespace that it stands in (`None`: none)."""

    simple: str
    namespace: str | None

    @property
    def full(self) -> str:
        return f"{self.namespace}.{self.simple}" if self.namespace else self.simple

    def seen_from(self, namespace: str | None) -> str:
        """As it is written where `namespace` is the default one."""
        if not self.namespace or self.namespace == namespace:
            return self.simple if self.simple not in PRIMITIVES else self.full
        return self.full


@dataclass(eq=False, slots=True)
class Field:
    name: str
    type: AvroType
    default: object = MISSING
    doc: str | None = None
    order: str = "ascending"
    aliases: list[str] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)

    @property
    def has_default(self) -> bool:
        return self.default is not MISSING


@dataclass(eq=False, slots=True)
class Record:
    name: Name
    fields: list[Field] = field(default_factory=list)
    doc: str | None = None
    aliases: list[Name] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)
    is_error: bool = False
    kind: str = "record"


@dataclass(eq=False, slots=True)
class Enum:
    name: Name
    symbols: list[str]
    default: str | None = None
    doc: str | None = None
    aliases: list[Name] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)
    kind: str = "enum"


@dataclass(eq=False, slots=True)
class Fixed:
    name: Name
    size: int
    doc: str | None = None
    aliases: list[Name] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)
    kind: str = "fixed"


NamedType: TypeAlias = Record | Enum | Fixed
AvroType: TypeAlias = Primitive | Array | Map | Union | Record | Enum | Fixed
