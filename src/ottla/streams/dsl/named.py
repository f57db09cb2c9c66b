"""Names of nodes: those that applications give, checked, and those that are counted (`Named`, `NamedInternal`).

KSTREAM-MAPVALUES-0000000003       the index counts every name of a builder, also those that a given one replaces
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ottla.streams.errors import TopologyError

if TYPE_CHECKING:
    from typing import TypeAlias

MAX_NAME_LENGTH: Final = 249
_LEGAL: Final = re.compile(r"[a-zA-Z0-9._-]+")


def checked(name: str) -> str:
    """`name`, if it may be that of a node; TopologyError says why not."""
    if not name:
        raise TopologyError("a name is illegal when it is empty")
    if name in (".", ".."):
        raise TopologyError('a name cannot be "." or ".."')
    if len(name) > MAX_NAME_LENGTH:
        raise TopologyError(f"name {name} is illegal, it cannot be longer than {MAX_NAME_LENGTH} characters")
    if not _LEGAL.fullmatch(name):
        raise TopologyError(
            f'name "{name}" is illegal, it contains a character other than ASCII alphanumerics, ".", "_" and "-"'
        )
    return name


@dataclass(frozen=True, slots=True)
class Named:
    name: str

    def __post_init__(self) -> None:
        checked(self.name)

    @classmethod
    def as_(cls, name: str) -> Named:
        return cls(name)


AnyNamed: TypeAlias = "Named | str | None"


class NameProvider(Protocol):
    def new_processor_name(self, prefix: str) -> str: ...

    def new_store_name(self, prefix: str) -> str: ...


@dataclass(frozen=True, slots=True)
class NodeName:
    """A name that was given, or None. An index is used up in any case, so that a given name changes no other."""

    name: str | None

    @classmethod
    def of(cls, given: AnyNamed) -> NodeName:
        if given is None:
            return cls(None)
        return cls(given.name if isinstance(given, Named) else checked(given))

    def or_generated(self, provider: NameProvider, prefix: str) -> str:
        generated = provider.new_processor_name(prefix)
        return generated if self.name is None else self.name

    def suffixed_or_generated(self, suffix: str, provider: NameProvider, prefix: str) -> str:
        generated = provider.new_processor_name(prefix)
        return generated if self.name is None else checked(self.name + suffix)

    def suffixed_or(self, suffix: str, other: str) -> str:
        return other if self.name is None else self.name + suffix
