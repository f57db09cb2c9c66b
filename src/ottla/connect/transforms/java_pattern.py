"""Java's regular expressions (`java.util.regex.Pattern`) by Python's: what is written differently is translated.

Named groups, \\Q…\\E, \\z, \\h, \\R, \\p{…} of ASCII; \\d, \\w and \\s are ASCII, as in Java.
What Python has not (classes within classes, &&, \\G, \\X) is a `ConfigError`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ottla.connect.api.errors import ConfigError, DataError

_CLASSES: Final = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\s",
    "javaWhitespace": r"\s",
}
_OUTSIDE: Final = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "h": r"[ \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]",
    "H": r"[^ \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]",
    "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    "e": r"\x1b",
}
_REFUSED: Final = "GXNVk"
_NAME: Final = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")
_PROPERTY: Final = re.compile(r"\{(?:Is)?(\w+)\}")
_GROUP_NAME: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9]*)\}")


class JavaPattern:
    def __init__(self, pattern: str) -> None:
        """Raises `ConfigError`."""
        self.pattern = pattern
        try:
            self._compiled = re.compile(_translated(pattern), re.ASCII)
        except (re.error, RecursionError, OverflowError) as error:
            raise ConfigError(f"Invalid regex {pattern!r}: {error}") from error

    def matches(self, text: str) -> bool:
        """The whole text."""
        return self._compiled.fullmatch(text) is not None

    def replace_first(self, text: str, replacement: str) -> str:
        """`Matcher.replaceFirst`. Raises `DataError` where the replacement names a group that is not there."""
        found = self._compiled.search(text)
        if found is None:
            return text
        return text[: found.start()] + self._expanded(found, replacement) + text[found.end() :]

    def _expanded(self, found: re.Match[str], replacement: str) -> str:
        result = ""
        at = 0
        while at < len(replacement):
            char = replacement[at]
            at += 1
            if char == "\\":
                if at == len(replacement):
                    raise DataError(f"The replacement {replacement!r} ends with a backslash")
                result += replacement[at]
                at += 1
            elif char == "$":
                value, at = self._group(found, replacement, at)
                result += value
            else:
                result += char
        return result

    def _group(self, found: re.Match[str], replacement: str, at: int) -> tuple[str, int]:
        """`{name}`, or as many digits as there are groups."""
        name = _GROUP_NAME.match(replacement, at)
        if name is not None:
            if name[1] not in self._compiled.groupindex:
                raise DataError(f"The replacement {replacement!r} names the group {name[1]}, which is not there")
            return found[name[1]] or "", name.end()
        digit = replacement[at : at + 1]
        if not (digit.isascii() and digit.isdigit()) or int(digit) > self._compiled.groups:
            raise DataError(f"The replacement {replacement!r} names a group that is not there")
        number = int(digit)
        at += 1
        while (digit := replacement[at : at + 1]).isascii() and digit.isdigit():
            if number * 10 + int(digit) > self._compiled.groups:
                break
            number = number * 10 + int(digit)
            at += 1
        return found[number] or "", at


class RegexValidator:
    """A validator: what Java's `Pattern` takes."""

    def ensure_valid(self, name: str, value: Any) -> None:
        try:
            JavaPattern(value or "")
        except ConfigError as error:
            raise ConfigError.of(name, value, f"Invalid regex: {error}") from error

    def __str__(self) -> str:
        return "valid regex"


def _translated(pattern: str) -> str:
    result = ""
    at = 0
    in_class = False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            piece, at = _escape(pattern, at + 1, in_class)
            result += piece
            continue
        if in_class:
            if char == "[" or pattern.startswith("&&", at):
                raise ConfigError(f"Classes within classes are not supported: {pattern!r}")
            in_class = char != "]"
        elif char == "[":
            in_class = True
            if pattern.startswith("[^", at):
                result += "["
                at += 1
                char = "^"
        elif (named := _NAME.match(pattern, at)) is not None:
            result += f"(?P<{named[1]}>"
            at = named.end()
            continue
        elif char == "$":
            char = r"(?=(?:\r\n|[\n\r\x85\u2028\u2029])?\Z)"
        result += char
        at += 1
    return result


def _escape(pattern: str, at: int, in_class: bool) -> tuple[str, int]:
    char = pattern[at : at + 1]
    if char == "Q":
        end = pattern.find("\\E", at)
        literal = pattern[at + 1 : end if end >= 0 else len(pattern)]
        return re.escape(literal), end + 2 if end >= 0 else len(pattern)
    if char in ("p", "P"):
        found = _PROPERTY.match(pattern, at + 1)
        name = found[1] if found else pattern[at + 1 : at + 2]
        members = _CLASSES.get(name) or _CLASSES.get(name.capitalize())
        if members is None or (char == "P" and in_class):
            raise ConfigError(f"The class \\{char}{{{name}}} is not supported: {pattern!r}")
        end = found.end() if found else at + 2
        return (members if in_class else f"[{'^' if char == 'P' else ''}{members}]"), end
    if char == "k" and (found := re.compile(r"<(\w+)>").match(pattern, at + 1)):
        return f"(?P={found[1]})", found.end()
    if not in_class and char in _OUTSIDE:
        return _OUTSIDE[char], at + 1
    if char and char in _REFUSED:
        raise ConfigError(f"\\{char} is not supported: {pattern!r}")
    return "\\" + char, at + 1
