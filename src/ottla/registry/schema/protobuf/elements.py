"""A `.proto` file as a tree, as it is written: names of types are not resolved yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

SCALARS: Final = frozenset(
    (
        "double",
        "float",
        "int32",
        "int64",
        "uint32",
        "uint64",
        "sint32",
        "sint64",
        "fixed32",
        "fixed64",
        "sfixed32",
        "sfixed64",
        "bool",
        "string",
        "bytes",
    )
)
NUMBER_MAX: Final = 2**29 - 1
ENUM_NUMBER_MAX: Final = 2**31 - 1


@dataclass(slots=True)
class Option:
    name: str
    """As it is written: `deprecated`, `(my.option)`, `(my.option).part`."""
    value: str
    """As it is written, in one line: `true`, `"text"`, `{a: 1}`."""


@dataclass(slots=True)
class Range:
    start: int
    end: int
    """Inclusive."""


@dataclass(slots=True)
class Reserved:
    """Numbers and names that must not be used again."""

    ranges: list[Range] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Extensions:
    ranges: list[Range]
    options: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class Field:
    name: str
    type: str
    """Of a map its values'; `key_type` is set then."""
    number: int
    label: str | None = None
    key_type: str | None = None
    options: list[Option] = field(default_factory=list)
    group: Message | None = None
    """What a group of proto2 holds; its type is the group's name."""


@dataclass(slots=True)
class OneOf:
    name: str
    fields: list[Field] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class EnumConstant:
    name: str
    number: int
    options: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class Enum:
    name: str
    constants: list[EnumConstant] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    reserved: list[Reserved] = field(default_factory=list)


@dataclass(slots=True)
class Extend:
    name: str
    fields: list[Field] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    name: str
    fields: list[Field] = field(default_factory=list)
    one_ofs: list[OneOf] = field(default_factory=list)
    types: list[TypeElement] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    reserved: list[Reserved] = field(default_factory=list)
    extensions: list[Extensions] = field(default_factory=list)
    extends: list[Extend] = field(default_factory=list)


@dataclass(slots=True)
class Rpc:
    name: str
    request: str
    response: str
    request_streams: bool = False
    response_streams: bool = False
    options: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class Service:
    name: str
    rpcs: list[Rpc] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class ProtoFile:
    syntax: str | None = None
    edition: str | None = None
    package: str | None = None
    imports: list[str] = field(default_factory=list)
    public_imports: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    types: list[TypeElement] = field(default_factory=list)
    extends: list[Extend] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        return [each for each in self.types if isinstance(each, Message)]


TypeElement: TypeAlias = Message | Enum


def all_fields(message: Message) -> list[tuple[Field, OneOf | None]]:
    """Those of oneofs, too."""
    found: list[tuple[Field, OneOf | None]] = [(each, None) for each in message.fields]
    return found + [(each, one_of) for one_of in message.one_ofs for each in one_of.fields]
