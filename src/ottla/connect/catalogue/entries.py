"""The catalogue: connectors of others that are known by name (`connectors.tsv`), and which of them were run.

    name ⇥ kind ⇥ route ⇥ package ⇥ version ⇥ licence ⇥ tested

`version` is the one that was known when the catalogue was made; `tested` is empty, or the day on which that version was
really run here by `python -m tests.plugins`, which writes it. Empty `licence`: `ottla connectors install` shows it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.catalogue.home import ROUTES, SINK, SOURCE, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE: Final = "connectors.tsv"
COLUMNS: Final = ("name", "kind", "route", "package", "version", "licence", "tested")


class CatalogueEntry(NamedTuple):
    name: str
    kind: str
    route: str
    package: str
    version: str
    licence: str
    tested: str


def read_catalogue() -> list[CatalogueEntry]:
    """In the order of names."""
    return parse_catalogue(files(__package__).joinpath(FILE).read_text("utf-8"))


def parse_catalogue(text: str) -> list[CatalogueEntry]:
    """`PluginError` names the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if number == 1 or not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != len(COLUMNS) or cells[1] not in (SOURCE, SINK) or cells[2] not in ROUTES:
            raise PluginError(f"{FILE}, line {number}: not {len(COLUMNS)} columns of the catalogue: {line!r}")
        found.append(CatalogueEntry(*cells))
    return sorted(found)


def catalogue_text(entries: Iterable[CatalogueEntry]) -> str:
    lines = ["\t".join(COLUMNS), *("\t".join(entry) for entry in sorted(entries))]
    return "\n".join(lines) + "\n"


def search(entries: Iterable[CatalogueEntry], pattern: str | None) -> list[CatalogueEntry]:
    """Names or packages that have the text in them, or match it where it has * or ?."""
    if not pattern:
        return list(entries)
    wanted = pattern.lower()
    if not any(character in wanted for character in "*?"):
        wanted = f"*{wanted}*"
    return [each for each in entries if fnmatchcase(each.name, wanted) or fnmatchcase(each.package.lower(), wanted)]
