"""From the figures of `bench.streams` to a table with goals."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from bench.streams.contestants import FAUST, QUIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.streams.__main__ import Figures

OTTLA, JAVA = "Ottla Streams", "Kafka Streams"
AT_MOST_JAVA: Final = {"map-filter": 1.0, "count": 1.0, "restore": 1.0}
"""CPU a record; of restoring, the time."""
AT_MOST_OTHERS: Final = 0.2
"""Of the CPU of Quix Streams, and of Faust."""


def table(medians: Mapping[tuple[str, str, str], Figures], records: int, rounds: int) -> str:
    """Markdown."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()[:1]
    others = [QUIX, FAUST, *java]
    lines = [
        "# Ottla Streams beside others",
        "",
        f"- Python {platform.python_version()}, confluent-kafka {version('confluent-kafka')}, {', '.join(others)}",
        f"- {records:,} records a run, {rounds} rounds, medians; application and broker (Ottla) on a core each",
        "",
        "| workload | guarantee | | µs of CPU a record | records/s | resident, MB | CPU beside it | goal | |",
        "|---|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for (workload, guarantee, name), figures in medians.items():
        ours = medians.get((workload, guarantee, OTTLA))
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
            f"| {workload} | {guarantee} | {name} | {figures.cpu_us:.2f} | {figures.records_per_s:,.0f} |"
            f" {figures.resident_mb:.0f} | {ratio} | {goal} | {verdict} |"
        )
    lines += ["", "*CPU beside it*: of Ottla Streams, as a part of that contestant's; of *restore*, the time."]
    return "\n".join(lines) + "\n"
