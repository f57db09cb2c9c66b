"""Load on a topic, and what it took: records produced, records consumed, one record there and back."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.clients.batch_sender import BatchSender
from ottla.clients.consumer import PartitionReader, TopicPartition, earliest_offsets, latest_offsets
from ottla.console.operations.latencies import Latencies
from ottla.console.operations.producers import partitions_of
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.clients.client import KafkaClient

PAYLOADS_MAX: Final = 64
"""Different values that are sent in turn: one alone would be compressed to nothing."""
PAYLOAD_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of all of them together, unless one alone is larger."""
PACE_S: Final = 0.002
"""How long at least to rest when the pace is ahead of the clock."""
_TURN_RECORDS = 100
_ECHO_WAIT_MS = 500


@dataclass(slots=True)
class LoadProgress:
    """What was done so far; `latencies` of the records that are acknowledged."""

    records: int = 0
    bytes: int = 0
    began_s: float = field(default_factory=time.perf_counter)
    ended_s: float | None = None
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def seconds(self) -> float:
        return max(1e-9, (time.perf_counter() if self.ended_s is None else self.ended_s) - self.began_s)


@dataclass(frozen=True, slots=True)
class ProduceLoad:
    records: int
    record_bytes: int
    records_per_s: float | None = None
    """`None`: as many as go."""
    batch_bytes: int = 64 * 1024
    linger_ms: float = 5.0
    in_flight_max: int = 32
    """Batches that were sent and not acknowledged; one more waits."""
    compression: CompressionType = CompressionType.NONE
    partition: int | None = None


class _Batch:
    def __init__(self, load: ProduceLoad) -> None:
        self.builder = RecordBatchBuilder(compression=load.compression, max_bytes=load.batch_bytes)
        self.opened_s = time.perf_counter()
        self.times_s: list[float] = []


async def produce_load(client: KafkaClient, topic: str, load: ProduceLoad, progress: LoadProgress) -> None:
    """With acks=all, idempotently, batch by batch to one partition after the other. `KafkaError`: the first refusal."""
    partitions = await partitions_of(client, topic, load.partition)
    payloads = _payloads(load.record_bytes)
    sender, slots = BatchSender(client), asyncio.Semaphore(load.in_flight_max)
    flying: set[asyncio.Future[None]] = set()
    failed: list[BaseException] = []
    progress.began_s = time.perf_counter()

    async def deliver(batch: _Batch, where: TopicPartition) -> None:
        try:
            await sender.send(where, batch.builder.build(), batch.builder.count)
        except Exception as error:
            failed.append(error)
        finally:
            slots.release()
        now_s = time.perf_counter()
        for sent_s in batch.times_s:
            progress.latencies.add(now_s - sent_s)
        progress.records += len(batch.times_s)
        progress.bytes += len(batch.times_s) * load.record_bytes

    async def close(batch: _Batch, number: int) -> None:
        await slots.acquire()
        task = asyncio.ensure_future(deliver(batch, partitions[number % len(partitions)]))
        flying.add(task)
        task.add_done_callback(flying.discard)

    try:
        await _fill(load, payloads, close, failed)
        while flying and not failed:
            await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
    finally:
        progress.ended_s = time.perf_counter()
        for task in flying:
            task.cancel()
        sender.close()
    if failed:
        raise failed[0]


