"""The loads: what is asked of both brokers in turn, and the one measurement that each gives."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench import load
from bench.compaction import make_dirty_log

if TYPE_CHECKING:
    from bench.contender import Contender

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Measurement:
    """One run: throughput and broker CPU, or latencies; `None` where the workload has no such thing."""

    records_per_s: float | None = None
    cpu_us_per_record: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True)
class Workload:
    """`kind` is the goal it is judged by: produce, one, consume or latency."""

    key: str
    title: str
    kind: str
    records: int
    record_bytes: int
    connections: int = 1
    partitions: int = 1
    rate_per_s: int = 0
    mode: str = "consume"
    """How the client reads: `consume` with librdkafka, `fetch` with bare requests."""
    dirty_records: int = 0
    """Records of a compacted topic that are written before, so that it is compacted meanwhile."""

    def scaled(self, factor: float) -> Workload:
        records = max(int(self.records * factor), self.connections * 20)
        return replace(self, records=records, dirty_records=int(self.dirty_records * factor))

    def run(self, contender: Contender, client_cpus: str | None) -> Measurement:
        topic = f"bench-{self.key}-{next(_NUMBERS)}"
        contender.create_topic(topic, self.partitions)
        target = (contender.node.address, topic, self.partitions, self.connections, self.records)
        if self.dirty_records:
            make_dirty_log(contender, f"{topic}-dirty", self.dirty_records)
        if self.kind == "latency":
            answer = load.run(client_cpus, "latency", *target, self.record_bytes, self.rate_per_s)
            return Measurement(p50_ms=answer["p50_ms"], p99_ms=answer["p99_ms"])
        if self.kind == "consume":
            # Every connection reads one partition to its end, so that nothing is fetched that is not counted.
            stored = self.records // self.connections * self.partitions
            fill = (contender.node.address, topic, self.partitions, self.partitions, stored)
            load.run(client_cpus, "produce", *fill, self.record_bytes, 0)
            return self._timed(contender, client_cpus, self.mode, *target)
        return self._timed(
            contender, client_cpus, "produce", *target, self.record_bytes, 1 if self.kind == "one" else 0
        )

    def _timed(self, contender: Contender, client_cpus: str | None, *command: object) -> Measurement:
        before = contender.cpu_s()
        answer = load.run(client_cpus, str(command[0]), *command[1:])
        cpu_s = contender.cpu_s() - before
        records = answer["records"]
        return Measurement(records_per_s=answer["records_per_s"], cpu_us_per_record=cpu_s / records * 1e6)


WORKLOADS = (
    Workload("produce-100", "batched produce, 100 B", "produce", 2_000_000, 100),
    Workload("produce-1000", "batched produce, 1 kB", "produce", 500_000, 1000),
    Workload("produce-100-c100", "batched produce, 100 B, 100 connections", "produce", 1_000_000, 100, 100, 10),
    Workload("one", "one record a request, pipelined", "one", 50_000, 100),
    Workload("one-c100", "one record a request, 100 connections", "one", 50_000, 100, 100, 10),
    Workload("consume-100", "consume from the start, 100 B", "consume", 2_000_000, 100),
    Workload("consume-1000", "consume from the start, 1 kB", "consume", 500_000, 1000),
    Workload("consume-100-c100", "consume from the start, 100 B, 100 connections", "consume", 4_000_000, 100, 100, 10),
    Workload("fetch-100", "fetch from the start, 100 B, bare requests", "consume", 5_000_000, 100, mode="fetch"),
    Workload("fetch-1000", "fetch from the start, 1 kB, bare requests", "consume", 500_000, 1000, mode="fetch"),
    Workload("latency", "end to end, 500 records/s", "latency", 5_000, 100, rate_per_s=500),
    Workload("latency-c100", "end to end, 500 records/s, 100 connections", "latency", 5_000, 100, 100, 10, 500),
    Workload(
        "compaction",
        "end to end, 500 records/s, while another log is compacted",
        "latency",
        10_000,
        100,
        rate_per_s=500,
        dirty_records=400_000,
    ),
)
