"""Producers that number their records, keep a few batches of each partition under way, and never give one up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.batch_sender import BatchSender
from ottla.clients.consumer import TopicPartition
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

UNDER_WAY = 8
FOR_EVER_MS = 10_000_000


@dataclass(slots=True)
class IdempotentProducers:
    topic: str = "records"
    partitions: int = 3
    producers: int = 2
    pause_s: float = 0.05
    topics: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {self.topic: self.partitions}

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for number in range(self.producers):
            name = f"producer-{self.topic}-{number}"
            cluster.client(name, lambda client, name=name: self._produce(client, name, ledger))  # type: ignore[misc]

    async def _produce(self, client: SimulatedClient, name: str, ledger: Ledger) -> None:
        random = client.random
        kafka = await connected(client)
        sender = BatchSender(kafka, delivery_timeout_ms=FOR_EVER_MS)
        slots = asyncio.Semaphore(UNDER_WAY)
        count = 0
        while not client.cluster.is_ending:
            await slots.acquire()
            where = TopicPartition(self.topic, random.randrange(self.partitions))
            values = [f"{name}/{client.lives}:{count + each}".encode() for each in range(random.choice((1, 1, 2, 5)))]
            count += len(values)
            builder = RecordBatchBuilder()
            for value in values:
                builder.append(None, value, timestamp_ms=client.now_ms)
            ledger.sent(where, values)
            task = asyncio.ensure_future(_acknowledged(sender, where, builder.build(), values, ledger))
            task.add_done_callback(lambda _: slots.release())
            await pause(client, self.pause_s)
        for _ in range(UNDER_WAY):
            await slots.acquire()
        kafka.close()


async def _acknowledged(
    sender: BatchSender, where: TopicPartition, batch: bytearray, values: list[bytes], ledger: Ledger
) -> None:
    try:
        offset = await sender.send(where, batch, len(values))
    except MAY_PASS:
        ledger.count("given up")
    else:
        ledger.wrote(where, values, offset)
