"""`python -m bench.everything [--rounds 3] [--alone]`: how soon `ottla start --all` is ready, and what it takes.

For each round, with fresh data and then with what it left behind: seconds from the start of the process to its page,
CPU of all its processes until then, and their memory: what is resident, and with what they share counted once (PSS).
`--alone` asks the system for real-time priority (root), so that a busy machine does not matter. Linux only.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READY = re.compile(r"was ready after (\d+\.\d+) s")
PARTS = ("registry", "connect", "console")
TIMEOUT_S = 60.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    print("data      ready      CPU  resident       PSS")
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as directory:
            for kind in ("fresh", "old"):
                print(f"{kind:<6} {measure(Path(directory), alone=arguments.alone)}", flush=True)
    return 0


def measure(directory: Path, *, alone: bool) -> str:
    command = [sys.executable, "-m", "ottla", "start", "--all", "--data", str(directory / "data")]
    command += ["--listen", free_address(), "--metrics", free_address()]
    command += [word for name in PARTS for word in ("--with", f"{name}={free_address()}")]
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([*(("chrt", "-r", "10") if alone else ()), *command], stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := READY.search(log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"it is not ready:\n{log.read_text()}")
            time.sleep(0.01)
        family = [process.pid, *map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())]
        cpu_s = sum(map(cpu_ticks, family)) / TICKS_A_SECOND
        resident, shared_once = (sum(kib(pid, what) for pid in family) / 1024 for what in ("Rss", "Pss"))
        return f"{found[1]:>6} s {cpu_s:>6.1f} s {resident:>6.0f} MB {shared_once:>6.0f} MB"
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def kib(pid: int, what: str) -> int:
    found = re.search(rf"^{what}:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    sys.exit(main())
