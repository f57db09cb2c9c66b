"""Readers without a group, which remember what they were given at every offset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.consumer import PartitionReader, TopicPartition

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

RESTART_ONE_IN = 40


@dataclass(slots=True)
class Readers:
    topic: str = "records"
    partitions: int = 3
    readers: int = 1
    topics: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {self.topic: self.partitions}

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for number in range(self.readers):
            cluster.client(f"reader-{self.topic}-{number}", lambda client: self._read(client, ledger))

    async def _read(self, client: SimulatedClient, ledger: Ledger) -> None:
        kafka = await connected(client)
        every = [TopicPartition(self.topic, index) for index in range(self.partitions)]
        reader = PartitionReader(kafka, dict.fromkeys(every, 0))
        while not client.cluster.is_ending:
            try:
                records = await reader.poll()
            except MAY_PASS:
                await pause(client, 0.1)
                continue
            for record in records:
                assert record.value is not None
                ledger.consumed(TopicPartition(record.topic, record.partition), record.offset, record.value)
            if not client.random.randrange(RESTART_ONE_IN):  # read something again
                where = client.random.choice(every)
                reader.positions[where] = client.random.randrange(reader.positions[where] + 1)
            await pause(client, 0.02)
        kafka.close()
