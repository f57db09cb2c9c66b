"""Which topics, groups or config keys are meant: lists of names and regular expressions, to take and to leave out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class NamePatternError(ValueError):
    """A list holds something that is no regular expression."""


def compile_patterns(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One expression for the whole list; `None`, which matches nothing, for an empty one."""
    listed = [pattern for pattern in patterns if pattern]
    if not listed:
        return None
    try:
        return re.compile("|".join(listed))
    except re.error as error:
        raise NamePatternError(f"{', '.join(listed)}: {error}") from None


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A name is taken when the whole of it matches the first list and not the second."""

    include: re.Pattern[str] | None
    exclude: re.Pattern[str] | None

    @classmethod
    def of(cls, include: Iterable[str], exclude: Iterable[str]) -> NameFilter:
        return cls(compile_patterns(include), compile_patterns(exclude))

    def takes(self, name: str) -> bool:
        if self.include is None or not self.include.fullmatch(name):
            return False
        return self.exclude is None or not self.exclude.fullmatch(name)
