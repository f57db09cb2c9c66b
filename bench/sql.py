"""`python -m bench.sql [--records 1000000]`: what a query over small JSON records costs the process of `ottla sql`.

A node, a topic of three partitions with records of 60 bytes, 5,000 keys; each query in a process of its own: seconds
until its answer, its CPU, and the most memory that it had. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from bench.everything import free_address

TIMEOUT_S = 300.0
KEYS = 5_000
QUERIES = (
    "select count(*) from orders",
    "select sum(amount) from orders",
    "select who, sum(amount), max(id) from orders where ok group by who order by 2 desc limit 10",
    "select sum(amount) from latest(orders)",
    "select * from orders limit 10",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    records = parser.parse_args().records
    address = free_address()
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "ottla", "start", "--data", str(Path(directory, "data")), "--listen", address]
        node = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_for(address)
            fill(address, records)
            print("  wall      CPU    memory  query")
            for query in QUERIES:
                print(f"{measure(address, query, records)}  {query}", flush=True)
        finally:
            node.terminate()
            node.wait(TIMEOUT_S)
    return 0


def wait_for(address: str) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, int(port))):
                return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit(f"nobody listens on {address}")


def fill(address: str, records: int) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    (made,) = admin.create_topics([NewTopic("orders", 3, 1)]).values()
    made.result()
    producer = Producer({"bootstrap.servers": address, "linger.ms": 20, "queue.buffering.max.messages": 2 * records})
    for n in range(records):
        value = {"id": n, "amount": n % 1000 / 10, "who": f"user{n % 997}", "ok": n % 3 == 0}
        producer.produce("orders", json.dumps(value, separators=(",", ":")).encode(), b"k%d" % (n % KEYS))
        if n % 10_000 == 0:
            producer.poll(0)
    if producer.flush(TIMEOUT_S):
        raise SystemExit("not all records were written")


def measure(address: str, query: str, records: int) -> str:
    command = [sys.executable, "-m", "ottla", "sql", query, "--bootstrap", address, "--max-records", str(records)]
    command += ["--max-seconds", str(TIMEOUT_S)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"it failed: {query}")
    return f"{wall_s:>4.1f} s {used.ru_utime + used.ru_stime:>6.1f} s {used.ru_maxrss / 1024:>6.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
