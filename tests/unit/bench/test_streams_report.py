"""The table of bench.streams: who is compared with whom, and which goals are met; parts of a day are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.streams.report import table
from bench.streams.results import Figures, Results

if TYPE_CHECKING:
    from pathlib import Path

LEAST = "at_least_once"


def lines(results: Results) -> list[str]:
    return [line for line in table(results).splitlines() if line.startswith("| ")][1:]


def test_ratios_and_goals() -> None:
    results = Results()
    results.add(("count", LEAST, "Ottla Streams"), 1000, Figures(6.0, 100_000, 60))
    results.add(("restore", LEAST, "Ottla Streams"), 1000, Figures(3.0, 200_000, 60))
    results.add(("windowed-sum", LEAST, "Kafka Streams"), 1000, Figures(9.0, 50_000, 250))
    results.add(("count", LEAST, "Kafka Streams"), 1000, Figures(5.0, 90_000, 250))
    results.add(("count", LEAST, "Quix Streams"), 50, Figures(60.0, 10_000, 90))
    results.add(("restore", LEAST, "Kafka Streams"), 1000, Figures(2.0, 100_000, 250))
    found = lines(results)
    assert found[1].endswith("| Kafka Streams | 1 | 1,000 | 5.00 | 90,000 | 250 | 1.20 | ≤ 1 | **missed** |")
    assert found[2].endswith("| 1 | 50 | 60.00 | 10,000 | 90 | 0.10 | ≤ 0.2 | met |")
    assert found[4].endswith("| 0.50 | ≤ 1 | met |")
    assert found[5].endswith("| 250 |  |  |  |")


def test_parts_of_a_day(tmp_path: Path) -> None:
    path = tmp_path / "results" / "day.json"
    results = Results.read(path)
    for cpu_us in (4.0, 6.0, 11.0):
        results.add(("count", LEAST, "Ottla Streams"), 1000, Figures(cpu_us, 100_000, 60))
    results.add(("count", LEAST, "Faust"), 50, Figures(200.0, 1_000, 90))
    results.write(path)
    assert lines(results)[0].startswith(f"| count | {LEAST} | Ottla Streams | 3 | 1,000 | 6.00 |")
    later = Results.read(path)
    for cpu_us in (5.0, 7.0):
        later.add(("count", LEAST, "Ottla Streams"), 500, Figures(cpu_us, 100_000, 60))
    later.write(path)
    assert lines(later) == lines(Results.read(path))
    assert lines(later)[0].startswith(f"| count | {LEAST} | Ottla Streams | 2 | 500 | 6.00 |")
    assert lines(later)[1].startswith(f"| count | {LEAST} | Faust | 1 | 50 | 200.00 |")
