"""The console's pages as files: what they import, what they export, which routes they ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from tests.house.source import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

UI: Final = SOURCE / "ottla" / "console" / "ui"
_IMPORT: Final = re.compile(r"^import (?:\{([^}]*)\}|(\w+))? ?(?:from )?\"([^\"]+)\";", re.M)
_DYNAMIC: Final = re.compile(r"import\(\"([^\"]+)\"\)")
_EXPORT: Final = re.compile(r"^export (?:default )?(?:async )?(?:function|class|const|let) (\w+)", re.M)
_ROUTE: Final = re.compile(r"^  (\w+): \"(GET|POST|PUT|PATCH|DELETE) (/\S+)\",$", re.M)
_ASKED: Final = re.compile(r"\b(?:ask|urlOf|act)\(\"(\w+)\"")


@dataclass(frozen=True, slots=True)
class Import:
    target: Path
    names: tuple[str, ...]
    """What is taken of it; nothing for a page, of which the default export is."""


@cache
def scripts() -> tuple[Path, ...]:
    """Every module that is ours, by path."""
    return tuple(sorted(path for path in UI.rglob("*.js") if "vendor" not in path.parts))


def imports(script: Path) -> list[Import]:
    text = script.read_text("utf-8")
    found = []
    for names, default, target in _IMPORT.findall(text):
        taken = tuple(name.split(" as ")[0].strip() for name in names.split(",") if name.strip())
        found.append(Import((script.parent / target).resolve(), taken + (("default",) if default else ())))
    found += [Import((script.parent / target).resolve(), ("default",)) for target in _DYNAMIC.findall(text)]
    return found


def exports(script: Path) -> set[str]:
    text = script.read_text("utf-8")
    named = set(_EXPORT.findall(text))
    for group in re.findall(r"export ?\{([^}]*)\}", text):
        named |= {part.split(" as ")[-1].strip() for part in group.split(",")}
    return named | ({"default"} if "export default" in text else set())


def routes() -> dict[str, tuple[str, str]]:
    """Name -> (method, path below `/api/clusters/{cluster}`, or below `/` where it begins with `/api`)."""
    text = (UI / "core" / "api.js").read_text("utf-8")
    return {name: (method, path) for name, method, path in _ROUTE.findall(text)}


def asked(script: Path) -> set[str]:
    """The names of the routes that a module asks."""
    return set(_ASKED.findall(script.read_text("utf-8")))
