"""An administrator who moves replicas from broker to broker, throttled at times, and gives up some moves (KIP-455)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster.layouts import BROKER
from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.protocol.api import alter_partition_reassignments as altering
from ottla.protocol.api import incremental_alter_configs as configuring
from ottla.protocol.api.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

    from ottla.clients.client import KafkaClient

TOPIC_RESOURCE, BROKER_RESOURCE = 2, 4
SET, DELETE = 0, 1
REPLICAS: Final = 3
THROTTLED_BYTES_PER_S: Final = ("500", "5000")
GIVES_UP_ONE_IN: Final = 4
PATIENCE_S: Final = 20.0
"""After so long a move is given up in the end: one that was changed on its way may never come to its end."""


@dataclass(slots=True)
class Movers:
    topic: str = "records"
    partitions: int = 3
    pause_s: float = 0.4
    topics: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {self.topic: self.partitions}

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        cluster.client("mover", lambda client: self._move(client, ledger))

    async def _move(self, client: SimulatedClient, ledger: Ledger) -> None:
        kafka = await connected(client)
        random, brokers = client.random, [node.node_id for node in client.cluster.layout.nodes if BROKER in node.roles]
        while not client.cluster.is_ending:
            try:
                if random.random() < 0.2:
                    await self._throttle(kafka, random.choice((None, *THROTTLED_BYTES_PER_S)))
                under_way = await self._under_way(kafka)
                index = random.randrange(self.partitions)
                if index not in under_way:
                    await self._alter(kafka, index, random.sample(brokers, min(REPLICAS, len(brokers))))
                    ledger.count("moves")
                elif not random.randrange(GIVES_UP_ONE_IN):
                    await self._alter(kafka, index, None)
                    ledger.count("moves given up")
            except MAY_PASS:
                ledger.count("moves lost")
            await pause(client, self.pause_s)
        await self._end(client, kafka)
        kafka.close()

    async def _end(self, client: SimulatedClient, kafka: KafkaClient) -> None:
        """Nothing is throttled any more, and what is under way comes to its end."""
        is_throttled, late = True, client.cluster.now + PATIENCE_S
        while True:
            try:
                if is_throttled:
                    await self._throttle(kafka, None)
                    is_throttled = False
                under_way = await self._under_way(kafka)
                if not under_way:
                    return
                if client.cluster.now > late:
                    for index in under_way:
                        await self._alter(kafka, index, None)
            except MAY_PASS:
                pass
            await pause(client, 0.2)

    async def _under_way(self, kafka: KafkaClient) -> list[int]:
        request = ListPartitionReassignmentsRequest(timeout_ms=5_000, topics=None)
        answer = await kafka.send_any(request, ListPartitionReassignmentsResponse)
        _check(answer.error_code)
        return [
            each.partition_index for topic in answer.topics if topic.name == self.topic for each in topic.partitions
        ]

    async def _alter(self, kafka: KafkaClient, index: int, replicas: list[int] | None) -> None:
        wanted = altering.ReassignablePartition(partition_index=index, replicas=replicas)
        request = altering.AlterPartitionReassignmentsRequest(
            timeout_ms=5_000, topics=[altering.ReassignableTopic(name=self.topic, partitions=[wanted])]
        )
        answer = await kafka.send_any(request, altering.AlterPartitionReassignmentsResponse)
        _check(answer.error_code or answer.responses[0].partitions[0].error_code)

    async def _throttle(self, kafka: KafkaClient, bytes_per_s: str | None) -> None:
        """As `kafka-reassign-partitions` does; here for every broker and replica."""
        sides = ("leader", "follower")
        rates = {f"{side}.replication.throttled.rate": bytes_per_s for side in sides}
        replicas = {f"{side}.replication.throttled.replicas": bytes_per_s and "*" for side in sides}
        resources = [
            _resource(BROKER_RESOURCE, "", rates),
            _resource(TOPIC_RESOURCE, self.topic, replicas),
        ]
        for resource in resources:
            request = configuring.IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
            answer = await kafka.send_any(request, configuring.IncrementalAlterConfigsResponse)
            _check(answer.responses[0].error_code)


def _resource(kind: int, name: str, values: dict[str, str | None]) -> configuring.AlterConfigsResource:
    configs = [
        configuring.AlterableConfig(name=key, config_operation=DELETE if value is None else SET, value=value)
        for key, value in values.items()
    ]
    return configuring.AlterConfigsResource(resource_type=kind, resource_name=name, configs=configs)


def _check(code: int) -> None:
    if code != ErrorCode.NONE:
        raise KafkaError(error_code(code), "moving")
