"""What a suite said of a node: one outcome a test, the table that keeps them (`results.tsv`), and what must be so.

    suite <TAB> protocol <TAB> test <TAB> apache-kafka <TAB> ottla <TAB> gap

`protocol` is the group protocol that the suite was told to use (`-` where it has no such switch). `gap` says why a
test that passes on Apache Kafka does not pass on Ottla; a row without one must pass wherever the yardstick passes.
"""

from __future__ import annotations

import fcntl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

Outcome = Literal["pass", "fail", "skip", "hang", ""]
Peer = Literal["apache-kafka", "ottla"]
PEERS: Final[tuple[Peer, ...]] = ("apache-kafka", "ottla")
OUTCOMES: Final = ("pass", "fail", "skip", "hang", "")
RESULTS_TSV: Final = Path(__file__).with_name("results.tsv")
HEAD: Final = "suite\tprotocol\ttest\tapache-kafka\tottla\tgap\n"


@dataclass(frozen=True, slots=True)
class Result:
    """One test on one node; `reason` is the suite's own last word where it did not pass."""

    suite: str
    protocol: str
    test: str
    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`only`: beginnings of the names of tests (none: all of them); `jobs`: how many run at once, where a suite can."""

    only: tuple[str, ...] = ()
    jobs: int = 3

    def wants(self, test: str) -> bool:
        return not self.only or test.startswith(self.only)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the same test on both peers ("" where it has not been run)."""

    suite: str
    protocol: str
    test: str
    yardstick: Outcome = ""
    ottla: Outcome = ""
    gap: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.suite, self.protocol, self.test

    @property
    def is_owed(self) -> bool:
        """Passes on Apache Kafka, not on Ottla, and nothing says why."""
        return self.yardstick == "pass" and self.ottla not in ("pass", "") and not self.gap


def parse(text: str) -> list[Row]:
    """The rows of a table; ValueError when a line is not one."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0] != HEAD:
        raise ValueError("the table does not begin with its head")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        cells = line.rstrip("\n").split("\t")
        if len(cells) != 6 or cells[3] not in OUTCOMES or cells[4] not in OUTCOMES:
            raise ValueError(f"line {number} is no row: {line!r}")
        suite, protocol, test, yardstick, ottla, gap = cells
        rows.append(Row(suite, protocol, test, cast(Outcome, yardstick), cast(Outcome, ottla), gap))
    return rows


def render(rows: Iterable[Row]) -> str:
    lines = [
        "\t".join((row.suite, row.protocol, row.test, row.yardstick, row.ottla, row.gap)) + "\n"
        for row in sorted(rows, key=lambda row: row.key)
    ]
    return HEAD + "".join(lines)


def merge(rows: Iterable[Row], peer: Peer, results: Iterable[Result]) -> list[Row]:
    """`rows` with what `results` says of `peer`; everything else stays as it was."""
    table = {row.key: row for row in rows}
    for result in results:
        row = table.get((result.suite, result.protocol, result.test)) or Row(result.suite, result.protocol, result.test)
        if peer == "ottla":
            table[row.key] = replace(row, ottla=result.outcome)
        else:
            table[row.key] = replace(row, yardstick=result.outcome)
    return sorted(table.values(), key=lambda row: row.key)


def owed(rows: Iterable[Row], results: Iterable[Result]) -> list[Result]:
    """Those of `results`, all of Ottla, that break the promise: the table says the test passes on Apache Kafka."""
    table = {row.key: row for row in rows}
    found = []
    for result in results:
        row = table.get((result.suite, result.protocol, result.test))
        if row is not None and replace(row, ottla=result.outcome).is_owed:
            found.append(result)
    return found


def load() -> list[Row]:
    return parse(RESULTS_TSV.read_text("utf-8")) if RESULTS_TSV.exists() else []


def record(peer: Peer, results: Iterable[Result]) -> None:
    """Write `results` into the table; runs of both peers may do so at the same time."""
    with RESULTS_TSV.open("a+", encoding="utf-8") as table:
        fcntl.flock(table, fcntl.LOCK_EX)
        table.seek(0)
        text = table.read()
        merged = render(merge(parse(text) if text else [], peer, results))
        table.truncate(0)
        table.write(merged)
