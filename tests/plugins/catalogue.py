"""Refreshes the rows of PyPI in the catalogue: `python -m tests.plugins.catalogue PACKAGES.tsv`.

The file lists packages: name, version, …, and in the last column the summary. What was tested stays noted as long as
the version is the one that was tested; rows of other routes stay as they are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.connect.catalogue.entries import FILE, CatalogueEntry, catalogue_text, parse_catalogue
from ottla.connect.catalogue.home import AIRBYTE, SINGER, SINK, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CATALOGUE: Final = Path(__file__).parents[2] / "src" / "ottla" / "connect" / "catalogue" / FILE
_SINGER: Final = re.compile(r"singer|meltano|stitch", re.IGNORECASE)
_TAP: Final = re.compile(r"([a-z0-9]+-)*tap-[a-z0-9-]+")
_TARGET: Final = re.compile(r"([a-z0-9]+-)*target-[a-z0-9-]+")
_AIRBYTE: Final = re.compile(r"airbyte-(source-[a-z0-9-]+)")


def entries_of(lines: Iterable[str]) -> Iterator[CatalogueEntry]:
    for line in lines:
        name, version, *_, summary = line.rstrip("\n").split("\t")
        airbyte = _AIRBYTE.fullmatch(name)
        if airbyte:
            yield CatalogueEntry(airbyte[1], SOURCE, AIRBYTE, name, version, "", "")
        elif _SINGER.search(summary):
            for pattern, kind in ((_TAP, SOURCE), (_TARGET, SINK)):
                if pattern.fullmatch(name):
                    yield CatalogueEntry(name, kind, SINGER, name, version, "", "")


def refreshed(old: Iterable[CatalogueEntry], new: Iterable[CatalogueEntry]) -> list[CatalogueEntry]:
    known = {each.package: each for each in old}
    kept = [each for each in known.values() if each.route not in (SINGER, AIRBYTE)]
    return kept + [
        known[each.package] if each.package in known and known[each.package].tested else each for each in new
    ]


if __name__ == "__main__":
    before = parse_catalogue(CATALOGUE.read_text("utf-8")) if CATALOGUE.exists() else []
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        next(file)
        after = refreshed(before, entries_of(file))
    CATALOGUE.write_text(catalogue_text(after), "utf-8")
    sys.stdout.write(f"{len(before)} entries before, {len(after)} now\n")
