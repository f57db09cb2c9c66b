"""kafka-python's own integration tests, from its source distribution, against a running node.

Its fixtures start brokers out of a folder that the distribution does not ship; `kafka_python_broker.py`, a plugin of
pytest, gives them nodes of the peer instead, with the listener and mechanism that they ask for. Its unit tests are not
run: they ask no broker.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.foreign.fetched import prepared, python_source
from tests.foreign.peers import fresh
from tests.foreign.results import Result, RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.foreign.results import Outcome, Peer

VERSION: Final = "3.0.12"
SUITE_TIMEOUT_S: Final = 1800
TEST_TIMEOUT_S: Final = 120
REPOSITORY: Final = Path(__file__).resolve().parents[2]

_LINE: Final = re.compile(r"^test/integration/(\S+\.py)::(.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \((.*)\))?")
_OUTCOME: Final[dict[str, Outcome]] = {"PASSED": "pass", "XPASS": "pass", "SKIPPED": "skip", "XFAIL": "skip"}


def parse_line(line: str) -> Result | None:
    """The result of one line of `pytest -v`; None when the line is another."""
    found = _LINE.match(line)
    if found is None:
        return None
    file, name, word, reason = found.groups()
    test = f"{file.removeprefix('test_').removesuffix('_integration.py')}: {name}"
    return Result("kafka-python", "-", test, _OUTCOME.get(word, "fail"), 0.0, reason or "")


def parse_output(text: str) -> list[Result]:
    """Every test once; where its teardown failed too, the failure counts."""
    found: dict[str, Result] = {}
    for line in text.splitlines():
        result = parse_line(line)
        if result is not None and (result.test not in found or result.outcome == "fail"):
            found[result.test] = result
    return list(found.values())


def build() -> Path:
    """The folder with kafka-python's sources and tests."""
    place = prepared("kafka-python", VERSION, _prepare)
    (source,) = (path for path in place.glob("kafka_python-*") if path.is_dir())
    return source


def _prepare(place: Path) -> None:
    source = python_source("kafka-python", VERSION, place)
    (source / "test" / "__init__.py").touch()  # the distribution leaves it out, and Python has a `test` of its own


def run(peer: Peer, options: RunOptions, note: Callable[[Result], None], logs: Path) -> list[Result]:
    """Run the suite; what did not pass runs once more, by itself. `options.only`: beginnings like `admin: test_`."""
    source = build()
    folder = logs / f"kafka-python-{peer}"
    first = _pytest(source, peer, folder, ["test/integration"])
    found = {result.test: result for result in first if options.wants(result.test)}
    failed = [result.test for result in found.values() if result.outcome == "fail"]
    for result in found.values():
        if result.outcome != "fail":
            note(result)
    if failed:
        for result in _pytest(
            source, peer, folder.with_name(folder.name + "-again"), [_node_id(test) for test in failed]
        ):
            found[result.test] = replace(result, reason=result.reason or "the second time")
            note(found[result.test])
    return list(found.values())


def _node_id(test: str) -> str:
    file, _, name = test.partition(": ")
    return f"test/integration/test_{file}_integration.py::{name}"


def _pytest(source: Path, peer: Peer, folder: Path, what: Sequence[str]) -> list[Result]:
    fresh(folder)
    command = [
        sys.executable, "-m", "pytest", "-v", "-rN", "--tb=short", "--color=no", "-p", "no:cacheprovider",
        "-p", "tests.foreign.kafka_python_broker", "-o", f"addopts=--timeout={TEST_TIMEOUT_S}", *what,
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(REPOSITORY)))),
        "KAFKA_VERSION": "4.3.1",
        "OTTLA_FOREIGN_PEER": peer,
        "OTTLA_FOREIGN_LOGS": str(folder),
        "COLUMNS": "400",
    }
    log = folder / "output.log"
    with log.open("w") as output:
        subprocess.run(
            command, cwd=source, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False,
            timeout=SUITE_TIMEOUT_S,
        )  # fmt: skip
    return parse_output(log.read_text(errors="replace"))
