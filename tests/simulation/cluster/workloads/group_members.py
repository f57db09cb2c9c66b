"""Members of one classic group: they poll, remember, and commit; some leave and come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.consumer import EARLIEST_TIMESTAMP, TopicPartition
from ottla.clients.group import GroupConsumer

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

LEAVE_ONE_IN = 100
SESSION_TIMEOUT_MS = 6_000


@dataclass(slots=True)
class GroupMembers:
    topic: str = "records"
    partitions: int = 3
    group: str = "group"
    members: int = 2
    topics: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {self.topic: self.partitions}

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for number in range(self.members):
            cluster.client(f"member-{self.group}-{number}", lambda client: self._take_part(client, ledger))

    async def _take_part(self, client: SimulatedClient, ledger: Ledger) -> None:
        while not client.cluster.is_ending:
            kafka = await connected(client)
            try:
                async with GroupConsumer(
                    kafka,
                    self.group,
                    [self.topic],
                    reset_timestamp=EARLIEST_TIMESTAMP,
                    session_timeout_ms=SESSION_TIMEOUT_MS,
                    rebalance_timeout_ms=SESSION_TIMEOUT_MS,
                ) as consumer:
                    while not client.cluster.is_ending and client.random.randrange(LEAVE_ONE_IN):
                        await self._poll(client, consumer, ledger)
            except MAY_PASS:
                ledger.count("members lost")
                await pause(client, 0.2)
            kafka.close()

    async def _poll(self, client: SimulatedClient, consumer: GroupConsumer, ledger: Ledger) -> None:
        for record in await consumer.poll():
            assert record.value is not None
            ledger.consumed(TopicPartition(record.topic, record.partition), record.offset, record.value)
        if client.random.random() < 0.5:
            offsets = dict(consumer.reader.positions)
            for where, offset in offsets.items():
                ledger.commits_asked.setdefault((self.group, where), set()).add(offset)
            await consumer.commit()
            for where, offset in offsets.items():
                ledger.commits[self.group, where] = offset
            ledger.count("commits", len(offsets))
        await pause(client, 0.05)
