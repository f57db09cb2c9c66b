"""The figures of every run of a day, and the file that keeps them: `bench/results/DATE-streams.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Key = tuple[str, str, str]
"""Workload, guarantee, contestant."""


@dataclass(frozen=True)
class Figures:
    cpu_us: float
    """A record."""
    records_per_s: float
    resident_mb: float


@dataclass(frozen=True)
class Runs:
    records: int
    """Of each."""
    figures: tuple[Figures, ...]

    @property
    def median(self) -> Figures:
        return Figures(
            median(each.cpu_us for each in self.figures),
            median(each.records_per_s for each in self.figures),
            median(each.resident_mb for each in self.figures),
        )


class Results:
    def __init__(self) -> None:
        self._runs: dict[Key, Runs] = {}
        self._earlier: set[Key] = set()

    @classmethod
    def read(cls, path: Path | None) -> Results:
        """Those of earlier parts, if there are any."""
        made = cls()
        if path is not None and path.exists():
            for row in json.loads(path.read_text("utf-8")):
                key = (row["workload"], row["guarantee"], row["contestant"])
                made._runs[key] = Runs(row["records"], tuple(Figures(**each) for each in row["runs"]))
        made._earlier = set(made._runs)
        return made

    def write(self, path: Path) -> None:
        rows = [
            {
                "workload": workload,
                "guarantee": guarantee,
                "contestant": contestant,
                "records": runs.records,
                "runs": [asdict(each) for each in runs.figures],
            }
            for (workload, guarantee, contestant), runs in self.items()
        ]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")

    def add(self, key: Key, records: int, figures: Figures) -> None:
        """In place of what an earlier part found, beside what this one did."""
        before = () if key in self._earlier or key not in self._runs else self._runs[key].figures
        self._earlier.discard(key)
        self._runs[key] = Runs(records, (*before, figures))

    def items(self) -> Iterator[tuple[Key, Runs]]:
        """By workload and guarantee, in the order in which they were found first."""
        groups = dict.fromkeys(key[:2] for key in self._runs)
        return iter([(key, runs) for group in groups for key, runs in self._runs.items() if key[:2] == group])

    def get(self, key: Key) -> Runs | None:
        return self._runs.get(key)
