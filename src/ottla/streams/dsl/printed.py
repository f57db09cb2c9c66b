"""Where `KStream.print` writes records, and how (`Printed`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


def _key_and_value(key: Any, value: Any) -> str:
    return f"{key}, {value}"


@dataclass(frozen=True, slots=True)
class Printed(Generic[K, V]):
    """`path` is None for the standard output; `label` is the stream's name unless it is given."""

    path: Path | None = None
    label: str | None = None
    name: str | None = None
    mapper: Callable[[K, V], str] = _key_and_value

    @classmethod
    def to_sys_out(cls) -> Printed[K, V]:
        return cls()

    @classmethod
    def to_file(cls, path: str | Path) -> Printed[K, V]:
        return cls(Path(path))

    def with_label(self, label: str) -> Printed[K, V]:
        return replace(self, label=label)

    def with_key_value_mapper(self, mapper: Callable[[K, V], str]) -> Printed[K, V]:
        return replace(self, mapper=mapper)

    def with_name(self, name: str) -> Printed[K, V]:
        return replace(self, name=name)

    def writer(self) -> Callable[[str], object]:
        """What writes a text at the end of it."""
        if self.path is None:
            return sys.stdout.write
        return self.path.open("a", encoding="utf-8", buffering=1).write
