"""Reads a regular expression in the syntax of RE2 (which Apache Kafka uses), and says what is wrong with one.

Topic names are made of few characters (`ALPHABET`), so every class of characters is a subset of those, and what tells
lines apart means nothing. Greediness means nothing either: a subscription matches whole names.

    node ::= Chars | Assertion | Sequence | Choice | Repeat        (a group is what stands in it)

Not in RE2, and refused: back references, look-around, possessive repetition, more than 1000 repetitions.
"""

import string
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "._-")
WORD: Final = frozenset(string.ascii_letters + string.digits + "_")
DIGITS: Final = frozenset(string.digits)
MAX_REPEAT: Final = 1000
MAX_DEPTH: Final = 200


class InvalidExpressionError(ValueError):
    """The expression is not one; the message says why, for whoever wrote it."""


class AssertionKind(Enum):
    START = "start"
    END = "end"
    WORD_BOUNDARY = "word boundary"
    NO_WORD_BOUNDARY = "no word boundary"


@dataclass(slots=True, frozen=True)
class Chars:
    """One character out of a set; an empty set never matches."""

    allowed: frozenset[str]


@dataclass(slots=True, frozen=True)
class Assertion:
    kind: AssertionKind


@dataclass(slots=True, frozen=True)
class Sequence:
    parts: tuple["Node", ...]


@dataclass(slots=True, frozen=True)
class Choice:
    options: tuple["Node", ...]


@dataclass(slots=True, frozen=True)
class Repeat:
    """`most` None: without end."""

    node: "Node"
    least: int
    most: int | None


Node: TypeAlias = Chars | Assertion | Sequence | Choice | Repeat

