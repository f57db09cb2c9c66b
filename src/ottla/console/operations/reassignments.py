"""Reassignments: start, list, cancel (KIP-455), and how far each is, by what lies in log directories (KIP-113)."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.clients.errors import BrokerUnreachableError
from ottla.console.operations.brokers import log_directory_results
from ottla.console.operations.partition_files import Assignment
from ottla.console.operations.topics import unknown_topic
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.api.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code


@dataclass(frozen=True, slots=True)
class Reassignment:
    """A partition on the move: `replicas` are all that there are while it lasts."""

    topic: str
    partition: int
    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]

    @property
    def where(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A partition that the controller would not touch."""

    topic: str
    partition: int
    error: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one partition on the move: what its new replicas still have to copy."""

    reassignment: Reassignment
    bytes_left: int | None
    """`None`: a broker that would know does not answer."""


async def current_assignments(client: KafkaClient, topics: Iterable[str]) -> list[Assignment]:
    """Where the replicas of these topics are. `KafkaError` names a topic that is not there."""
    names = list(dict.fromkeys(topics))
    metadata = await client.refresh_metadata(names)
    for name in names:
        if name not in metadata.topics:
            raise await unknown_topic(client, name)
    return [
        Assignment(name, each.index, each.replicas)
        for name in sorted(names)
        for each in metadata.topics[name].partitions.values()
    ]


async def ongoing_reassignments(client: KafkaClient) -> list[Reassignment]:
    """All that there are, in order."""

    async def ask() -> ListPartitionReassignmentsResponse:
        request = ListPartitionReassignmentsRequest(topics=None, timeout_ms=int(client.request_timeout_ms))
        response = await client.send_any(request, ListPartitionReassignmentsResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), response.error_message)
        return response

    response = await client.retry(ask)
    found = [
        Reassignment(
            topic.name,
            each.partition_index,
            tuple(each.replicas),
            tuple(each.adding_replicas),
            tuple(each.removing_replicas),
        )
        for topic in response.topics
        for each in topic.partitions
    ]
    return sorted(found, key=lambda each: each.where)


async def start_reassignments(client: KafkaClient, assignments: Sequence[Assignment]) -> list[Refusal]:
    """A partition that is on the move takes another way. What is refused is in the list; the others are started."""
    return await _alter(client, {each.where: each.replicas for each in assignments})


async def cancel_reassignments(client: KafkaClient, wheres: Iterable[TopicPartition]) -> list[Refusal]:
    """Back to the replicas that there were."""
    return await _alter(client, dict.fromkeys(wheres))


async def reassignment_progress(client: KafkaClient, moving: Sequence[Reassignment]) -> list[Progress]:
    """What each new replica has yet to copy is what its leader has more."""
    topics = {each.topic for each in moving}
    await client.refresh_metadata(topics)
    leaders = {where: _leader(client, where) for where in (each.where for each in moving)}
    asked = {broker for each in moving for broker in each.adding} | {
        leader for leader in leaders.values() if leader >= 0
    }
    sizes = dict(
        zip(asked, await asyncio.gather(*(_replica_sizes(client, broker, topics) for broker in asked)), strict=True)
    )

    def left(each: Reassignment) -> int | None:
        there = sizes.get(leaders[each.where])
        if there is None or each.where not in there:
            return None
        bytes_left = 0
        for broker in each.adding:
            copied = sizes[broker]
            if copied is None:
                return None
            bytes_left += max(0, there[each.where] - copied.get(each.where, 0))
        return bytes_left

    return [Progress(each, left(each)) for each in moving]


async def _alter(client: KafkaClient, targets: Mapping[TopicPartition, Sequence[int] | None]) -> list[Refusal]:
    by_topic: dict[str, list[ReassignablePartition]] = {}
    for where, replicas in targets.items():
        partition = ReassignablePartition(
            partition_index=where.partition, replicas=None if replicas is None else list(replicas)
        )
        by_topic.setdefault(where.topic, []).append(partition)
    request = AlterPartitionReassignmentsRequest(
        timeout_ms=int(client.request_timeout_ms),
        topics=[ReassignableTopic(name=name, partitions=partitions) for name, partitions in by_topic.items()],
    )

    async def ask() -> AlterPartitionReassignmentsResponse:
        response = await client.send_any(request, AlterPartitionReassignmentsResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), response.error_message)
        return response

    response = await client.retry(ask)
    refusals = [
        Refusal(topic.name, each.partition_index, error_code(each.error_code).name, each.error_message)
        for topic in response.responses
        for each in topic.partitions
        if each.error_code != ErrorCode.NONE
    ]
    return sorted(refusals, key=lambda each: (each.topic, each.partition))


def _leader(client: KafkaClient, where: TopicPartition) -> int:
    topic = client.metadata.topics.get(where.topic)
    partition = topic.partitions.get(where.partition) if topic is not None else None
    return -1 if partition is None else partition.leader


async def _replica_sizes(
    client: KafkaClient, broker_id: int, topics: Iterable[str]
) -> dict[TopicPartition, int] | None:
    """Of the replicas on one broker; `None` if it cannot be asked."""
    wanted = frozenset(topics)
    try:
        results = await log_directory_results(client, broker_id)
    except (BrokerUnreachableError, KafkaError):
        return None
    return {
        TopicPartition(topic.name, each.partition_index): each.partition_size
        for result in results
        for topic in result.topics
        if topic.name in wanted
        for each in topic.partitions
        if not each.is_future_key
    }
