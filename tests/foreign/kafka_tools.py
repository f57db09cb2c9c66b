"""Apache Kafka's command-line tools against a node: every call of `kafka_tools.toml`, in order, and what it said.

A call passes when it ends with the status, and prints the text, that it does on Apache Kafka. What differs from run to
run is taken out before (`normalized`): addresses, ids, times, sizes, versions. Of each text only a digest is kept
(`kafka_tools.tsv`: name, status, digest); `--logs` keeps the texts, and a run of both peers prints the difference.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import re
import subprocess
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tests.foreign.peers import AUTHORIZER, fresh, make_node
from tests.foreign.results import Result, RunOptions
from tests.peers.apache_kafka import java_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.foreign.results import Outcome, Peer

SETTINGS: Final = AUTHORIZER | {
    "super.users": "User:ANONYMOUS",
    "num.partitions": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
}
DIGESTS_TSV: Final = Path(__file__).with_name("kafka_tools.tsv")
CALL_TIMEOUT_S: Final = 120
HANG_STATUS: Final = -1
SETTLE_S: Final = 0.4
"""Between two calls: Apache Kafka's broker learns of a change a moment after its controller acknowledged it."""

SCRIPT_TOML: Final = Path(__file__).with_name("kafka_tools.toml")
TOOLS: Final = "org.apache.kafka.tools"

