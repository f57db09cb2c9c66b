"""Java's `.properties` files: read as `java.util.Properties` reads them, and written plainly.

Natural lines end at `\\n`, `\\r` or `\\r\\n`; one that starts with `#` or `!` is a comment; one that ends with an odd
number of backslashes goes on in the next, whose leading blanks are dropped. The key ends at the first unescaped `=`,
`:` or blank. `\\t \\n \\f \\r \\uXXXX` are escapes; a backslash before anything else is dropped.
"""

from collections.abc import Iterator, Mapping

_BLANK = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def parse_properties(text: str) -> dict[str, str]:
    """Keys and values in the order of the file; the last wins. `ValueError` for a broken `\\u` escape."""
    properties: dict[str, str] = {}
    for line in _logical_lines(text):
        key, value = _split(line)
        properties[_unescape(key)] = _unescape(value)
    return properties


def format_properties(properties: Mapping[str, str], comments: tuple[str, ...] = ()) -> str:
    """A file with these comments and, a line each, these properties in their order."""
    lines = [f"#{comment}" for comment in comments]
    lines += [f"{_escape(key, is_key=True)}={_escape(value, is_key=False)}" for key, value in properties.items()]
    return "".join(f"{line}\n" for line in lines)


def _logical_lines(text: str) -> Iterator[str]:
    pending: str | None = None
    for natural in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        line = natural.lstrip(_BLANK)
        if pending is None:
            if not line or line[0] in "#!":
                continue
        else:
            line = pending + line
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            pending = line[:-1]
            continue
        pending = None
        yield line
    if pending:
        yield pending


def _split(line: str) -> tuple[str, str]:
    position = 0
    while position < len(line) and line[position] not in "=:" + _BLANK:
        position += 2 if line[position] == "\\" else 1
    key, rest = line[:position], line[position:].lstrip(_BLANK)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANK)
    return key, rest


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    out: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\" and position < len(text):
            character = text[position]
            position += 1
            if character == "u":
                digits = text[position : position + 4]
                if len(digits) != 4 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                    raise ValueError(f"malformed \\u escape: \\u{digits}")
                character = chr(int(digits, 16))
                position += 4
            else:
                character = _ESCAPES.get(character, character)
        out.append(character)
    plain = "".join(out)
    if any("\ud800" <= character <= "\udfff" for character in plain):  # two escapes for one character
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return plain


def _escape(text: str, *, is_key: bool) -> str:
    out: list[str] = []
    for position, character in enumerate(text):
        if character in _ESCAPED:
            out.append(_ESCAPED[character])
        elif (character in "=:#!" and is_key) or (character == " " and (is_key or position == 0)):
            out.append("\\" + character)
        elif " " <= character <= "~":
            out.append(character)
        else:
            pairs = character.encode("utf-16-be", "surrogatepass")
            out += [f"\\u{pairs[at]:02x}{pairs[at + 1]:02x}" for at in range(0, len(pairs), 2)]
    return "".join(out)
