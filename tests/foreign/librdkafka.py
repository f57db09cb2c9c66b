"""librdkafka's own test suite: its sources and tests come inside the npm package of Confluent's JavaScript client.

`test-runner` is built once, and every test number runs in a process of its own with a time limit, so that one that
hangs costs the others nothing. Tests that are not about a broker (`TEST_F_LOCAL`: they need none or bring their own
mock cluster), known issues of librdkafka and manual tests are left out, as librdkafka's own cluster runs do (`-L -K`).
The node is set up as librdkafka's cluster script does (tests/cluster_testing.py, trivup), but is only one: topics that
the tests want three times are made once (`_for_one_node`, the one change to the sources).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.foreign.fetched import SuiteError, call, need, npm_package, prepared
from tests.foreign.peers import AUTHORIZER, fresh, kafka_home, make_node
from tests.foreign.results import Result, RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.foreign.results import Outcome, Peer

PACKAGE: Final = "@confluentinc/kafka-javascript"
PACKAGE_VERSION: Final = "1.10.1"
VERSION: Final = "2.15.1"
BUILD: Final = "2"
"""Counts the changes of how it is built here."""
HEADERS: Final = ("openssl/ssl.h", "zlib.h", "zstd.h", "rapidjson/schema.h")
HOW_TO_GET: Final = "apt install g++ make npm libssl-dev zlib1g-dev libzstd-dev rapidjson-dev"
PROTOCOLS: Final = ("classic", "consumer")
BUILD_TIMEOUT_S: Final = 3600
TEST_TIMEOUT_S: Final = 1800
TIMEOUT_MULTIPLIER: Final = 2
"""What librdkafka's own cluster runs multiply its time-outs by."""

SETTINGS: Final = AUTHORIZER | {
    "num.partitions": "4",
    "auto.create.topics.enable": "true",
    "delete.topic.enable": "true",
    "broker.rack": "RACK1",
    "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
    "group.share.min.record.lock.duration.ms": "1000",
    "group.initial.rebalance.delay.ms": "3000",
}
SCENARIOS: Final = {"default": SETTINGS, "noautocreate": SETTINGS | {"auto.create.topics.enable": "false"}}

_TEST: Final = re.compile(r"_TEST\(\s*(\d{4}_\w+),\s*([A-Z0-9_ |]+?)\s*([,)].*?)(?=_TEST\(|\Z)", re.DOTALL)
_SCENARIO: Final = re.compile(r'\.scenario\s*=\s*"([^"]*)"')
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_SUMMARY: Final = re.compile(r"^\| (\d{4}_\w+) +\| +[A-Z]+ +\| +[\d.]+s +\| *(.*)$", re.MULTILINE)
_LEFT_OUT: Final = ("TEST_F_LOCAL", "TEST_F_KNOWN_ISSUE", "TEST_F_MANUAL")


@dataclass(frozen=True, slots=True)
class Test:
    """A test as `test.c` declares it: `name` begins with its number; `scenarios` says which clusters it runs on."""

    name: str
    flags: frozenset[str]
    scenarios: tuple[str, ...]

    @property
    def number(self) -> str:
        return self.name[:4]

    @property
    def asks_a_broker(self) -> bool:
        return not self.flags & set(_LEFT_OUT) and "_mock" not in self.name


def declared_tests(source: str) -> list[Test]:
    """The tests of the table in `test.c`."""
    table = source[source.index("struct test tests[]") :]
    table = table[: table.index("{NULL}}")]
    found = []
    for name, flags, rest in _TEST.findall(table):
        scenario = _SCENARIO.search(rest)
        scenarios = tuple(scenario[1].split(",")) if scenario else ("default",)
        found.append(Test(name, frozenset(flags.replace(" ", "").split("|")) - {"0"}, scenarios))
    return found


def outcomes(report: str, wanted: Sequence[Test]) -> dict[str, tuple[Outcome, float]]:
    """What a report of `test-runner` (TEST_REPORT) says of each of `wanted`: the outcome and the seconds."""
    tests = json.loads(report)["tests"]
    found: dict[str, tuple[Outcome, float]] = {}
    for test in wanted:
        said = tests.get(test.name, {"state": "DNS", "duration": 0})
        outcome: Outcome = {"PASSED": "pass", "SKIPPED": "skip"}.get(said["state"], "fail")  # type: ignore[assignment]
        found[test.name] = outcome, float(said["duration"])
    return found


def last_words(output: str) -> dict[str, str]:
    """Test -> why it failed or was skipped, in the suite's own words, from the summary that `test-runner` prints."""
    said = _SUMMARY.findall(_COLOUR.sub("", output))
    return {name: re.sub(r"\s+", " ", reason).strip()[:300] for name, reason in said}


def build() -> Path:
    """The folder of librdkafka with `tests/test-runner` built."""
    place = prepared("librdkafka", f"{VERSION}-{BUILD}", _build)
    return place / "package" / "deps" / "librdkafka"


