"""What clients do to a cluster: the port between a scenario and its workloads, and what several of them need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ottla.clients.errors import ClientError
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

    from ottla.clients.client import KafkaClient

MAY_PASS = (KafkaError, ClientError, OSError)
"""What a client may be answered with while things go wrong; an application starts over."""


class Workload(Protocol):
    @property
    def topics(self) -> dict[str, int]:
        """What must be there beforehand: partitions by name."""
        ...

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None: ...


async def pause(client: SimulatedClient, mean_s: float) -> None:
    """So long where clients are busy."""
    await asyncio.sleep(client.random.expovariate(1 / mean_s) * client.cluster.temper.pace)


async def connected(client: SimulatedClient, *, of_controllers: bool = False) -> KafkaClient:
    """However long it takes."""
    while True:
        kafka = client.connect(of_controllers=of_controllers)
        try:
            await (kafka.refresh_controllers() if of_controllers else kafka.refresh_metadata([]))
        except MAY_PASS:
            kafka.close()
            await pause(client, 0.2)
        else:
            return kafka
