"""`python -m tests.run [pytest's arguments]`: the suite in a process that a client of others may bring down.

librdkafka runs inside the test process, in threads of its own that block every signal: when it crashes, Python cannot
say where, and thousands of tests that have nothing to do with it would not run. So the crash is shown, with the test
that ran and the native stack where gdb is there, and the suite goes on with that very test. A second crash ends it.

Without paths it is the whole suite, in three processes: clusters, whose tests measure outages, and the guide; beside
them, at lower priorities and printed when these have ended, what runs clients against single nodes, and what only
computes.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CRASHES: Final = 1
STACK_LINES: Final = 60
BESIDE: Final = (
    (5, ("conformance", "connect", "examples", "packages", "streams")),
    (10, ("unit", "house", "golden", "simulation")),
)
"""How nice to the others, and which folders of tests."""


def main(arguments: Sequence[str]) -> int:
    _let_cores_be_dumped()
    if any(not argument.startswith("-") for argument in arguments):
        return _suite(arguments)
    with contextlib.ExitStack() as open_files, ThreadPoolExecutor(len(BESIDE)) as pool:
        beside = []
        for nice, names in BESIDE:
            folders = [f"tests/{name}" for name in names]
            printed = open_files.enter_context(tempfile.TemporaryFile())
            beside.append((folders, printed, pool.submit(_suite, [*arguments, *folders], printed=printed, nice=nice)))
        elsewhere = [f"--ignore={folder}" for folders, _, _ in beside for folder in folders]
        codes = [_suite([*arguments, *elsewhere])]
        for folders, printed, running in beside:
            print(f"\nBeside it ran {', '.join(folders)}:", flush=True)
            codes.append(running.result())
            printed.seek(0)
            shutil.copyfileobj(printed, sys.stdout.buffer)
            sys.stdout.flush()
    return max(codes)


def _suite(arguments: Sequence[str], *, printed: IO[bytes] | None = None, nice: int = 0) -> int:
    """Its exit code; what it prints goes to `printed`, or where ours goes."""
    with tempfile.TemporaryDirectory(prefix="ottla-tests-") as scratch:
        running = Path(scratch, "running")
        first = ""
        for crashes in range(MAX_CRASHES + 1):
            code, core = _pytest(arguments, running, first, printed, nice)
            if code >= 0:
                return max(code, _failed_before(running))
            first = running.read_text("utf-8") if running.exists() else ""
            _tell(-code, first, core)
            if not first or crashes == MAX_CRASHES:
                return 1
    raise AssertionError("unreachable")


def _pytest(
    arguments: Sequence[str], running: Path, first: str, printed: IO[bytes] | None, nice: int
) -> tuple[int, Path]:
    """Its exit code, negative when a signal ended it, and where its core would be."""
    environment = os.environ | {"OTTLA_TEST_RUNNING": str(running), "OTTLA_TEST_FIRST": first}
    command = ["nice", "-n", str(nice), sys.executable, "-m", "pytest", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=printed)
    return process.wait(), Path(f"core.{process.pid}")


def _let_cores_be_dumped() -> None:
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
