"""The start offsets of a share group (KIP-932): before them everything was dealt with."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.protocol.api.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
    AlterShareGroupOffsetsResponse,
)
from ottla.protocol.api.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
    DeleteShareGroupOffsetsResponse,
)
from ottla.protocol.api.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code


class ShareOffset(NamedTuple):
    start: int | None
    """`None`: nobody has read there yet."""
    lag: int | None


async def fetch_share_offsets(client: KafkaClient, group_id: str) -> dict[TopicPartition, ShareOffset]:
    async def ask() -> dict[TopicPartition, ShareOffset]:
        coordinator = await client.coordinator(group_id)
        wanted = DescribeShareGroupOffsetsRequestGroup(group_id=group_id, topics=None)
        request = DescribeShareGroupOffsetsRequest(groups=[wanted])
        group = (await client.send_to(coordinator, request, DescribeShareGroupOffsetsResponse)).groups[0]
        _check(group.error_code, group.error_message, group_id)
        found = {}
        for topic in group.topics:
            for each in topic.partitions:
                _check(each.error_code, each.error_message, f"{topic.topic_name}-{each.partition_index}")
                start = each.start_offset if each.start_offset >= 0 else None
                lag = each.lag if each.lag >= 0 else None
                found[TopicPartition(topic.topic_name, each.partition_index)] = ShareOffset(start, lag)
        return found

    return await client.retry(ask)


async def alter_share_offsets(client: KafkaClient, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Of a group without members. `KafkaError`: the first refusal."""
    topics: dict[str, AlterShareGroupOffsetsRequestTopic] = {}
    for (name, index), offset in offsets.items():
        topic = topics.setdefault(name, AlterShareGroupOffsetsRequestTopic(topic_name=name, partitions=[]))
        topic.partitions.append(AlterShareGroupOffsetsRequestPartition(partition_index=index, start_offset=offset))

    async def ask() -> None:
        coordinator = await client.coordinator(group_id)
        request = AlterShareGroupOffsetsRequest(group_id=group_id, topics=list(topics.values()))
        response = await client.send_to(coordinator, request, AlterShareGroupOffsetsResponse)
        _check(response.error_code, response.error_message, group_id)
        for topic in response.responses:
            for each in topic.partitions:
                _check(each.error_code, each.error_message, f"{topic.topic_name}-{each.partition_index}")

    await client.retry(ask)


async def delete_share_offsets(client: KafkaClient, group_id: str, topics: Iterable[str]) -> None:
    """Of these topics, of a group without members."""
    names = list(topics)

    async def ask() -> None:
        coordinator = await client.coordinator(group_id)
        wanted = [DeleteShareGroupOffsetsRequestTopic(topic_name=name) for name in names]
        request = DeleteShareGroupOffsetsRequest(group_id=group_id, topics=wanted)
        response = await client.send_to(coordinator, request, DeleteShareGroupOffsetsResponse)
        _check(response.error_code, response.error_message, group_id)
        for topic in response.responses:
            _check(topic.error_code, topic.error_message, topic.topic_name)

    await client.retry(ask)


def _check(code: int, message: str | None, what: str) -> None:
    if code == ErrorCode.NON_EMPTY_GROUP:
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group '{what}' has active members: stop them first")
    if code != ErrorCode.NONE:
        raise KafkaError(error_code(code), message or what)
