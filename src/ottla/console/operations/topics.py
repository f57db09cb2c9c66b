"""Topics: list, create, describe, add partitions, delete. Each operation once, for every face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient, TopicMetadata
from ottla.clients.consumer import TopicPartition, earliest_offsets, latest_offsets
from ottla.clients.topics import BROKER_DEFAULT, NewTopic, create_partitions, create_topics
from ottla.console.operations.configs import describe_config
from ottla.console.operations.near_names import did_you_mean
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.types import ZERO_UUID, uuid_text

_DELETE_BY_STATE = 6
"""The first version of DeleteTopics that takes structures instead of names."""


@dataclass(frozen=True, slots=True)
class TopicSummary:
    name: str
    topic_id: str
    internal: bool
    partitions: int
    replication_factor: int


@dataclass(frozen=True, slots=True)
class PartitionDescription:
    partition: int
    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    first_offset: int | None
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class TopicDescription:
    summary: TopicSummary
    partitions: list[PartitionDescription]
    configs: dict[str, str | None]
    """Only what was set for this topic."""


def _summary(topic: TopicMetadata) -> TopicSummary:
    factor = max((len(partition.replicas) for partition in topic.partitions.values()), default=0)
    return TopicSummary(topic.name, uuid_text(topic.topic_id), topic.internal, len(topic.partitions), factor)


async def list_topics(client: KafkaClient, *, include_internal: bool = False) -> list[TopicSummary]:
    metadata = await client.refresh_metadata(None)
    topics = sorted(metadata.topics.values(), key=lambda topic: topic.name)
    return [_summary(topic) for topic in topics if include_internal or not topic.internal]


async def unknown_topic(client: KafkaClient, name: str) -> KafkaError:
    """The error for a name that is not there, with the names that are near."""
    names = (await client.refresh_metadata(None)).topics
    message = f"there is no topic '{name}'.{did_you_mean(name, names)}"
    return KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)


async def find_topic(client: KafkaClient, name: str) -> TopicMetadata:
    try:
        return await client.topic(name)
    except KafkaError as error:
        if error.code is not ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            raise
    raise await unknown_topic(client, name)


async def create_topic(
    client: KafkaClient,
    name: str,
    *,
    partitions: int = BROKER_DEFAULT,
    replication_factor: int = BROKER_DEFAULT,
    configs: Mapping[str, str] | None = None,
    validate_only: bool = False,
) -> TopicSummary:
    """Create one topic; with `validate_only` the broker only says what it would do."""
    topic = NewTopic(name, partitions, replication_factor, configs or {})
    created = (await create_topics(client, [topic], validate_only=validate_only))[name]
    if isinstance(created, KafkaError):
        raise created
    return TopicSummary(name, uuid_text(created.topic_id), False, created.partitions, created.replication_factor)


async def describe_topic(client: KafkaClient, name: str) -> TopicDescription:
    topic = await find_topic(client, name)
    wheres = [TopicPartition(name, index) for index in topic.partitions]
    first = await earliest_offsets(client, wheres)
    following = await latest_offsets(client, wheres)
    partitions = [
        PartitionDescription(
            each.index,
            each.leader,
            each.leader_epoch,
            each.replicas,
            each.isr,
            first[TopicPartition(name, each.index)],
            following[TopicPartition(name, each.index)],
        )
        for each in topic.partitions.values()
    ]
    entries = await describe_config(client, "topic", name)
    configs = {entry.name: entry.value for entry in entries if entry.source == "dynamic topic"}
    return TopicDescription(_summary(topic), partitions, configs)


async def add_partitions(client: KafkaClient, name: str, count: int, *, validate_only: bool = False) -> None:
    """Raise the number of partitions to `count`; Kafka never lowers it."""
    error = (await create_partitions(client, {name: count}, validate_only=validate_only)).get(name)
    if error is not None:
        raise await unknown_topic(client, name) if error.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION else error


async def delete_topics(client: KafkaClient, names: Sequence[str]) -> None:
    """Delete each; the first that cannot be deleted is raised, the others are gone all the same."""
    connection = await client.any_connection()
    version = connection.version_of(DeleteTopicsRequest)
    request = DeleteTopicsRequest(timeout_ms=int(client.request_timeout_ms))
    if version >= _DELETE_BY_STATE:
        request.topics = [DeleteTopicState(name=name, topic_id=ZERO_UUID) for name in names]
    else:
        request.topic_names = list(names)
    response = await connection.send(
        request, DeleteTopicsResponse, timeout_ms=client.request_timeout_ms, version=version
    )
    for result in response.responses:
        if result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION and result.name is not None:
            raise await unknown_topic(client, result.name)
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), result.error_message or f"topic '{result.name}'")
