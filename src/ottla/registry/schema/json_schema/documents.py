"""Where a `$ref` leads: into the schema itself, or into those that it was registered with. Nothing is fetched."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin

from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IDS = ("$id", "id")
_ANCHORS = ("$anchor", "$dynamicAnchor")
_DATA = ("enum", "const", "default", "examples")
"""What stands in these is no schema."""


def read_json(text: str) -> object:
    """`SchemaError`."""
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise SchemaError(f"it is not JSON: {error}") from None
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None


class Documents:
    """Every schema that has a name, by that name or its absolute id; `""` is the main one."""

    def __init__(self, main: object, others: Mapping[str, object]) -> None:
        self._named: dict[str, object] = {}
        self._anchors: dict[tuple[str, str], object] = {}
        self._bases: dict[int, str] = {}
        for name, value in {"": main, **others}.items():
            self._named[name] = value
            self._index(value, name)

    def base_of(self, value: object, inherited: str) -> str:
        return self._bases.get(id(value), inherited)

    def find(self, reference: str, base: str) -> tuple[object, str]:
        """The schema and its base. `SchemaError`."""
        place, fragment = urldefrag(reference)
        for candidate in (place, urljoin(base, place)) if place else (base,):
            document = self._named.get(candidate, self._named.get(candidate.removesuffix("#")))
            if document is None:
                continue
            home = self.base_of(document, candidate)
            if not fragment or fragment.startswith("/"):
                return _pointed_at(document, unquote(fragment), reference), home
            anchored = self._anchors.get((home, fragment))
            if anchored is not None:
                return anchored, home
        raise SchemaError(f"nothing is known that the reference '{reference}' leads to")

    def _index(self, value: object, base: str) -> None:
        if isinstance(value, list):
            for each in value:
                self._index(each, base)
        if not isinstance(value, dict):
            return
        for key in IDS:
            name = value.get(key)
            if isinstance(name, str) and name:
                if name.startswith("#"):
                    self._anchors.setdefault((base, name[1:]), value)
                else:
                    base = urldefrag(urljoin(base, name))[0]
                    self._named.setdefault(base, value)
                    self._named.setdefault(name, value)
                break
        self._bases[id(value)] = base
        for key in _ANCHORS:
            anchor = value.get(key)
            if isinstance(anchor, str):
                self._anchors.setdefault((base, anchor), value)
        for each in _children(value):
            self._index(each, base)


def _children(value: dict[str, object]) -> Iterator[object]:
    for key, each in value.items():
        if key not in _DATA:
            yield each


def _pointed_at(document: object, pointer: str, reference: str) -> object:
    found = document
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise SchemaError(f"the reference '{reference}' leads nowhere")
    return found