def _payloads(size: int) -> list[bytes]:
    """Hexadecimal digits: half of them is chance."""
    count = max(1, min(PAYLOADS_MAX, PAYLOAD_BYTES_MAX // size))
    return [os.urandom(size // 2 + 1).hex()[:size].encode() for _ in range(count)]


async def _fill(
    load: ProduceLoad,
    payloads: list[bytes],
    close: Callable[[_Batch, int], Awaitable[None]],
    failed: list[BaseException],
) -> None:
    """Records into batches, at the pace that is asked for; each batch is closed when it is full or old enough."""
    began_s, batch, batches = time.perf_counter(), _Batch(load), 0
    for number in range(load.records):
        if failed:
            return
        if load.records_per_s is not None:
            ahead_s = number / load.records_per_s - (time.perf_counter() - began_s)
            if ahead_s > PACE_S:
                if batch.builder.count:
                    await close(batch, batches)
                    batch, batches = _Batch(load), batches + 1
                await asyncio.sleep(ahead_s)
        now_s = time.perf_counter()
        timestamp_ms = int(time.time() * 1000)
        while not batch.builder.append(None, payloads[number % len(payloads)], (), timestamp_ms=timestamp_ms):
            await close(batch, batches)
            batch, batches = _Batch(load), batches + 1
        batch.times_s.append(now_s)
        if now_s - batch.opened_s >= load.linger_ms / 1000:
            await close(batch, batches)
            batch, batches = _Batch(load), batches + 1
        if number % _TURN_RECORDS == 0:
            await asyncio.sleep(0)
    if batch.builder.count:
        await close(batch, batches)


async def consume_load(
    client: KafkaClient,
    topic: str,
    progress: LoadProgress,
    *,
    records: int | None,
    from_end: bool = False,
) -> None:
    """So many records, or all that were there when it began. The latency is the age of a record as it comes."""
    wheres = await partitions_of(client, topic)
    starts = await (latest_offsets if from_end else earliest_offsets)(client, wheres)
    ends = await latest_offsets(client, wheres)
    reader = PartitionReader(client, starts)
    progress.began_s = time.perf_counter()
    while progress.records != records:
        if records is None and all(reader.positions[where] >= ends[where] for where in wheres):
            break
        polled = await reader.poll()
        if records is not None:
            polled = polled[: records - progress.records]
        now_ms = time.time() * 1000
        progress.records += len(polled)
        for record in polled:
            progress.bytes += len(record.key or b"") + len(record.value or b"")
            progress.latencies.add(max(0.0, now_ms - record.timestamp) / 1000)
    progress.ended_s = time.perf_counter()


async def echo_load(
    client: KafkaClient,
    topic: str,
    progress: LoadProgress,
    acknowledged: Latencies,
    *,
    records: int,
    record_bytes: int,
) -> None:
    """One record after the other: sent, acknowledged by all, and read again. `acknowledged`: up to the answer."""
    where = (await partitions_of(client, topic))[0]
    end = (await latest_offsets(client, [where]))[where]
    sender = BatchSender(client)
    progress.began_s = time.perf_counter()
    try:
        async with client.twin() as listening:
            reader = PartitionReader(listening, {where: end}, max_wait_ms=_ECHO_WAIT_MS)
            await _echo(sender, reader, where, progress, acknowledged, records=records, record_bytes=record_bytes)
    finally:
        progress.ended_s = time.perf_counter()
        sender.close()


async def _echo(
    sender: BatchSender,
    reader: PartitionReader,
    where: TopicPartition,
    progress: LoadProgress,
    acknowledged: Latencies,
    *,
    records: int,
    record_bytes: int,
) -> None:
    for _ in range(records):
        payload = os.urandom(record_bytes)
        builder = RecordBatchBuilder()
        builder.append(None, payload, (), timestamp_ms=int(time.time() * 1000))
        waiting = asyncio.ensure_future(_wait_for(reader, payload))
        await asyncio.sleep(0)  # its fetch is on the way
        sent_s = time.perf_counter()
        try:
            await sender.send(where, builder.build(), 1)
            acknowledged.add(time.perf_counter() - sent_s)
            progress.latencies.add(await waiting - sent_s)
        finally:
            waiting.cancel()
        progress.records += 1
        progress.bytes += record_bytes


async def _wait_for(reader: PartitionReader, payload: bytes) -> float:
    while True:
        if any(record.value == payload for record in await reader.poll()):
            return time.perf_counter()