_PERL = {"d": DIGITS, "w": WORD, "s": frozenset[str]()}
_POSIX = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "ascii": "".join(sorted(ALPHABET)),
    "blank": "",
    "cntrl": "",
    "digit": string.digits,
    "graph": "".join(sorted(ALPHABET)),
    "lower": string.ascii_lowercase,
    "print": "".join(sorted(ALPHABET)),
    "punct": "._-",
    "space": "",
    "upper": string.ascii_uppercase,
    "word": "".join(sorted(WORD)),
    "xdigit": string.hexdigits,
}
_CONTROL = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_ASSERTIONS = {
    "A": AssertionKind.START,
    "z": AssertionKind.END,
    "b": AssertionKind.WORD_BOUNDARY,
    "B": AssertionKind.NO_WORD_BOUNDARY,
}
_CATEGORIES = ("C", "L", "M", "N", "P", "S", "Z")
_SCRIPTS_ELSEWHERE = frozenset({"Arabic", "Armenian", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul", "Hebrew"})


def parse(pattern: str) -> Node:
    """`InvalidExpressionError` if it is none."""
    return _Parser(pattern).parse()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._fold_case = False
        self._depth = 0

    def parse(self) -> Node:
        node = self._choice()
        if self._at < len(self._text):
            raise InvalidExpressionError("unexpected )")
        return node

    # -- reading

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _accept(self, token: str) -> bool:
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _next(self) -> str:
        char = self._peek()
        self._at += 1
        return char

    def _until(self, token: str, what: str) -> str:
        end = self._text.find(token, self._at)
        if end < 0:
            raise InvalidExpressionError(f"missing {token} of {what}")
        found = self._text[self._at : end]
        self._at = end + len(token)
        return found

    # -- structure

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidExpressionError("groups are nested too deeply")
        fold_case = self._fold_case
        options = [self._sequence()]
        while self._accept("|"):
            options.append(self._sequence())
        self._fold_case = fold_case
        self._depth -= 1
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while (char := self._peek()) and char not in "|)":
            if self._accept("\\Q"):
                parts += self._quoted()
                continue
            node = self._atom()
            if node is not None:
                parts.append(self._repeated(node))
            elif parts:
                parts[-1] = self._repeated(parts[-1])
        return Sequence(tuple(parts))

    def _quoted(self) -> list[Node]:
        end = self._text.find("\\E", self._at)
        literal = self._text[self._at :] if end < 0 else self._text[self._at : end]
        self._at = len(self._text) if end < 0 else end + 2
        parts: list[Node] = [self._literal(char) for char in literal]
        if parts:
            parts[-1] = self._repeated(parts[-1])
        return parts

    def _repeated(self, node: Node) -> Node:
        bounds = self._repetition()
        if bounds is None:
            return node
        self._accept("?")
        if self._repetition() is not None:
            raise InvalidExpressionError("a repetition cannot be repeated")
        least, most = bounds
        if _repeats(node) * max(least, most or 0, 1) > MAX_REPEAT:
            raise InvalidExpressionError(f"more than {MAX_REPEAT} repetitions")
        return Repeat(node, least, most)

    def _repetition(self) -> tuple[int, int | None] | None:
        if self._accept("*"):
            return 0, None
        if self._accept("+"):
            return 1, None
        if self._accept("?"):
            return 0, 1
        if self._peek() != "{":
            return None
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : max(end, self._at + 1)].partition(",")
        if end < 0 or not _is_number(low) or (high and not _is_number(high)):
            # A brace that counts nothing is a character.
            return None
        if len(low) > 4 or len(high) > 4:
            raise InvalidExpressionError(f"more than {MAX_REPEAT} repetitions")
        self._at = end + 1
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if most is not None and most < least:
            raise InvalidExpressionError("repetition ends before it begins")
        return least, most

    # -- atoms

    def _atom(self) -> Node | None:
        """None: something that only sets flags."""
        if self._repetition() is not None:
            raise InvalidExpressionError("there is nothing to repeat")
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return Chars(self._class())
        if char == ".":
            return Chars(ALPHABET)
        if char == "^":
            return Assertion(AssertionKind.START)
        if char == "$":
            return Assertion(AssertionKind.END)
        if char == "\\":
            return self._escape()
        return self._literal(char)

    def _literal(self, char: str) -> Chars:
        chars = frozenset(self._folded(char))
        return Chars(chars & ALPHABET)

    def _folded(self, char: str) -> str:
        return char.lower() + char.upper() if self._fold_case and char.isascii() else char

    def _group(self) -> Node | None:
        fold_case = self._fold_case
        if self._accept("?"):
            if self._accept("P<") or (self._peek() == "<" and self._text[self._at + 1 : self._at + 2] not in "=!"):
                self._accept("<")
                name = self._until(">", "a group's name")
                if not name or not frozenset(name) <= WORD:
                    raise InvalidExpressionError("a group's name must be letters, digits and _")
            elif not self._flags():
                return None
        node = self._choice()
        self._fold_case = fold_case
        if not self._accept(")"):
            raise InvalidExpressionError("missing )")
        return node

    def _flags(self) -> bool:
        """Flags after `(?`: whether a group follows them; if not, they hold for the rest of the group around."""
        on = True
        seen = False
        while True:
            char = self._next()
            if char in (":", ")"):
                if not on and not seen:
                    raise InvalidExpressionError("missing flags after -")
                return char == ":"
            if char == "-" and on:
                on, seen = False, False
            elif char and char in "imsU":
                seen = True
                if char == "i":
                    self._fold_case = on
            else:
                raise InvalidExpressionError("invalid or unsupported group")

    def _escape(self) -> Node:
        char = self._next()
        kind = _ASSERTIONS.get(char)
        if kind is not None:
            return Assertion(kind)
        chars = self._class_escape(char)
        if chars is not None:
            return Chars(chars)
        return self._literal(self._character_escape(char))

    def _class_escape(self, char: str) -> frozenset[str] | None:
        if char and char.lower() in _PERL:
            chars = _PERL[char.lower()]
            return chars if char.islower() else ALPHABET - chars
        if char and char in "pP":
            name = self._until("}", "a class") if self._accept("{") else self._next()
            negated = name.startswith("^")
            chars = _unicode_class(name.removeprefix("^"))
            return ALPHABET - chars if negated != (char == "P") else chars
        return None

    def _character_escape(self, char: str) -> str:
        if char in _CONTROL:
            return _CONTROL[char]
        if char == "x":
            digits = self._until("}", "a code") if self._accept("{") else self._next() + self._next()
            if not digits or not frozenset(digits) <= frozenset(string.hexdigits) or int(digits, 16) > 0x10FFFF:
                raise InvalidExpressionError("invalid code of a character")
            return chr(int(digits, 16))
        if char == "0" or (char.isascii() and char.isdigit() and self._peek().isascii() and self._peek().isdigit()):
            digits = char
            while len(digits) < 3 and (self._peek() or "9") in "01234567":
                digits += self._next()
            if char in "01234567":
                return chr(int(digits, 8))
        if char and char.isascii() and not char.isalnum():
            return char
        raise InvalidExpressionError(f"invalid escape \\{char}" if char else "\\ at the end")

    # -- classes

    def _class(self) -> frozenset[str]:
        negated = self._accept("^")
        chars: set[str] = set()
        first = True
        while first or self._peek() != "]":
            if not self._peek():
                raise InvalidExpressionError("missing ] of a class")
            first = False
            if self._accept("[:"):
                chars |= _posix_class(self._until(":]", "a class"))
            else:
                chars |= self._range()
        self._at += 1
        return ALPHABET - chars if negated else frozenset(chars) & ALPHABET

    def _range(self) -> frozenset[str]:
        low = self._class_member()
        if isinstance(low, frozenset):
            return low
        if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
            self._at += 1
            high = self._class_member()
            if isinstance(high, frozenset) or high < low:
                raise InvalidExpressionError("invalid range in a class")
            within = {char for char in ALPHABET if low <= char <= high}
            if self._fold_case:
                within |= {char for char in ALPHABET if char.swapcase() in within}
            return frozenset(within)
        return frozenset(self._folded(low))

    def _class_member(self) -> str | frozenset[str]:
        char = self._next()
        if char != "\\":
            return char
        escaped = self._next()
        chars = self._class_escape(escaped)
        return self._character_escape(escaped) if chars is None else chars


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _posix_class(name: str) -> frozenset[str]:
    chars = _POSIX.get(name.removeprefix("^"))
    if chars is None:
        raise InvalidExpressionError(f"no class is called {name}")
    return ALPHABET - frozenset(chars) if name.startswith("^") else frozenset(chars)


def _unicode_class(name: str) -> frozenset[str]:
    if name == "Any":
        return ALPHABET
    if name == "Latin":
        return frozenset(string.ascii_letters)
    if name == "Common":
        return ALPHABET - frozenset(string.ascii_letters)
    if name in _SCRIPTS_ELSEWHERE:
        return frozenset()
    if not name or name[0] not in _CATEGORIES or len(name) > 2:
        raise InvalidExpressionError(f"no class is called {name}")
    return frozenset(char for char in ALPHABET if unicodedata.category(char).startswith(name))


def _repeats(node: Node) -> int:
    """How often the innermost part of a node is repeated at most by counts."""
    if isinstance(node, Repeat):
        return _repeats(node.node) * max(node.least, node.most or 0, 1)
    if isinstance(node, Sequence):
        return max((_repeats(part) for part in node.parts), default=1)
    if isinstance(node, Choice):
        return max(_repeats(option) for option in node.options)
    return 1
