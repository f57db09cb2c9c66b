"""`docs/reference/foreign-suites.md`: what others' suites say of Ottla and of Apache Kafka, from `results.tsv`."""

from __future__ import annotations

import datetime
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.foreign import kafka_python, librdkafka
from tests.peers import apache_kafka

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.foreign.results import Row

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "foreign-suites.md"
WHAT: Final = {
    "kafka-python": f"kafka-python {kafka_python.VERSION}: its integration tests (its unit tests ask no broker)",
    "kafka-tools": f"the command-line tools of Apache Kafka {apache_kafka.VERSION}: status and text of the same calls",
    "kcat": "kcat, in every mode",
    "librdkafka": f"librdkafka {librdkafka.VERSION}: its tests that ask a broker, with either group protocol",
}
HEAD: Final = """# The test suites of others

Written by `python -m tests.foreign --record`, last on {date}; the table behind it is
[`results.tsv`](../../tests/foreign/results.tsv). `make conformance` runs these suites, as their authors wrote them,
against a node, and fails when a test that passes on Apache Kafka {kafka} does not pass on Ottla and no reason stands
here. A test that did not pass has had a second try, alone; both peers have the same settings, on the same machine.

| suite | group protocol | tests | pass on Apache Kafka | of these on Ottla | pass on Ottla | skip themselves |
|-------|----------------|------:|---------------------:|------------------:|--------------:|----------------:|
"""


def render(rows: Iterable[Row], date: datetime.date) -> str:
    rows = list(rows)
    text = HEAD.format(date=date.isoformat(), kafka=apache_kafka.VERSION)
    for (suite, protocol), group in groupby(rows, key=lambda row: (row.suite, row.protocol)):
        text += _totals(suite, protocol, list(group))
    text += "\n" + "".join(f"* **{suite}**: {what}.\n" for suite, what in WHAT.items())
    differ = [row for row in rows if row.yardstick == "pass" and row.ottla != "pass"]
    text += "\n## What passes on Apache Kafka and not on Ottla\n\n"
    text += _head("suite", "group protocol", "test", "why") if differ else "Nothing.\n"
    text += "".join(f"| {row.suite} | {row.protocol} | {row.test} | {row.gap or 'owed'} |\n" for row in differ)
    rest = [row for row in rows if row.yardstick not in ("pass", "")]
    text += "\n## What does not pass on Apache Kafka either\n\n"
    text += _head("suite", "group protocol", "test", "Apache Kafka", "Ottla")
    text += "".join(f"| {row.suite} | {row.protocol} | {row.test} | {row.yardstick} | {row.ottla} |\n" for row in rest)
    return text


def _head(*columns: str) -> str:
    return f"| {' | '.join(columns)} |\n|{'|'.join('---' for _ in columns)}|\n"


def _totals(suite: str, protocol: str, rows: list[Row]) -> str:
    kafka, ottla = Counter(row.yardstick for row in rows), Counter(row.ottla for row in rows)
    both = sum(row.yardstick == row.ottla == "pass" for row in rows)
    cells = (suite, protocol, len(rows), kafka["pass"], both, ottla["pass"], kafka["skip"])
    return f"| {' | '.join(map(str, cells))} |\n"


def write(rows: Iterable[Row]) -> None:
    PAGE.write_text(render(rows, datetime.datetime.now(datetime.UTC).date()), "utf-8")
