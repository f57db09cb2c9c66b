"""A scrape of `/metrics`, taken apart: what a test looks at."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

SCRAPE_TIMEOUT_S: Final = 60.0
_LINE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


@dataclass(slots=True)
class Scrape:
    """`samples`: name -> labels -> value. `types`: name -> type. Lines that are none of the format are an error."""

    samples: dict[str, dict[frozenset[tuple[str, str]], float]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, url: str, tls: ssl.SSLContext | None = None) -> Scrape:
        with urllib.request.urlopen(url, timeout=SCRAPE_TIMEOUT_S, context=tls) as answer:
            return cls.parse(answer.read().decode())

    @classmethod
    def parse(cls, text: str) -> Scrape:
        scrape = cls()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                scrape.types[name] = kind
            elif line and not line.startswith("#"):
                found = _LINE.fullmatch(line)
                assert found, f"not a line of the format: {line!r}"
                labels = found[2] or ""
                matched = list(_LABEL.finditer(labels))
                assert sum(len(each[0]) for each in matched) == len(labels), f"not labels: {line!r}"
                series = scrape.samples.setdefault(found[1], {})
                key = frozenset((each[1], each[2]) for each in matched)
                assert key not in series, f"told twice: {line!r}"
                series[key] = float(found[3])
        return scrape

    def value(self, name: str, **labels: str) -> float | None:
        """Of the series with just these labels; `None`: there is none."""
        return self.samples.get(name, {}).get(frozenset(labels.items()))

    def series(self, name: str, *without: str) -> Iterator[tuple[dict[str, str], float]]:
        """Labels, but for those named, and value of each series."""
        for labels, value in self.samples.get(name, {}).items():
            yield {key: text for key, text in sorted(labels) if key not in without}, value
