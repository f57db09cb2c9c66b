"""From measurements to a table with ratios and goals, for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.workloads import Measurement, Workload

# The largest ratio of Ottla to Apache Kafka that is allowed, or the smallest, by kind of workload and metric.
AT_MOST: Final = {
    ("produce", "cpu_us_per_record"): 0.5,
    ("one", "cpu_us_per_record"): 0.15,
    ("consume", "cpu_us_per_record"): 0.5,
    ("latency", "p50_ms"): 1.0,
    ("latency", "p99_ms"): 1.0,
    ("node", "start_s"): 0.1,
    ("node", "idle_mb"): 0.25,
    ("node", "loaded_mb"): 0.25,
}
AT_LEAST: Final = {(kind, "records_per_s"): 1.2 for kind in ("produce", "one", "consume")}
METRICS: Final = {
    "records_per_s": "records/s",
    "cpu_us_per_record": "broker CPU, µs a record",
    "busy": "broker's core busy, %",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "start_s": "empty disk to first answer, s",
    "idle_mb": "resident when idle, MB",
    "loaded_mb": "resident after the load, MB",
}


@dataclass(frozen=True)
class Row:
    """One metric of one workload: the median of the rounds for each broker, and the median of the paired ratios."""

    workload: str
    metric: str
    ottla: float
    kafka: float
    ratio: float
    goal: str
    met: bool | None


def row(kind: str, title: str, metric: str, ottla: Sequence[float], kafka: Sequence[float]) -> Row:
    """`ottla` and `kafka` hold a value a round; values of the same round are a pair."""
    ratio = median(a / b if b else float("inf") for a, b in zip(ottla, kafka, strict=True))
    goal, met = "", None
    if (kind, metric) in AT_MOST:
        limit = AT_MOST[kind, metric]
        goal, met = f"≤ {limit:g}", ratio <= limit
    elif (kind, metric) in AT_LEAST:
        limit = AT_LEAST[kind, metric]
        goal, met = f"≥ {limit:g}", ratio >= limit
    return Row(title, METRICS[metric], median(ottla), median(kafka), ratio, goal, met)


def workload_rows(workload: Workload, ottla: Sequence[Measurement], kafka: Sequence[Measurement]) -> list[Row]:
    rows = []
    for metric in ("records_per_s", "cpu_us_per_record", "p50_ms", "p99_ms"):
        ours = [value for value in (getattr(one, metric) for one in ottla) if value is not None]
        theirs = [value for value in (getattr(one, metric) for one in kafka) if value is not None]
        if ours and theirs:
            rows.append(row(workload.kind, workload.title, metric, ours, theirs))
    busy = [[share for share in map(_busy_percent, side) if share is not None] for side in (ottla, kafka)]
    if all(busy):
        rows.append(row(workload.kind, workload.title, "busy", busy[0], busy[1]))
    return rows


def _busy_percent(one: Measurement) -> float | None:
    """How much of its core a broker used: where both have time to spare, the client set the throughput."""
    if one.records_per_s is None or one.cpu_us_per_record is None:
        return None
    return one.records_per_s * one.cpu_us_per_record / 1e6 * 100


def markdown(rows: Sequence[Row], about: Mapping[str, str]) -> str:
    lines = [f"# Ottla beside Apache Kafka, {about['date']}", ""]
    lines += [f"- {key}: {value}" for key, value in about.items() if key != "date"]
    lines += ["", "| workload | metric | Ottla | Apache Kafka | ratio | goal | |", "|---|---|--:|--:|--:|--:|---|"]
    previous = ""
    for one in rows:
        title = one.workload if one.workload != previous else ""
        previous = one.workload
        verdict = "" if one.met is None else "met" if one.met else "**missed**"
        numbers = f"{_number(one.ottla)} | {_number(one.kafka)} | {one.ratio:.2f}"
        lines.append(f"| {title} | {one.metric} | {numbers} | {one.goal} | {verdict} |")
    judged = [one for one in rows if one.met is not None]
    lines += ["", f"{sum(bool(one.met) for one in judged)} of {len(judged)} goals met.", ""]
    return "\n".join(lines)


def as_json(rows: Sequence[Row], about: Mapping[str, str], rounds: Mapping[str, Any]) -> dict[str, Any]:
    return {"about": dict(about), "rows": [asdict(one) for one in rows], "rounds": dict(rounds)}


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
