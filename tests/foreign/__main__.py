"""`python -m tests.foreign [SUITE ...]`: run the suites of others against a node and say what differs.

Without `--peer`: Ottla, held beside the yardstick in `results.tsv`; ends with 1 when a test that passes on Apache Kafka
does not pass and nothing says why. `--peer apache-kafka` measures the yardstick anew. `--record` keeps what was seen
in `results.tsv` and writes `docs/reference/foreign-suites.md`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.foreign import kafka_python, kafka_tools, kcat, librdkafka, report
from tests.foreign.fetched import SuiteError
from tests.foreign.results import PEERS, Peer, Result, RunOptions, load, owed, record
from tests.peers.process import NodeDiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUITES = ("kafka-tools", "kcat", "kafka-python", "librdkafka")
EXIT_OWED, EXIT_UNAVAILABLE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := set(given.suites) - set(SUITES):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    code = 0
    with tempfile.TemporaryDirectory(prefix="ottla-foreign-") as scratch:
        logs = given.logs.resolve() if given.logs else Path(scratch)
        for peer in given.peer or ["ottla"]:
            for suite in given.suites or SUITES:
                code = max(code, _run(suite, peer, given, logs))
    if given.record:
        report.write(load())
    return code


def _run(suite: str, peer: Peer, given: argparse.Namespace, logs: Path) -> int:
    options = RunOptions(tuple(given.only), given.jobs)
    note = _note(peer, keep=given.record)
    results: list[Result] = []
    try:
        if suite == "librdkafka":
            for protocol in given.group_protocol or librdkafka.PROTOCOLS:
                results += librdkafka.run(peer, protocol, options, note, logs)
        elif suite == "kafka-python":
            results = kafka_python.run(peer, options, note, logs)
        elif suite == "kcat":
            results = kcat.run(peer, options, note, logs)
        else:
            results = kafka_tools.run(peer, options, note, logs, learn=given.record)
    except (SuiteError, NodeDiedError) as error:
        print(f"{suite}: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    passed = sum(result.outcome == "pass" for result in results)
    print(f"{suite} on {peer}: {passed} of {len(results)} passed", flush=True)
    broken = owed(load(), results) if peer == "ottla" else []
    for result in broken:
        print(f"OWED: {result.suite} {result.protocol} {result.test}: {result.outcome}; passes on Apache Kafka")
    return EXIT_OWED if broken else 0


def _note(peer: Peer, *, keep: bool) -> Callable[[Result], None]:
    began = time.monotonic()

    def note(result: Result) -> None:
        said = f"  ({result.reason})" if result.reason else ""
        line = f"{result.outcome:5} {result.seconds:6.1f} s  {result.suite} {result.protocol} {result.test}{said}"
        print(f"[{peer} {time.monotonic() - began:5.0f} s] {line}", flush=True)
        if keep:
            record(peer, [result])

    return note


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.foreign", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--peer", action="append", choices=PEERS, help="repeatable (default: ottla)")
    parser.add_argument("--group-protocol", action="append", choices=librdkafka.PROTOCOLS, help="default: both")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="tests that begin so; repeatable")
    parser.add_argument("--jobs", type=int, default=3, metavar="N", help="tests at once; most of them wait (3)")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the output of tests and nodes here")
    parser.add_argument("--record", action="store_true", help="keep what was seen in results.tsv and in docs/reference")
    return parser


if __name__ == "__main__":
    sys.exit(main())