def _build(place: Path) -> None:
    need("gcc", "g++", "make", hint=HOW_TO_GET)
    missing = [header for header in HEADERS if not _has_header(header)]
    if missing:
        raise SuiteError(f"no {', '.join(missing)} ({HOW_TO_GET})")
    source = npm_package(PACKAGE, PACKAGE_VERSION, place) / "deps" / "librdkafka"
    _for_one_node(source / "tests" / "test.c")
    steps = (
        ["./configure", "--disable-gssapi", "--disable-curl", "--disable-lz4-ext"],
        ["make", "-j1", "libs"],
        ["make", "-j1", "-C", "tests", "test-runner"],
    )
    for step in steps:
        call(["env", "-C", str(source), *step], place, BUILD_TIMEOUT_S)


def _has_header(header: str) -> bool:
    """Without one of them the build goes through, and tests skip themselves."""
    check = ["g++", "-E", "-x", "c++", "-"]
    return not subprocess.run(
        check, input=f"#include <{header}>", capture_output=True, text=True, check=False
    ).returncode


def _for_one_node(test_c: Path) -> None:
    """Make `test_admin_create_topic` ask for one replica where a test asks for more."""
    text = test_c.read_text()
    at = text.index("void test_admin_create_topic(")
    at = text.index(") {", at) + len(") {")
    test_c.write_text(f"{text[:at]}\n        if (replication_factor > 1) replication_factor = 1;{text[at:]}")


@dataclass(frozen=True, slots=True)
class Job:
    """One test number on one scenario's node."""

    number: str
    tests: tuple[Test, ...]


def run(peer: Peer, protocol: str, options: RunOptions, note: Callable[[Result], None], logs: Path) -> list[Result]:
    """Run the suite against a fresh node a scenario; what did not pass runs once more, alone."""
    source = build()
    declared = declared_tests((source / "tests" / "test.c").read_text())
    wanted = [test for test in declared if test.asks_a_broker and options.wants(test.name)]
    results: list[Result] = []
    for scenario, settings in SCENARIOS.items():
        tests = [test for test in wanted if scenario in test.scenarios]
        if not tests:
            continue
        numbers = dict.fromkeys(test.number for test in tests)
        work = [Job(number, tuple(test for test in tests if test.number == number)) for number in numbers]
        folder = fresh(logs / f"librdkafka-{protocol}-{scenario}-{peer}")
        with make_node(peer, folder / "node", settings) as node:
            runner = _Runner(source / "tests", node.address, protocol, scenario, kafka_home(folder), folder)
            results += _run_all(runner, work, options.jobs, note)
    return results


def _run_all(runner: _Runner, work: Sequence[Job], jobs: int, note: Callable[[Result], None]) -> list[Result]:
    results: list[Result] = []
    again: list[Job] = []
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(runner.run, job, ""): job for job in work}
        for done in as_completed(running):
            answers = done.result()
            if any(result.outcome in ("fail", "hang") for result in answers):
                again.append(running[done])
                continue
            results += answers
            for result in answers:
                note(result)
    for job in again:
        for result in runner.run(job, "-again"):
            results.append(replace(result, reason=result.reason or "the second time"))
            note(results[-1])
    return results


@dataclass(frozen=True, slots=True)
class _Runner:
    tests: Path
    address: str
    protocol: str
    scenario: str
    kafka: Path
    logs: Path

    def run(self, job: Job, suffix: str) -> list[Result]:
        log = self.logs / f"{job.number}{suffix}.log"
        with tempfile.TemporaryDirectory() as scratch, log.open("wb") as output:
            conf, report = Path(scratch) / "test.conf", Path(scratch) / "report.json"
            conf.write_text(f"test.timeout.multiplier={TIMEOUT_MULTIPLIER}\nmetadata.broker.list={self.address}\n")
            began = time.monotonic()
            process = subprocess.Popen(
                ["./test-runner", "-p1", "-L", "-K", "-s", self.scenario],
                cwd=self.tests, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=self._environment(job.number, conf, report), start_new_session=True,
            )  # fmt: skip
            hung = False
            try:
                process.wait(TEST_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                hung = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._tidy()
            seconds = time.monotonic() - began
            written = report.read_text() if report.exists() else ""
        if not written:
            outcome: Outcome = "hang" if hung else "fail"
            reason = f"ended with {process.returncode} after {seconds:.0f} s"
            return [Result("librdkafka", self.protocol, test.name, outcome, seconds, reason) for test in job.tests]
        reasons = last_words(log.read_text(errors="replace"))
        return [
            Result("librdkafka", self.protocol, name, outcome, spent, reasons.get(name, ""))
            for name, (outcome, spent) in outcomes(written, job.tests).items()
        ]

    def _tidy(self) -> None:
        for statistics in self.tests.glob("stats_*.json"):
            with contextlib.suppress(FileNotFoundError):
                statistics.unlink()

    def _environment(self, number: str, conf: Path, report: Path) -> dict[str, str]:
        return {
            **os.environ,
            "LD_LIBRARY_PATH": f"{self.tests.parent / 'src'}:{self.tests.parent / 'src-cpp'}",
            "TESTS": number,
            "TEST_LEVEL": "2",
            "TEST_KAFKA_VERSION": "4.3.1",
            "TEST_SCENARIO": self.scenario,
            "TEST_CONSUMER_GROUP_PROTOCOL": self.protocol,
            "TEST_REPORT": str(report),
            "RDKAFKA_TEST_CONF": str(conf),
            "BROKERS": self.address,
            "BROKER_ADDRESS_1": self.address,
            "KAFKA_PATH": str(self.kafka),
        }
