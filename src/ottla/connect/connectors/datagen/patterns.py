"""Texts that match a regular expression, drawn at random: what `"regex"` of a generator's schema says.

Literals, `.`, classes (`[a-z0-9_]`, `[^…]`), `\\d \\w \\s`, groups, `|`, `? * + {n} {n,} {n,m}`; star and plus repeat
at most `MAX_REPEATS` times. Anchors stand for nothing. Whatever else there is, is refused.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Draw: TypeAlias = Callable[[Random], str]

MAX_REPEATS: Final = 16
MAX_COUNT: Final = 10_000
PRINTABLE: Final = string.digits + string.ascii_letters + string.punctuation + " "
_CLASSES: Final = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "s": " ",
    "D": string.ascii_letters,
    "W": string.punctuation,
    "S": string.ascii_letters + string.digits,
}
_CONTROL: Final = {"n": "\n", "t": "\t", "r": "\r"}


def text_of(pattern: str) -> Draw:
    """What draws texts that match. `ConfigError`."""
    reader = _Reader(pattern)
    draw = reader.alternatives()
    if not reader.is_done:
        raise reader.wrong(f"there is an unexpected {reader.next!r}")
    return draw


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at >= len(self._pattern)

    @property
    def next(self) -> str:
        return self._pattern[self._at] if not self.is_done else ""

    def wrong(self, why: str) -> ConfigError:
        return ConfigError(f"The pattern {self._pattern!r} cannot be drawn from: {why} (at {self._at})")

    def _take(self) -> str:
        if self.is_done:
            raise self.wrong("it ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def alternatives(self) -> Draw:
        branches = [self._sequence()]
        while self.next == "|":
            self._at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        return lambda random: branches[int(random.random() * len(branches))](random)

    def _sequence(self) -> Draw:
        parts: list[Draw] = []
        while not self.is_done and self.next not in "|)":
            parts.append(self._repeated(self._atom()))
        if len(parts) == 1:
            return parts[0]
        return lambda random: "".join([part(random) for part in parts])

    def _atom(self) -> Draw:
        char = self._take()
        if char == "(":
            if self.next == "?":
                self._at += 1
                if self._take() != ":":
                    raise self.wrong("of groups with ?, only (?:…) is known")
            draw = self.alternatives()
            if self._take() != ")":
                raise self.wrong("a group has no end")
            return draw
        if char == "[":
            return _one_of(self._class())
        if char == ".":
            return _one_of(PRINTABLE)
        if char in "^$":
            return lambda _random: ""
        if char in "*+?{":
            raise self.wrong(f"there is nothing to repeat before {char!r}")
        if char == "\\":
            return _one_of(self._escaped())
        return lambda _random: char

    def _escaped(self) -> str:
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROL:
            return _CONTROL[char]
        if char.isalnum():
            raise self.wrong(f"\\{char} is not known")
        return char

    def _class(self) -> str:
        negated = self.next == "^"
        if negated:
            self._at += 1
        chars = ""
        is_first = True
        while is_first or self.next != "]":
            is_first = False
            char = self._take()
            found = self._escaped() if char == "\\" else char
            if len(found) == 1 and self.next == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                last = self._take()
                if last < found:
                    raise self.wrong(f"the range {found}-{last} is empty")
                found = "".join(map(chr, range(ord(found), ord(last) + 1)))
            chars += found
        self._at += 1
        if negated:
            chars = "".join(char for char in PRINTABLE if char not in chars)
        if not chars:
            raise self.wrong("a class has no characters")
        return "".join(dict.fromkeys(chars))

    def _repeated(self, draw: Draw) -> Draw:
        if not self.next or self.next not in "?*+{":
            return draw
        char = self._take()
        low, high = {"?": (0, 1), "*": (0, MAX_REPEATS), "+": (1, MAX_REPEATS)}.get(char) or self._counts()
        if self.next == "?":  # as few as may be: as good as any
            self._at += 1
        span = high - low + 1

        def run(random: Random) -> str:
            count = low + int(random.random() * span)
            return "".join([draw(random) for _ in range(count)])

        return run

    def _counts(self) -> tuple[int, int]:
        end = self._pattern.find("}", self._at)
        text = self._pattern[self._at : end] if end >= 0 else ""
        low, comma, high = text.partition(",")
        if not low.isdecimal() or (high and not high.isdecimal()):
            raise self.wrong("a repetition is {n}, {n,} or {n,m}")
        self._at = end + 1
        least = int(low)
        most = int(high) if high else least + MAX_REPEATS if comma else least
        if not least <= most <= MAX_COUNT:
            raise self.wrong(f"a repetition is from less to more, and at most {MAX_COUNT}")
        return least, most


def _one_of(chars: str) -> Draw:
    if len(chars) == 1:
        return lambda _random: chars
    count = len(chars)
    return lambda random: chars[int(random.random() * count)]