_VARIES: Final = (
    (re.compile(r"127\.0\.0\.1:\d+|localhost:\d+"), "ADDRESS"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[,.:]\d+"), "TIME"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{22}(?:==)?(?![\w=-])"), "ID"),
    (re.compile(r"\b1[78]\d{11}\b"), "TIMESTAMP"),
    (re.compile(r"perf-consumer-\d+"), "perf-consumer-N"),
    (re.compile(r"/\S*/(?:data|kraft)\S*"), "PATH"),
    (re.compile(r"(\w+Exception): .*"), r"\1: ITS TEXT"),  # only the errors themselves are a contract
    (re.compile(r"(Error while executing \w+ command :) .*"), r"\1 ITS TEXT"),
)
_LOG_LINE: Final = re.compile(r"^\[TIME\] (WARN|ERROR|INFO) |^WARNING: |^SLF4J|^\s+at \S+\(|^\t\.\.\. \d+ more")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, as `kafka_tools.toml` describes it."""

    name: str
    main_class: str
    words: tuple[str, ...]
    status: int = 0
    stdin: str = ""
    files: tuple[tuple[str, str], ...] = ()
    hides: tuple[tuple[str, str], ...] = ()
    unordered: bool = False
    deadline_s: int = 0
    is_alone: bool = False


def load_script(text: str) -> list[Call]:
    """The calls of a script in TOML; KeyError or TypeError when it is none."""
    calls = []
    for name, said in tomllib.loads(text).items():
        main_class, *words = said["run"].split()
        to = said.get("to", "--bootstrap-server")
        calls.append(
            Call(
                name,
                main_class if main_class.startswith("kafka.") else f"{TOOLS}.{main_class}",
                ((to, "{address}") if to else ()) + tuple(words),
                said.get("status", 0),
                said.get("stdin", ""),
                tuple(said.get("files", {}).items()),
                tuple((pattern, shown) for pattern, shown in said.get("hides", ())),
                said.get("unordered", False),
                said.get("deadline_s", 0),
                said.get("alone", False),
            )
        )
    return calls


def normalized(text: str, call: Call) -> str:
    """`text` without what differs from run to run; in order of lines where the order means nothing."""
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    for hidden, shown in call.hides:
        text = re.sub(hidden, shown, text)
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if not _LOG_LINE.match(line)]
    lines = [re.sub(r"-{4,}", "---", line) for line in lines if line]
    return "\n".join(sorted(lines) if call.unordered else lines) + "\n"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run(peer: Peer, options: RunOptions, note: Callable[[Result], None], logs: Path, *, learn: bool) -> list[Result]:
    """Every call of the script; those that `options` does not want run too, as later ones stand on them.

    `learn` keeps what Apache Kafka said as the yardstick.
    """
    folder = fresh(logs / f"kafka-tools-{peer}")
    expected = {} if peer == "apache-kafka" else load_digests()
    seen: dict[str, tuple[int, str]] = {}
    results = []
    with (
        make_node(peer, folder / "node", SETTINGS) as node,
        tempfile.TemporaryDirectory() as scratch,
        ToolRunner() as runner,
    ):
        places = {"address": node.address, "data": str(node.data), "scratch": scratch}
        for number, call in enumerate(load_script(SCRIPT_TOML.read_text("utf-8"))):
            began = time.monotonic()
            time.sleep(SETTLE_S)
            status, text = runner.run(call, places)
            text = normalized(text, call)
            said = folder / f"{number:03}-{call.name.replace(' ', '-')}.txt"
            said.write_text(f"{status}\n{text}")
            seen[call.name] = status, digest(text)
            outcome, reason = _judge(call, status, text, expected)
            if outcome != "pass":
                reason += _difference(said, logs)
            result = Result("kafka-tools", "-", call.name, outcome, time.monotonic() - began, reason)
            if options.wants(call.name):
                note(result)
                results.append(result)
    if learn and peer == "apache-kafka":
        store_digests(seen)
    return results


def _judge(call: Call, status: int, text: str, expected: Mapping[str, tuple[int, str]]) -> tuple[Outcome, str]:
    if status == HANG_STATUS:
        return "hang", ""
    if call.name not in expected:  # on Apache Kafka: it does what the script says it does
        return ("pass", "") if status == call.status else ("fail", f"ended with {status}: {text[-200:]}")
    if status != expected[call.name][0]:
        return "fail", f"ended with {status}, not {expected[call.name][0]}: {text[-200:]}"
    if digest(text) != expected[call.name][1]:
        return "fail", "printed something else"
    return "pass", ""


def _difference(said: Path, logs: Path) -> str:
    """How it differs from what Apache Kafka printed, if it was run with the same `--logs`."""
    other = logs / "kafka-tools-apache-kafka" / said.name
    if not other.exists():
        return ""
    lines = difflib.unified_diff(other.read_text().splitlines(), said.read_text().splitlines(), "kafka", "ottla", n=0)
    return "\n" + "\n".join(lines)


class ToolRunner:
    """`ToolRunner.java` at work: one JVM for all calls, but for those that need a process of their own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, call: Call, places: Mapping[str, str]) -> tuple[int, str]:
        """The exit status (`HANG_STATUS`: it did not end) and what the call printed."""
        for name, content in call.files:
            Path(places["scratch"], name).write_text(content)
        words = [word.format(**places) for word in call.words]
        if call.is_alone or call.deadline_s:
            limit_s = call.deadline_s or CALL_TIMEOUT_S
            command = ["timeout", "--signal=TERM", str(limit_s), *java_command(call.main_class, *words)]
            done = subprocess.run(command, input=call.stdin, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr
        if self._process is None:
            source = str(Path(__file__).with_name("ToolRunner.java"))
            self._process = subprocess.Popen(
                java_command(source),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        said = [str(CALL_TIMEOUT_S), call.main_class, call.stdin, *words]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(*(base64.b64encode(word.encode()).decode() for word in said), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:  # it ended the JVM
            status, self._process = self._process.wait(), None
            return status, ""
        code, _, text = answer.rstrip("\n").partition(" ")
        return int(code), base64.b64decode(text).decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def load_digests() -> dict[str, tuple[int, str]]:
    found = {}
    for line in DIGESTS_TSV.read_text("utf-8").splitlines() if DIGESTS_TSV.exists() else []:
        name, status, said = line.split("\t")
        found[name] = int(status), said
    return found


def store_digests(seen: Mapping[str, tuple[int, str]]) -> None:
    lines = [f"{name}\t{status}\t{said}\n" for name, (status, said) in seen.items()]
    DIGESTS_TSV.write_text("".join(lines), "utf-8")
