"""An administrator who makes topics and removes them again; the name of one that is gone may come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.topics import NewTopic, create_topics
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

    from ottla.clients.client import KafkaClient

NAMES = 6
UNKNOWN = "unknown"
"""Nobody answered: what was asked may still happen, however late, so the name is left alone from then on."""


@dataclass(slots=True)
class TopicChurn:
    pause_s: float = 0.3
    topics: dict[str, int] = field(default_factory=dict)
    names: int = 0

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        cluster.client("administrator", lambda client: self._churn(client, ledger))

    def _new_name(self) -> str:
        self.names += 1
        return f"churn-{self.names}"

    async def _churn(self, client: SimulatedClient, ledger: Ledger) -> None:
        kafka = await connected(client)
        is_asked_once = len(client.cluster.nodes) == 1
        names = [name for name, state in ledger.topics.items() if state != UNKNOWN]
        names += [self._new_name() for _ in range(NAMES - len(names))]
        while not client.cluster.is_ending:
            name = client.random.choice(names)
            act = _delete if ledger.topics.get(name) == "there" else _create
            ledger.topics[name] = UNKNOWN
            try:
                ledger.topics[name] = await act(kafka, name, client.random.randrange(1, 4), is_asked_once)
            except MAY_PASS:
                ledger.count("administration lost")
            else:
                ledger.count("topics made or removed")
            if ledger.topics[name] == UNKNOWN:
                names[names.index(name)] = self._new_name()
            await pause(client, self.pause_s)
        kafka.close()


async def _create(kafka: KafkaClient, name: str, partitions: int, is_asked_once: bool) -> str:
    """`is_asked_once`: else a broker that lost the controller asks the next one again, as in Apache Kafka, and is told
    that what it asks for is done already."""
    made = (await create_topics(kafka, [NewTopic(name, partitions)]))[name]
    if not isinstance(made, KafkaError):
        return "there"
    assert not is_asked_once or made.code is not ErrorCode.TOPIC_ALREADY_EXISTS, f"OneHistory: {name} was not there"
    return UNKNOWN


async def _delete(kafka: KafkaClient, name: str, _: int, is_asked_once: bool) -> str:
    request = DeleteTopicsRequest(topics=[DeleteTopicState(name=name, topic_id=ZERO_UUID)], timeout_ms=5_000)
    answer = (await kafka.send_any(request, DeleteTopicsResponse)).responses[0]
    is_unknown = answer.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert not (is_asked_once and is_unknown), f"OneHistory: {name} was there"
    return "gone" if answer.error_code == ErrorCode.NONE else UNKNOWN
