"""`python -m bench.cluster`: three nodes of each broker side by side, and one node with many partitions.

Both clusters run at once, nothing is pinned; every load runs on both in turns, and the first round is thrown away. CPU
and memory are the sums of the three processes. Results go to `bench/results/DATE-cluster.md` and `.json`.

produce       librdkafka, acks=all, three replicas, min.insync.replicas=2
one write     one record at a time, acks=all: the time to its acknowledgement
outages       how long a partition takes no writes (`bench.outages`): its leader is killed, stands still, is cut off
connections   1,000 of them, over all nodes, a record a second each, acks=all: latency, CPU, memory
partitions    one node: a restart with so many partitions, its memory; three nodes: until every partition that the
              killed node led has another leader
idle          CPU of three nodes that nobody asks for anything
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import confluent_kafka as ck
import pytest
from confluent_kafka.admin import NewTopic
from tests.peers.apache_kafka_cluster import KafkaCluster, KafkaClusterNode
from tests.peers.cluster import COMBINED
from tests.peers.ottla_cluster import OttlaCluster, OttlaClusterNode

from bench import load
from bench.__main__ import RESULTS, about, compile_as_pip_does
from bench.connections import measure_connections
from bench.outages import measure_cuts, measure_kills, measure_partitions_failover, measure_pause
from bench.report import Row, markdown, row
from bench.side import TIMEOUT_S, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.side import Cluster

NODES: Final = 3
PARTITIONS: Final = 6
RECORDS: Final = 10_000_000
RECORD_BYTES: Final = 100
WRITES: Final = 300
SETTLE_S: Final = 3.0
IDLE_S: Final = 10.0
PARTITIONS_A_REQUEST: Final = 500
SETTINGS: Final = {
    "min.insync.replicas": "2",
    "group.initial.rebalance.delay.ms": "0",
    "log.segment.delete.delay.ms": "1000",  # so that the disk does not fill
}

KIND: Final = "cluster"
GOALS: Final = {
    "produce_per_s": ("≥ 1.2", 1.2),
    "produce_cpu_us": ("≤ 0.5", 0.5),
    "write_p50_ms": ("≤ 0.7", 0.7),
    "write_p99_ms": ("≤ 0.7", 0.7),
    "start_s": ("≤ 0.1", 0.1),
    "idle_mb": ("≤ 0.25", 0.25),
    "loaded_mb": ("≤ 0.25", 0.25),
}


def measure_produce(side: Side, number: int, records: int) -> None:
    topic = f"produce-{number}"
    side.create(topic, PARTITIONS, NODES)
    client = load.Client(side.running.bootstrap.partition(",")[0], topic, None)
    before = side.cpu_s()
    answer = client.run("load", "produce", PARTITIONS, 1, records, RECORD_BYTES, 0)
    side.note("produce_per_s", answer["records_per_s"])
    side.note("produce_cpu_us", (side.cpu_s() - before) / answer["records"] * 1e6)
    admin = side.admin()
    admin.delete_topics([topic])[topic].result(TIMEOUT_S)


def measure_writes(side: Side, number: int) -> None:
    topic = f"writes-{number}"
    side.create(topic, 1, NODES)
    producer = _producer(side)
    took: list[float] = []
    for count in range(WRITES + 20):
        begun = time.perf_counter()
        producer.produce(topic, bytes(RECORD_BYTES))
        assert producer.flush(TIMEOUT_S) == 0
        if count >= 20:
            took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    side.note("write_p50_ms", statistics.median(took))
    side.note("write_p99_ms", took[int(len(took) * 0.99)])


def _producer(side: Side) -> ck.Producer:
    return ck.Producer(
        {"bootstrap.servers": side.running.bootstrap, "linger.ms": 0, "acks": "all", "log_level": 0,
         "delivery.timeout.ms": int(TIMEOUT_S * 1000)}
    )  # fmt: skip


def measure_idle(side: Side) -> None:
    time.sleep(SETTLE_S)
    side.note("idle_mb", side.resident_mb())
    before = side.cpu_s()
    time.sleep(IDLE_S)
    side.note("idle_cpu_percent", (side.cpu_s() - before) / IDLE_S * 100)


def create_many(side: Side, partitions: int, replicas: int) -> list[str]:
    """Topics of 100 partitions, so many at a request that no request takes for ever."""
    names = [f"many-{partitions}-{number}" for number in range(partitions // 100)]
    step = PARTITIONS_A_REQUEST // 100
    admin = side.admin()
    for first in range(0, len(names), step):
        wanted = [NewTopic(name, 100, replicas) for name in names[first : first + step]]
        for done in admin.create_topics(wanted, request_timeout=TIMEOUT_S).values():
            done.result(TIMEOUT_S)
    for name in names:
        side.wait_for_leaders(name, 100)
    return names


def measure_partitions(side: Side, directory: Path, partitions: int) -> None:
    """One node: what so many partitions cost it."""
    single = side.at(side.make(directory, (COMBINED,), {}))
    single.running.start()
    try:
        names = create_many(single, partitions, 1)
        (node,) = single.processes()
        time.sleep(SETTLE_S)
        side.note(f"partitions_{partitions}_mb", single.resident_mb())
        node.stop()
        begun = time.perf_counter()
        node.start()
        single.wait_for_leaders(names[-1], 100)
        side.note(f"partitions_{partitions}_restart_s", time.perf_counter() - begun)
    finally:
        single.running.close()


@contextlib.contextmanager
def started(sides: Sequence[Side], directory: Path) -> Iterator[None]:
    """All nodes of both, from empty disks (for Apache Kafka: format and start)."""
    try:
        for side in sides:
            side.cluster = side.make(directory / side.name.replace(" ", "-"), (COMBINED,) * NODES, SETTINGS)
            begun = time.perf_counter()
            side.running.start()
            side.note("start_s", time.perf_counter() - begun)
        yield
    finally:
        for side in sides:
            if side.cluster is not None:
                side.cluster.close()


TITLES: Final = {
    "produce_per_s": ("batched produce, 100 B, three replicas, acks=all", "records/s"),
    "produce_cpu_us": ("batched produce, 100 B, three replicas, acks=all", "CPU of three brokers, µs a record"),
    "write_p50_ms": ("one write at a time, acks=all", "p50, ms"),
    "write_p99_ms": ("one write at a time, acks=all", "p99, ms"),
    "killed_controller_s": ("kill -9 of the leader, which is the active controller", "without a write, s"),
    "killed_s": ("kill -9 of the leader, which is not", "without a write, s"),
    "paused_s": ("the leader stands still (SIGSTOP)", "without a write, s"),
    "cut_off_s": ("the leader is cut off from all others and its clients", "without a write, s"),
    "many_p50_ms": ("1,000 connections, a record a second each, acks=all", "p50, ms"),
    "many_p99_ms": ("1,000 connections, a record a second each, acks=all", "p99, ms"),
    "many_cpu_us": ("1,000 connections, a record a second each, acks=all", "CPU of three brokers, µs a record"),
    "many_mb": ("1,000 connections, a record a second each, acks=all", "resident, MB"),
    "start_s": ("three nodes", "empty disk to all brokers, s"),
    "idle_mb": ("three nodes", "resident when idle, MB"),
    "idle_cpu_percent": ("three nodes", "CPU when idle, % of a core"),
    "loaded_mb": ("three nodes", "resident after the load, MB"),
}


def rows_of(ours: Side, theirs: Side) -> list[Row]:
    rows = []
    for metric in (*TITLES, *sorted(set(ours.values) - set(TITLES))):
        mine, yours = ours.values.get(metric, []), theirs.values.get(metric, [])
        if not mine or not yours:
            continue
        title, name = TITLES.get(metric) or _title(metric)
        one = row(KIND, title, name, mine, yours)
        if metric in GOALS:
            goal, limit = GOALS[metric]
            met = one.ratio >= limit if goal.startswith("≥") else one.ratio <= limit
            one = Row(one.workload, one.metric, one.ottla, one.kafka, one.ratio, goal, "met" if met else "missed")
        rows.append(one)
    return rows


def _title(metric: str) -> tuple[str, str]:
    what, count, *unit = metric.split("_")
    if what == "failover":
        return f"kill -9 of one of three nodes with {int(count):,} partitions", "until all are led, s"
    name = "restart, s" if unit[0] == "restart" else "resident, MB"
    return f"one node with {int(count):,} partitions", name


def _made(kind: Callable[..., Cluster], where: Path, roles: Sequence[str], settings: Mapping[str, str]) -> Cluster:
    return kind(where, roles, settings=settings)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partitions", type=int, nargs="*", default=[2_000, 10_000])
    parser.add_argument("--failover-partitions", type=int, default=2_000)
    parser.add_argument("--records", type=int, default=RECORDS, help="of the batched load")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    compile_as_pip_does()
    load.build("load")
    directory = Path(tempfile.mkdtemp(prefix="ottla-bench-cluster-"))
    java: Any = {"heap": "-Xmx1g", "options": ("-XX:+UseG1GC",)}
    ours = Side("Ottla", partial(_made, OttlaCluster), OttlaClusterNode)
    theirs = Side("Apache Kafka", partial(_made, partial(KafkaCluster, **java)), partial(KafkaClusterNode, **java))
    try:
        _measure((ours, theirs), directory, arguments)
    except (load.LoadError, pytest.skip.Exception, pytest.fail.Exception) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    facts = about(arguments.rounds, None, None)
    rows = rows_of(ours, theirs)
    text = markdown(rows, facts)
    print(text)
    arguments.output.mkdir(parents=True, exist_ok=True)
    stem = arguments.output / f"{facts['date']}-cluster"
    stem.with_suffix(".md").write_text(text)
    found = {"about": facts, "rows": [asdict(one) for one in rows], "values": [ours.values, theirs.values]}
    stem.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _measure(sides: Sequence[Side], directory: Path, arguments: argparse.Namespace) -> None:
    for count in arguments.partitions:
        for side in sides:
            measure_partitions(side, directory / f"{side.name}-{count}", count)
    with started(sides, directory):
        for side in sides:
            measure_idle(side)
        for number in range(arguments.rounds + 1):
            for side in sides if number % 2 else sides[::-1]:
                measure_produce(side, number, arguments.records)
                measure_writes(side, number)
                if number == 0:  # the warm-up
                    for metric in ("produce_per_s", "produce_cpu_us", "write_p50_ms", "write_p99_ms"):
                        side.values[metric].clear()
        for side in sides:
            side.note("loaded_mb", side.resident_mb())
        for number in range(arguments.rounds):
            for side in sides:
                measure_connections(side, number)
        for number in range(arguments.rounds):
            for side in sides:
                measure_kills(side, number)
                measure_pause(side, number)
        if arguments.failover_partitions:
            for side in sides:
                measure_partitions_failover(side, create_many(side, arguments.failover_partitions, NODES))
    for side in sides:
        measure_cuts(side, directory / f"{side.name}-apart", arguments.rounds, SETTINGS)


if __name__ == "__main__":
    sys.exit(main())
