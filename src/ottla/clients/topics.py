"""Topics, many at a time: create them, give them more partitions. What becomes of each is told by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.protocol.api.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
)
from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.clients.client import KafkaClient

BROKER_DEFAULT = -1
"""As a partition count or replication factor: what the broker's configs say (KIP-464)."""


@dataclass(frozen=True, slots=True)
class NewTopic:
    name: str
    partitions: int = BROKER_DEFAULT
    replication_factor: int = BROKER_DEFAULT
    configs: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreatedTopic:
    topic_id: bytes
    partitions: int
    replication_factor: int


async def create_topics(
    client: KafkaClient, topics: Iterable[NewTopic], *, validate_only: bool = False
) -> dict[str, CreatedTopic | KafkaError]:
    """What was made of each topic, or why it was not; with `validate_only`, what would be."""
    creatable = [
        CreatableTopic(
            name=topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replication_factor,
            assignments=[],
            configs=[CreatableTopicConfig(name=key, value=value) for key, value in topic.configs.items()],
        )
        for topic in topics
    ]
    request = CreateTopicsRequest(
        topics=creatable, timeout_ms=int(client.request_timeout_ms), validate_only=validate_only
    )
    response = await client.send_any(request, CreateTopicsResponse)
    return {
        topic.name: _error(topic.error_code, topic.error_message or f"topic '{topic.name}'")
        or CreatedTopic(topic.topic_id, topic.num_partitions, topic.replication_factor)
        for topic in response.topics
    }


async def create_partitions(
    client: KafkaClient, counts: Mapping[str, int], *, validate_only: bool = False
) -> dict[str, KafkaError]:
    """Raise the number of partitions of each topic to its count; Kafka never lowers it. The errors of the refused."""
    topics = [CreatePartitionsTopic(name=name, count=count, assignments=None) for name, count in counts.items()]
    request = CreatePartitionsRequest(
        topics=topics, timeout_ms=int(client.request_timeout_ms), validate_only=validate_only
    )
    response = await client.send_any(request, CreatePartitionsResponse)
    return {
        result.name: error
        for result in response.results
        if (error := _error(result.error_code, result.error_message or f"topic '{result.name}'")) is not None
    }


async def create_compacted_topic(client: KafkaClient, name: str, partitions: int, replication_factor: int) -> None:
    """For a program's own state; one that is there already is left as it is. `KafkaError` if it cannot be made."""
    await client.refresh_metadata([name])
    if name in client.metadata.topics:
        return
    topic = NewTopic(name, partitions, replication_factor, {"cleanup.policy": "compact"})
    created = (await create_topics(client, [topic]))[name]
    if isinstance(created, KafkaError) and created.code is not ErrorCode.TOPIC_ALREADY_EXISTS:
        raise created


def _error(code: int, message: str) -> KafkaError | None:
    return None if code == ErrorCode.NONE else KafkaError(error_code(code), message)
