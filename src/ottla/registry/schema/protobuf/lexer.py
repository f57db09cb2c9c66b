"""Words of a `.proto` file, without comments."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ottla.registry.schema.errors import SchemaError

WORD: Final = "word"
NUMBER: Final = "number"
TEXT: Final = "text"
END: Final = "end"

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>[{}\[\]()<>;:,.=+\-/])
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    kind: str
    text: str
    position: int


def tokens(source: str) -> list[Token]:
    """Ends with two tokens of that kind, so that one may look past the next. `SchemaError` names the line."""
    found: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise SchemaError(f"line {line_of(source, position)}: {source[position : position + 20]!r} is unexpected")
        if match.lastgroup != "space":
            assert match.lastgroup is not None
            found.append(Token(match.lastgroup, match[0], position))
        position = match.end()
    found += [Token(END, "", position)] * 2
    return found


def line_of(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL
)


def unquoted(text: str) -> str:
    """What a quoted string says."""

    def one(match: re.Match[str]) -> str:
        hexadecimal, octal, short, long, plain = match.groups()
        if plain is not None:
            return _ESCAPES.get(plain, plain)
        return chr(int(octal, 8) if octal else int(hexadecimal or short or long, 16))

    return _ESCAPED.sub(one, text[1:-1])


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
