"""Ranges of versions, as Kafka's schemas write them: `0-4`, `3+`, `2`, `none`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

NEWEST: Final = 32767
"""No version is higher: versions travel as int16."""


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions from `oldest` to `latest`, both included; empty when `latest < oldest`."""

    oldest: int
    latest: int

    @classmethod
    def parse(cls, text: str) -> "Versions":
        """Read `0-4`, `3+`, `2` or `none`."""
        if text == "none":
            return NO_VERSIONS
        if text.endswith("+"):
            return cls(int(text[:-1]), NEWEST)
        oldest, dash, latest = text.partition("-")
        return cls(int(oldest), int(latest) if dash else int(oldest))

    def __contains__(self, version: int) -> bool:
        return self.oldest <= version <= self.latest

    def __bool__(self) -> bool:
        return self.oldest <= self.latest

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.oldest, self.latest + 1))

    def __str__(self) -> str:
        if not self:
            return "none"
        if self.latest == NEWEST:
            return f"{self.oldest}+"
        return str(self.oldest) if self.oldest == self.latest else f"{self.oldest}-{self.latest}"


EVERY_VERSION: Final = Versions(0, NEWEST)
NO_VERSIONS: Final = Versions(0, -1)
