"""From the figures of `bench.streams` to a table with goals."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from bench.streams.contestants import FAUST, QUIX

if TYPE_CHECKING:
    from bench.streams.results import Results

OTTLA, JAVA = "Ottla Streams", "Kafka Streams"
AT_MOST_JAVA: Final = {"map-filter": 1.0, "count": 1.0, "restore": 1.0}
"""CPU a record; of restoring, the time."""
AT_MOST_OTHERS: Final = 0.2
"""Of the CPU of Quix Streams, and of Faust."""


def table(results: Results) -> str:
    """Markdown."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()[:1]
    others = [QUIX, FAUST, *java]
    lines = [
        "# Ottla Streams beside others",
        "",
        f"- Python {platform.python_version()}, confluent-kafka {version('confluent-kafka')}, {', '.join(others)}",
        "- medians of the runs; application and broker (Ottla) on a core each",
        "",
        "| workload | guarantee | | runs | records of each | µs of CPU a record | records/s | resident, MB"
        " | CPU beside it | goal | |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for (workload, guarantee, name), runs in results.items():
        figures = runs.median
        of_ours = results.get((workload, guarantee, OTTLA))
        ours = None if of_ours is None else of_ours.median
        ratio, goal, verdict = "", "", ""
        if ours is not None and name != OTTLA:
            compared = (
                figures.records_per_s / ours.records_per_s if workload == "restore" else ours.cpu_us / figures.cpu_us
            )
            limit = AT_MOST_JAVA.get(workload) if name == JAVA else AT_MOST_OTHERS
            ratio = f"{compared:.2f}"
            if limit is not None:
                goal, verdict = f"≤ {limit:g}", "met" if compared <= limit else "**missed**"
        lines.append(
            f"| {workload} | {guarantee} | {name} | {len(runs.figures)} | {runs.records:,} | {figures.cpu_us:.2f} |"
            f" {figures.records_per_s:,.0f} |"
            f" {figures.resident_mb:.0f} | {ratio} | {goal} | {verdict} |"
        )
    lines += ["", "*CPU beside it*: of Ottla Streams, as a part of that contestant's; of *restore*, the time."]
    return "\n".join(lines) + "\n"
