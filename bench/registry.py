"""`python -m bench.registry [--schemas 5000] [--connections 8]`: what a schema registry takes in and gives out.

A node, `ottla registry` beside it, and clients on connections that stay open: new Avro schemas under a hundred
subjects, the same ones again (as a serializer does at its start), and look-ups by id and by subject and version.
Requests a second, and the registry's CPU for one. Linux only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.everything import free_address
from bench.sql import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUBJECTS: Final = 100
STOP_S: Final = 30.0
JSON_HEADERS: Final = {"Content-Type": "application/vnd.schemaregistry.v1+json"}

Call = tuple[str, str, str | None]
"""Method, path, body."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemas", type=int, default=5_000)
    parser.add_argument("--connections", type=int, default=8)
    words = parser.parse_args()
    node_address, address = free_address(), free_address()
    with tempfile.TemporaryDirectory() as directory:
        node = start("start", "--data", str(Path(directory, "data")), "--listen", node_address)
        wait_for(node_address)
        registry = start("registry", "--bootstrap", node_address, "--listen", address)
        try:
            wait_for(address)
            measure(address, registry.pid, words.schemas, words.connections)
        finally:
            for process in (registry, node):
                process.terminate()
                process.wait(STOP_S)
    return 0


def start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "ottla", *words], stdout=subprocess.DEVNULL)


def measure(address: str, pid: int, schemas: int, connections: int) -> None:
    loads: dict[str, Callable[[int], Call]] = {
        "register a new schema": register,
        "register one that is there": register,
        "look up by id": lambda number: ("GET", f"/schemas/ids/{number % schemas + 1}", None),
        "look up by subject and version": lambda number: ("GET", f"/subjects/{subject(number)}/versions/1", None),
    }
    print(f"{schemas} requests of each on {connections} connections; load {os.getloadavg()[0]:.0f}")
    for name, call in loads.items():
        calls = [call(number) for number in range(schemas)]
        cpu_s, began = cpu_of(pid), time.monotonic()
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda part: ask(address, part), [calls[at::connections] for at in range(connections)]))
        took_s, used_s = time.monotonic() - began, cpu_of(pid) - cpu_s
        print(f"{name:32} {schemas / took_s:>8.0f}/s {used_s / schemas * 1e6:>8.0f} µs of CPU", flush=True)


def subject(number: int) -> str:
    return f"orders-{number % SUBJECTS}-value"


def register(number: int) -> Call:
    fields = [{"name": "id", "type": "long"}, {"name": f"field_{number}", "type": ["null", "string"], "default": None}]
    schema = {"type": "record", "name": "Order", "fields": fields}
    return "POST", f"/subjects/{subject(number)}/versions", json.dumps({"schema": json.dumps(schema)})


def ask(address: str, calls: Sequence[Call]) -> None:
    connection = http.client.HTTPConnection(address, timeout=60)
    for method, path, body in calls:
        connection.request(method, path, body, JSON_HEADERS)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")
    connection.close()


def cpu_of(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    sys.exit(main())
