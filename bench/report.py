"""From measurements to a table with ratios and goals, for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

from collections import Counter
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
    ("transactions", "cpu_us_per_record"): 0.5,
    ("groups", "cpu_us_per_record"): 0.5,
    **{(kind, metric): 1.0 for kind in ("latency", "transactions", "groups") for metric in ("p50_ms", "p99_ms")},
    ("node", "start_s"): 0.1,
    ("node", "idle_mb"): 0.25,
    ("node", "loaded_mb"): 0.25,
}
AT_LEAST: Final = {(kind, "records_per_s"): 1.2 for kind in ("produce", "one", "consume", "transactions")}
BROKER_BUSY_PERCENT: Final = 80.0
"""With less than this of its core used, Ottla is not what keeps a throughput goal from being met: its client is."""
CLIENT_BOUND: Final = "client-bound"
METRICS: Final = {
    "records_per_s": "records/s",
    "cpu_us_per_record": "broker CPU, µs a record",
    "floor_us_per_record": "… of a bare sendfile loop in C",
    "busy": "broker's core busy, %",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "start_s": "empty disk to first answer, s",
    "idle_mb": "resident when idle, MB",
    "loaded_mb": "resident after the load, MB",
}


NOTES: Final = (
    f"- *client-bound*: a throughput goal that is not met while Ottla's core is less than {BROKER_BUSY_PERCENT:g} % "
    "busy: the client, on a core of its own, gives or takes no more. It is not counted as met; the rows with bare "
    "requests, whose client costs next to nothing, judge the broker.",
    "- *… of a bare sendfile loop in C*: the CPU of `bench/floor.c`, which answers the same fetches of the same file, "
    "for the same client, with nothing but `sendfile`; its ratio is to Apache Kafka, too. Where it is above the goal, "
    "no broker that sends by `sendfile` meets that goal on this machine.",
    "- bare produce: one batch of 100 kB a request, five requests in flight on a connection, acks=1; of one record a "
    "request fifty are in flight. Transactions: a record of 100 B, "
    "latency is that of the commit. Groups: CPU a commit, with all that the members do besides; latency is that of "
    "the commit.",
)


@dataclass(frozen=True)
class Row:
    """One metric of one workload: the median of the rounds for each broker, and the median of the paired ratios.

    `verdict`: met, missed, client-bound, or nothing where there is no goal.
    """

    workload: str
    metric: str
    ottla: float
    kafka: float
    ratio: float
    goal: str = ""
    verdict: str = ""


def row(
    kind: str, title: str, metric: str, ottla: Sequence[float], kafka: Sequence[float], busy: float | None = None
) -> Row:
    """`ottla` and `kafka` hold a value a round; values of the same round are a pair. `busy`: Ottla's core, in %."""
    ratio = median(a / b if b else float("inf") for a, b in zip(ottla, kafka, strict=True))
    goal, verdict = "", ""
    if (kind, metric) in AT_MOST:
        limit = AT_MOST[kind, metric]
        goal, verdict = f"≤ {limit:g}", "met" if ratio <= limit else "missed"
    elif (kind, metric) in AT_LEAST:
        limit = AT_LEAST[kind, metric]
        goal, verdict = f"≥ {limit:g}", "met" if ratio >= limit else "missed"
        if verdict == "missed" and busy is not None and busy < BROKER_BUSY_PERCENT:
            verdict = CLIENT_BOUND
    return Row(title, METRICS.get(metric, metric), median(ottla), median(kafka), ratio, goal, verdict)


def workload_rows(workload: Workload, ottla: Sequence[Measurement], kafka: Sequence[Measurement]) -> list[Row]:
    rows = []
    kind, title = workload.kind, workload.title
    busy = [[share for share in map(_busy_percent, side) if share is not None] for side in (ottla, kafka)]
    busy_of_ottla = median(busy[0]) if busy[0] else None
    for metric in ("records_per_s", "cpu_us_per_record", "p50_ms", "p99_ms"):
        ours = [value for value in (getattr(one, metric) for one in ottla) if value is not None]
        theirs = [value for value in (getattr(one, metric) for one in kafka) if value is not None]
        if ours and theirs:
            rows.append(row(kind, title, metric, ours, theirs, busy_of_ottla))
        floor = [one.floor_us_per_record for one in ottla if one.floor_us_per_record is not None]
        if metric == "cpu_us_per_record" and floor and theirs:
            rows.append(row("floor", title, "floor_us_per_record", floor, theirs))
    if all(busy):
        rows.append(row(kind, title, "busy", busy[0], busy[1]))
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
        verdict = f"**{one.verdict}**" if one.verdict == "missed" else one.verdict
        numbers = f"{_number(one.ottla)} | {_number(one.kafka)} | {one.ratio:.2f}"
        lines.append(f"| {title} | {one.metric} | {numbers} | {one.goal} | {verdict} |")
    return "\n".join([*lines, "", _summary(rows), "", *NOTES, ""])


def _summary(rows: Sequence[Row]) -> str:
    verdicts = Counter(one.verdict for one in rows)
    judged = verdicts["met"] + verdicts["missed"]
    return f"{verdicts['met']} of {judged} goals met; {verdicts[CLIENT_BOUND]} throughput goals are client-bound."


def as_json(rows: Sequence[Row], about: Mapping[str, str], rounds: Mapping[str, Any]) -> dict[str, Any]:
    return {"about": dict(about), "rows": [asdict(one) for one in rows], "rounds": dict(rounds)}


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
