"""Every message in every version, and values for them that are drawn from its schema and a seed."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.protocol.message import ArrayOf, Field, FieldType, Message, Struct
from ottla.protocol.show import all_messages
from ottla.protocol.types import Primitive

if TYPE_CHECKING:
    from collections.abc import Iterator

S = TypeVar("S", bound=Struct)

MESSAGES = all_messages()
EVERY_MESSAGE = list(MESSAGES.values())
EVERY_VERSION = [(message, version) for message in MESSAGES.values() for version in message.versions]

BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint16": 16, "uint32": 32}
TEXTS = ("", "a", "topic-1", "ünï→cødé", "x" * 126, "y" * 127, "z" * 200, "\0", "🙂")
BRIEF_TEXTS = ("", "a", "topic-1", "ünï→cødé", "🙂")
STRUCT_COUNTS = (0, 1, 1, 2, 3)
FIRST_UNKNOWN_TAG = 1000


def name_of(case: object) -> str | None:
    """The part of a test's id for a message class; versions name themselves."""
    return case.__name__ if isinstance(case, type) else None


class Sampler:
    """Draws messages.

    moderate: only error codes that exist, and no number that is negative or too large for a date.
    brief: no long values.
    """

    def __init__(self, seed: str, *, unknown_tags: bool = True, moderate: bool = False, brief: bool = False) -> None:
        self._random = Random(seed)
        self._unknown_tags = unknown_tags
        self._moderate = moderate
        self._texts = BRIEF_TEXTS if brief else TEXTS
        self._sizes = (0, 1, 10) if brief else (0, 1, 10, 126, 127, 128, 200)
        self._counts = (0, 1, 2) if brief else (0, 1, 1, 2, 3, 3, 5, 130)
        self._tag_counts = (1, 2) if brief else (1, 2, 130)

    def message(self, message: type[S], version: int, *, flexible: bool) -> S:
        """A value for every field that the version has; the others have their defaults."""
        values: dict[str, Any] = {
            item.name: self._field(item, version, flexible) for item in message.schema if version in item.versions
        }
        if flexible and self._unknown_tags and self._random.random() < 0.2:
            count = self._random.choice(self._tag_counts)
            values["unknown_tagged_fields"] = tuple((FIRST_UNKNOWN_TAG + tag, self._bytes()) for tag in range(count))
        return message(**values)

    def _field(self, item: Field, version: int, flexible: bool) -> object:
        draw = self._random.random()
        if version in item.nullable and draw < 0.25:
            return None
        if version in item.tagged and draw > 0.7:
            return item.default
        if isinstance(item.type, ArrayOf):
            element = item.type.element
            count = self._random.choice(STRUCT_COUNTS if isinstance(element, type) else self._counts)
            return [self._value(element, item.name, version, flexible) for _ in range(count)]
        return self._value(item.type, item.name, version, flexible)

    def _value(self, kind: FieldType, name: str, version: int, flexible: bool) -> object:
        assert not isinstance(kind, ArrayOf)
        if not isinstance(kind, Primitive):
            return self.message(kind, version, flexible=flexible)
        if kind.name in BITS:
            return self._integer(kind.name, name)
        random = self._random
        if kind.name == "string":
            return random.choice(self._texts)
        if kind.name in ("bytes", "records"):
            return self._bytes()
        if kind.name == "uuid":
            return random.choice((bytes(16), random.randbytes(16), random.randbytes(16)))
        if kind.name == "bool":
            return random.random() < 0.5
        assert kind.name == "float64"
        return random.choice((0.0, -1.5, math.pi, 1e300))

    def _integer(self, kind: str, name: str) -> int:
        random, bits = self._random, BITS[kind]
        if self._moderate:
            return random.randrange(90) if name.endswith("error_code") else random.randrange(1 << min(bits - 1, 31))
        if kind.startswith("u"):
            return random.choice((0, 1, (1 << bits) - 1, random.randrange(1 << bits)))
        edge = 1 << (bits - 1)
        return random.choice((0, 1, -1, edge - 1, -edge, random.randrange(-edge, edge)))

    def _bytes(self) -> bytes:
        return self._random.randbytes(self._random.choice(self._sizes))


def samples(
    message: type[Message],
    version: int,
    count: int,
    *,
    unknown_tags: bool = True,
    moderate: bool = False,
    brief: bool = False,
) -> Iterator[Message]:
    """The message with all defaults, then `count` drawn ones; the same in every run."""
    yield message()
    sampler = Sampler(f"{message.__name__} {version}", unknown_tags=unknown_tags, moderate=moderate, brief=brief)
    for _ in range(count):
        yield sampler.message(message, version, flexible=message.flexible(version))
