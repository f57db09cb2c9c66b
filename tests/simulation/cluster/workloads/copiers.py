"""Copiers from one topic to another, exactly once: each reads a partition, and writes what it read and its position in
one transaction. Some transactions are aborted; whatever fails is begun anew from the committed position.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.transactional import TransactionalProducer
from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.consumer import READ_COMMITTED, PartitionReader, TopicPartition
from ottla.clients.offsets import fetch_offsets

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord

ABORT_ONE_IN = 6
TIMEOUT_MS = 4_000


@dataclass(slots=True)
class Copiers:
    source: str = "records"
    target: str = "copies"
    partitions: int = 3
    target_partitions: int = 2
    group: str = "copiers"
    topics: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {self.source: self.partitions, self.target: self.target_partitions}

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for number in range(self.partitions):
            where = TopicPartition(self.source, number)
            cluster.client(f"copier-{number}", lambda client, where=where: self._copy(client, where, ledger))  # type: ignore[misc]

    async def _copy(self, client: SimulatedClient, where: TopicPartition, ledger: Ledger) -> None:
        # Of the first version nothing tells an old commit of offsets, which took long, from one of this transaction.
        second_version = not client.cluster.is_prompt or client.random.random() < 0.6
        while not client.cluster.is_ending:
            kafka = await connected(client)
            producer = TransactionalProducer(kafka, client.name, second_version=second_version, timeout_ms=TIMEOUT_MS)
            try:
                await producer.init()
                await self._copy_on(client, kafka, producer, where, ledger)
            except MAY_PASS:
                ledger.count("transactions lost")
                await pause(client, 0.2)
            kafka.close()

    async def _copy_on(
        self,
        client: SimulatedClient,
        kafka: KafkaClient,
        producer: TransactionalProducer,
        where: TopicPartition,
        ledger: Ledger,
    ) -> None:
        committed = (await fetch_offsets(kafka, self.group, [where])).get(where)
        position = committed.offset if committed is not None else 0
        reader = PartitionReader(kafka, {where: position}, isolation_level=READ_COMMITTED)
        while not client.cluster.is_ending:
            records = await reader.poll()
            if not records:
                await pause(client, 0.05)
                continue
            taken = records[: client.random.randrange(1, 8)]
            position = taken[-1].offset + 1
            await self._write(client, producer, taken, ledger)
            await producer.commit_offsets(self.group, where, position)
            if client.random.randrange(ABORT_ONE_IN):
                await producer.end(commit=True)
                ledger.count("transactions committed")
                reader.positions[where] = position
                known = ledger.commits.get((self.group, where), 0)
                assert position > known, f"ExactlyOnce: {where}: committed {position} after {known}"
                ledger.commits[self.group, where] = position
            else:
                await producer.end(commit=False)
                ledger.count("transactions aborted")
                reader.positions[where] = taken[0].offset
            await pause(client, 0.05)

    async def _write(
        self, client: SimulatedClient, producer: TransactionalProducer, taken: list[ConsumedRecord], ledger: Ledger
    ) -> None:
        cut = client.random.randrange(len(taken) + 1)
        for part in (taken[:cut], taken[cut:]):
            if part:
                target = TopicPartition(self.target, client.random.randrange(self.target_partitions))
                values = [b"%d:%d" % (record.partition, record.offset) for record in part]
                await producer.produce(target, values, client.now_ms)
