"""kcat against a node: `tests/conformance/test_kcat.py`, whose tests drive the program as its users do.

kcat's own tests do not come with any package; these call every mode that it has (produce, consume, group, list, query).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.foreign.fetched import need
from tests.foreign.peers import fresh
from tests.foreign.results import Result, RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.foreign.results import Outcome, Peer

REPOSITORY: Final = Path(__file__).resolve().parents[2]
TESTS: Final = "tests/conformance/test_kcat.py"
TIMEOUT_S: Final = 600
_LINE: Final = re.compile(rf"^{re.escape(TESTS)}::(\S+) (PASSED|FAILED|ERROR|SKIPPED)", re.MULTILINE)
_OUTCOME: Final[dict[str, Outcome]] = {"PASSED": "pass", "SKIPPED": "skip"}


def parse_output(text: str) -> list[Result]:
    return [
        Result("kcat", "-", name.removeprefix("test_"), _OUTCOME.get(word, "fail"))
        for name, word in _LINE.findall(text)
    ]


def run(peer: Peer, options: RunOptions, note: Callable[[Result], None], logs: Path) -> list[Result]:
    need("kcat", hint="apt install kcat")
    folder = fresh(logs / f"kcat-{peer}")
    log = folder / "output.log"
    command = [sys.executable, "-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider", TESTS]
    with log.open("w") as output:
        subprocess.run(
            command, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False,
            env={**os.environ, "OTTLA_TEST_PEER": peer, "COLUMNS": "400"},
        )  # fmt: skip
    results = [result for result in parse_output(log.read_text(errors="replace")) if options.wants(result.test)]
    for result in results:
        note(result)
    return results
