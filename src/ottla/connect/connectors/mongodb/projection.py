"""Fields that are kept, or left out, by a list of names (`sink/processor/field/projection/`).

`a.b` is a field within one, `*` one name, `**` all below; `a*` is every field that begins so. A list of fields to keep
keeps what those stand in, too.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.connectors.mongodb.documents import Document

ALLOW: Final = ("allowlist", "whitelist")
BLOCK: Final = ("blocklist", "blacklist")
NONE: Final = "none"
TYPES: Final = (NONE, *ALLOW, *BLOCK)
_ONE, _ALL = "*", "**"
_COMMA: Final = re.compile(r"\s*,\s*")


def projector(kind: str, fields: str) -> Callable[[Document], None] | None:
    """What takes fields away from a document; `None` for the type `none`."""
    names = [name for name in _COMMA.split(fields.strip()) if name]
    if kind.lower() in ALLOW:
        kept = {".".join(parts[:count]) for name in names for parts in [name.split(".")] for count in _counts(parts)}
        return lambda document: _keep("", document, kept)
    if kind.lower() in BLOCK:
        return lambda document: _leave_out_all(dict.fromkeys(names), document)
    return None


def _counts(parts: list[str]) -> range:
    return range(1, len(parts) + 1)


def _keep(path: str, document: Document, kept: set[str]) -> None:
    if _ALL in kept:
        return
    for name, value in list(document.items()):
        key = f"{path}.{name}" if path else name
        if key not in kept and not _matches(key, kept):
            del document[name]
        if isinstance(value, dict):
            if f"{key}.{_ALL}" not in kept:
                _keep(key, value, kept)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    _keep(key, each, kept)


def _matches(key: str, kept: set[str]) -> bool:
    for name in kept:
        if "." not in name and name != _ONE and name.endswith(_ONE) and key.startswith(name[:-1]):
            return True
    return any(".".join(parts) in kept for parts in itertools.product(*((part, _ONE) for part in key.split("."))))


def _leave_out_all(names: dict[str, None], document: Document) -> None:
    for name in names:
        _leave_out(name, document)


def _leave_out(name: str, document: Document) -> None:
    first, point, rest = name.partition(".")
    if first in (_ONE, _ALL):
        _leave_out_any(first, rest, document)
    elif not point:
        if name.endswith(_ONE):
            for each in [each for each in document if each.startswith(name[:-1])]:
                del document[each]
        else:
            document.pop(name, None)
    else:
        value = document.get(first)
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                _leave_out(rest, inner)


def _leave_out_any(first: str, rest: str, document: Document) -> None:
    if first == _ALL:
        document.clear()
        return
    for name, value in list(document.items()):
        if not isinstance(value, dict):
            del document[name]
        elif rest:
            _leave_out(rest, value)
