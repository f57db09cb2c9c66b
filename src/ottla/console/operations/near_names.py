"""Helps where people err: the existing names that a mistyped one may have meant."""

import difflib
from collections.abc import Iterable

SUGGESTIONS_MAX = 3


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """At most three, the nearest first; upper and lower case count as equal."""
    folded = {each.casefold(): each for each in names}
    matches = difflib.get_close_matches(name.casefold(), folded, SUGGESTIONS_MAX, 0.6)
    return [folded[match] for match in matches]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A sentence to put behind an error, or nothing."""
    near = near_names(name, names)
    if not near:
        return ""
    *first, last = (f"'{each}'" for each in near)
    return f" Did you mean {', '.join(first) + ' or ' if first else ''}{last}?"
