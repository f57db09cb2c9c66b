"""`python -m tests.run [pytest's arguments]`: the suite in a process that a client of others may bring down.

librdkafka runs inside the test process, in threads of its own that block every signal: when it crashes, Python cannot
say where, and thousands of tests that have nothing to do with it would not run. So the crash is shown, with the test
that ran and the native stack where gdb is there, and the suite goes on with that very test. A second crash ends it.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CRASHES: Final = 1
STACK_LINES: Final = 60


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="ottla-tests-") as scratch:
        running = Path(scratch, "running")
        first = ""
        for crashes in range(MAX_CRASHES + 1):
            code, core = _pytest(arguments, running, first)
            if code >= 0:
                return max(code, _failed_before(running))
            first = running.read_text("utf-8") if running.exists() else ""
            _tell(-code, first, core)
            if not first or crashes == MAX_CRASHES:
                return 1
    raise AssertionError("unreachable")


def _pytest(arguments: Sequence[str], running: Path, first: str) -> tuple[int, Path]:
    """Its exit code, negative when a signal ended it, and where its core would be."""
    environment = os.environ | {"OTTLA_TEST_RUNNING": str(running), "OTTLA_TEST_FIRST": first}
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], env=environment, preexec_fn=_dump_core)
    return process.wait(), Path(f"core.{process.pid}")


def _dump_core() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def _failed_before(running: Path) -> int:
    """Tests that had failed before a crash fail the run, although the rest of it passed."""
    return int(running.with_suffix(".failed").exists())


def _tell(number: int, test: str, core: Path) -> None:
    print(f"\nThe test process was ended by signal {number} in {test or 'no test'}.", file=sys.stderr, flush=True)
    dumped = next((path for path in (core, Path("core")) if path.exists()), None)
    if dumped is None:
        return
    if shutil.which("gdb"):
        command = ["gdb", "-q", "-batch", "-ex", "bt", sys.executable, str(dumped)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        print("\n".join(shown.splitlines()[-STACK_LINES:]), file=sys.stderr, flush=True)
    dumped.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
