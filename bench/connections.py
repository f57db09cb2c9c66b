"""Many connections: `bench.writers` against one side, and what its nodes need meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from bench.load import LoadError

if TYPE_CHECKING:
    from bench.side import Side

CONNECTIONS: Final = 1_000
SECONDS: Final = 10
PARTITIONS: Final = 6


def measure_connections(side: Side, number: int) -> None:
    topic = f"connections-{number}"
    side.create(topic, PARTITIONS, len(side.running.nodes))
    command = [sys.executable, "-m", "bench.writers", topic, str(CONNECTIONS), str(SECONDS), *_leaders(side, topic)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        assert writers.stdout is not None
        if writers.stdout.readline().strip() != "ready":
            raise LoadError(f"{CONNECTIONS} connections were not made")
        before = side.cpu_s()
        told = writers.stdout.readline()
        if not told:
            raise LoadError(f"{CONNECTIONS} connections did not write to the end")
        answer = json.loads(told)
        side.note("many_p50_ms", answer["p50_ms"])
        side.note("many_p99_ms", answer["p99_ms"])
        side.note("many_cpu_us", (side.cpu_s() - before) / answer["writes"] * 1e6)
        side.note("many_mb", side.resident_mb())


def _leaders(side: Side, topic: str) -> list[str]:
    admin = side.admin()
    metadata = admin.list_topics(topic, timeout=10)
    brokers = {broker.id: f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()}
    partitions = metadata.topics[topic].partitions
    return [brokers[partitions[index].leader] for index in sorted(partitions)]
