"""The loads: what is asked of both brokers in turn, and the one measurement that each gives."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bench import floor, load
from bench.compaction import make_dirty_log

if TYPE_CHECKING:
    from bench.contender import Contender

_NUMBERS = itertools.count()
ABORT_EVERY: Final = 3
FIRST_SEGMENT: Final = "00000000000000000000.log"


@dataclass(frozen=True)
class Measurement:
    """One run: throughput and broker CPU, or latencies; `None` where the workload has no such thing."""

    records_per_s: float | None = None
    cpu_us_per_record: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    floor_us_per_record: float | None = None
    """CPU of a bare `sendfile` loop for the same bytes, measured beside Ottla's (`bench.floor`)."""


@dataclass(frozen=True)
class Workload:
    """`kind` is the goal it is judged by: produce, one, consume, latency, transactions or groups."""

    key: str
    title: str
    kind: str
    records: int
    record_bytes: int
    connections: int = 1
    partitions: int = 1
    rate_per_s: int = 0
    bare: bool = False
    """The client is bare sockets (`bare.c`) and not librdkafka (`load.c`)."""
    tls: bool = False
    per_transaction: int = 0
    """What is read was written in transactions of so many records, every third of which was aborted."""
    dirty_records: int = 0
    """Records of a compacted topic that are written before, so that it is compacted meanwhile."""

    def scaled(self, factor: float) -> Workload:
        records = max(int(self.records * factor), self.connections * max(20, self.per_transaction))
        return replace(self, records=records, dirty_records=int(self.dirty_records * factor))

    def run(self, contender: Contender, client_cpus: str | None) -> Measurement:
        topic = f"bench-{self.key}-{next(_NUMBERS)}"
        contender.create_topic(topic, self.partitions)
        client = load.Client(contender.node.address, topic, client_cpus, contender.ca)
        target = (self.partitions, self.connections, self.records)
        if self.dirty_records:
            make_dirty_log(contender, f"{topic}-dirty", self.dirty_records)
        if self.kind == "latency":
            answer = client.run("load", "latency", *target, self.record_bytes, self.rate_per_s)
            return Measurement(p50_ms=answer["p50_ms"], p99_ms=answer["p99_ms"])
        if self.kind == "groups":
            client.run("load", "produce", self.partitions, self.partitions, 100, self.record_bytes, 0)
            return _timed(contender, client, "load", "groups", *target, self.rate_per_s)
        if self.kind == "transactions":
            return _timed(contender, client, "load", "transact", *target, self.record_bytes, self.per_transaction, 0)
        if self.kind == "consume":
            return self._consume(contender, client, topic)
        if self.bare:
            batch_bytes, in_flight = BARE_REQUESTS[self.kind]
            return _timed(contender, client, "bare", "produce", *target, self.record_bytes, batch_bytes, in_flight)
        return _timed(contender, client, "load", "produce", *target, self.record_bytes, 1 if self.kind == "one" else 0)

    def _consume(self, contender: Contender, client: load.Client, topic: str) -> Measurement:
        # Every connection reads one partition to its end, so that nothing is fetched that is not counted.
        stored = self.records // self.connections * self.partitions
        fill = (self.partitions, self.partitions, stored, self.record_bytes)
        if self.per_transaction:
            client.run("load", "transact", *fill, self.per_transaction, ABORT_EVERY)
        else:
            client.run("load", "produce", *fill, 0)
        target = (self.partitions, self.connections, self.records)
        if not self.bare:
            return _timed(contender, client, "load", "consume", *target)
        measured = _timed(contender, client, "bare", "fetch", *target)
        if not contender.is_ottla:
            return measured
        segments = [contender.node.data / f"{topic}-{index}" / FIRST_SEGMENT for index in range(self.partitions)]
        with floor.listening(contender.cpu, segments) as (address, cpu_s):
            before = cpu_s()
            answer = client.at(address).run("bare", "fetch", *target)
            return replace(measured, floor_us_per_record=(cpu_s() - before) / answer["records"] * 1e6)


def _timed(contender: Contender, client: load.Client, program: str, mode: str, *arguments: object) -> Measurement:
    before = contender.cpu_s()
    answer = client.run(program, mode, *arguments)
    cpu_s = contender.cpu_s() - before
    return Measurement(
        records_per_s=answer.get("records_per_s"),
        cpu_us_per_record=cpu_s / answer["records"] * 1e6,
        p50_ms=answer.get("p50_ms"),
        p99_ms=answer.get("p99_ms"),
    )


BARE_REQUESTS = {"produce": (100_000, 5), "one": (1, 50)}
"""Bytes of a batch, and how many requests are in flight on a connection, by kind."""
_BARE = "bare requests"
WORKLOADS = (
    Workload("produce-100", "batched produce, 100 B", "produce", 2_000_000, 100),
    Workload("produce-1000", "batched produce, 1 kB", "produce", 500_000, 1000),
    Workload("produce-100-c100", "batched produce, 100 B, 100 connections", "produce", 1_000_000, 100, 100, 10),
    Workload("bare-produce-100", f"batched produce, 100 B, {_BARE}", "produce", 3_000_000, 100, bare=True),
    Workload(
        "bare-produce-100-c100",
        f"batched produce, 100 B, 100 connections, {_BARE}",
        "produce",
        3_000_000,
        100,
        100,
        10,
        bare=True,
    ),
    Workload("one", "one record a request, pipelined", "one", 50_000, 100),
    Workload("one-c100", "one record a request, 100 connections", "one", 50_000, 100, 100, 10),
    Workload("bare-one", f"one record a request, pipelined, {_BARE}", "one", 200_000, 100, bare=True),
    Workload(
        "bare-one-c100", f"one record a request, 100 connections, {_BARE}", "one", 200_000, 100, 100, 10, bare=True
    ),
    Workload("consume-100", "consume from the start, 100 B", "consume", 2_000_000, 100),
    Workload("consume-1000", "consume from the start, 1 kB", "consume", 500_000, 1000),
    Workload("consume-100-c100", "consume from the start, 100 B, 100 connections", "consume", 4_000_000, 100, 100, 10),
    Workload("fetch-100", f"fetch from the start, 100 B, {_BARE}", "consume", 3_000_000, 100, bare=True),
    Workload("fetch-1000", f"fetch from the start, 1 kB, {_BARE}", "consume", 500_000, 1000, bare=True),
    Workload(
        "fetch-100-c8",
        f"fetch from the start, 100 B, 8 connections, {_BARE}",
        "consume",
        3_000_000,
        100,
        8,
        8,
        bare=True,
    ),
    Workload(
        "transactions",
        "transactions of 100 records of 100 B, 10 producers",
        "transactions",
        100_000,
        100,
        10,
        10,
        per_transaction=100,
    ),
    Workload(
        "read-committed",
        "read_committed from the start, 100 B, every third transaction aborted",
        "consume",
        300_000,
        100,
        per_transaction=500,
    ),
    Workload("groups", "100 consumer groups, 1,000 commits/s", "groups", 4_000, 100, 100, rate_per_s=1000),
    Workload("produce-tls", "batched produce, 1 kB, TLS", "produce", 200_000, 1000, tls=True),
    Workload("consume-tls", "consume from the start, 1 kB, TLS", "consume", 200_000, 1000, tls=True),
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
