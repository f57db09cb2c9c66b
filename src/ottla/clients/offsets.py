"""The committed offsets of a group: fetched, stored, removed (KIP-709, KIP-848's topic ids)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.clients.client import KafkaClient
from ottla.clients.connection import Connection
from ottla.clients.consumer import TopicPartition
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

_BY_GROUP = 8
"""The first version of OffsetFetch that asks for groups."""
_BY_TOPIC_ID = 10
"""The first version of OffsetCommit and OffsetFetch that names topics by id; this client stays below it."""


class CommittedOffset(NamedTuple):
    offset: int
    metadata: str


async def fetch_offsets(
    client: KafkaClient,
    group_id: str,
    partitions: Iterable[TopicPartition] | None = None,
    *,
    require_stable: bool = False,
) -> dict[TopicPartition, CommittedOffset]:
    """What the group has committed for these partitions (`None`: for all); those without a commit are left out.

    With `require_stable` it waits for transactions that have yet to decide one of them (KIP-447).
    """
    by_topic: dict[str, list[int]] | None = None
    if partitions is not None:
        by_topic = {}
        for topic, partition in partitions:
            by_topic.setdefault(topic, []).append(partition)

    async def ask() -> dict[TopicPartition, CommittedOffset]:
        connection = await client.connection_to(await client.coordinator(group_id))
        version = min(connection.version_of(OffsetFetchRequest), _BY_TOPIC_ID - 1)
        return await _ask_for_offsets(client, connection, version, group_id, by_topic, require_stable)

    return await client.retry(ask)


async def _ask_for_offsets(
    client: KafkaClient,
    connection: Connection,
    version: int,
    group_id: str,
    by_topic: dict[str, list[int]] | None,
    require_stable: bool,
) -> dict[TopicPartition, CommittedOffset]:
    if version >= _BY_GROUP:
        topics = (
            None
            if by_topic is None
            else [OffsetFetchRequestTopics(name=name, partition_indexes=each) for name, each in by_topic.items()]
        )
        group_request = OffsetFetchRequestGroup(group_id=group_id, topics=topics)
        request = OffsetFetchRequest(groups=[group_request], require_stable=require_stable)
    else:
        listed = (
            None
            if by_topic is None
            else [OffsetFetchRequestTopic(name=name, partition_indexes=each) for name, each in by_topic.items()]
        )
        request = OffsetFetchRequest(group_id=group_id, topics=listed, require_stable=require_stable)
    response = await connection.send(
        request, OffsetFetchResponse, timeout_ms=client.request_timeout_ms, version=version
    )
    group = response.groups[0] if response.groups else response
    if group.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(group.error_code), f"the offsets of group '{group_id}'")
    found: dict[TopicPartition, CommittedOffset] = {}
    for topic in group.topics:
        for partition in topic.partitions:
            if partition.error_code != ErrorCode.NONE:
                where = f"{topic.name}-{partition.partition_index}"
                raise KafkaError(error_code(partition.error_code), f"the offset of group '{group_id}' for {where}")
            if partition.committed_offset >= 0:
                found[TopicPartition(topic.name, partition.partition_index)] = CommittedOffset(
                    partition.committed_offset, partition.metadata or ""
                )
    return found


async def commit_offsets(
    client: KafkaClient,
    group_id: str,
    offsets: Mapping[TopicPartition, int],
    *,
    metadata: Mapping[TopicPartition, str] | None = None,
    member_id: str = "",
    generation_id: int = -1,
    group_instance_id: str | None = None,
) -> None:
    """Store offsets; without a member, as an administrator of a group that nobody is in.

    `KafkaError` with the first partition's code; the other partitions may have been stored.
    """
    topics: dict[str, list[OffsetCommitRequestPartition]] = {}
    for (topic, partition), offset in offsets.items():
        committed = OffsetCommitRequestPartition(
            partition_index=partition,
            committed_offset=offset,
            committed_metadata=(metadata or {}).get(TopicPartition(topic, partition), ""),
        )
        topics.setdefault(topic, []).append(committed)
    request = OffsetCommitRequest(
        group_id=group_id,
        generation_id_or_member_epoch=generation_id,
        member_id=member_id,
        group_instance_id=group_instance_id,
        topics=[OffsetCommitRequestTopic(name=name, partitions=each) for name, each in topics.items()],
    )

    async def ask() -> None:
        connection = await client.connection_to(await client.coordinator(group_id))
        version = min(connection.version_of(OffsetCommitRequest), _BY_TOPIC_ID - 1)
        response = await connection.send(
            request, OffsetCommitResponse, timeout_ms=client.request_timeout_ms, version=version
        )
        for topic in response.topics:
            for partition in topic.partitions:
                if partition.error_code != ErrorCode.NONE:
                    where = f"{topic.name}-{partition.partition_index}"
                    raise KafkaError(error_code(partition.error_code), f"group '{group_id}' cannot commit {where}")

    await client.retry(ask, unless=(ErrorCode.REBALANCE_IN_PROGRESS,))


async def delete_offsets(client: KafkaClient, group_id: str, partitions: Iterable[TopicPartition]) -> None:
    """Forget what a group has committed for these (KIP-496). `KafkaError`, also where members still read the topic."""
    topics: dict[str, list[OffsetDeleteRequestPartition]] = {}
    for topic, partition in partitions:
        topics.setdefault(topic, []).append(OffsetDeleteRequestPartition(partition_index=partition))
    request = OffsetDeleteRequest(
        group_id=group_id,
        topics=[OffsetDeleteRequestTopic(name=name, partitions=each) for name, each in topics.items()],
    )

    async def ask() -> None:
        response = await client.send_to(await client.coordinator(group_id), request, OffsetDeleteResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), f"the offsets of group '{group_id}'")
        for topic in response.topics:
            for partition in topic.partitions:
                if partition.error_code != ErrorCode.NONE:
                    where = f"{topic.name}-{partition.partition_index}"
                    raise KafkaError(error_code(partition.error_code), f"the offset of group '{group_id}' for {where}")

    await client.retry(ask)
