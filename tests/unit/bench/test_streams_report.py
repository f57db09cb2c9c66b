"""The table of bench.streams: who is compared with whom, and which goals are met."""

from __future__ import annotations

from bench.streams.__main__ import Figures
from bench.streams.report import table


def test_ratios_and_goals() -> None:
    medians = {
        ("count", "at_least_once", "Ottla Streams"): Figures(6.0, 100_000, 60),
        ("count", "at_least_once", "Kafka Streams"): Figures(5.0, 90_000, 250),
        ("count", "at_least_once", "Quix Streams"): Figures(60.0, 10_000, 90),
        ("windowed-sum", "at_least_once", "Kafka Streams"): Figures(9.0, 50_000, 250),
        ("restore", "at_least_once", "Ottla Streams"): Figures(3.0, 200_000, 60),
        ("restore", "at_least_once", "Kafka Streams"): Figures(2.0, 100_000, 250),
    }
    lines = [line for line in table(medians, 1000, 3).splitlines() if line.startswith("| ")]
    assert lines[2].endswith("| Kafka Streams | 5.00 | 90,000 | 250 | 1.20 | ≤ 1 | **missed** |")
    assert lines[3].endswith("| 0.10 | ≤ 0.2 | met |")
    assert lines[4].endswith("| 250 |  |  |  |")
    assert lines[6].endswith("| 0.50 | ≤ 1 | met |")
