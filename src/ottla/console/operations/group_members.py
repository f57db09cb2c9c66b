"""Who is in a group of any type (classic, consumer KIP-848, share KIP-932, streams KIP-1071), by its coordinator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.clients.consumer import TopicPartition
from ottla.protocol.api import consumer_group_describe as consumer
from ottla.protocol.api import describe_groups as classic
from ottla.protocol.api import share_group_describe as share
from ottla.protocol.api import streams_group_describe as streams
from ottla.protocol.consumer_protocol import ConsumerProtocolAssignment
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError, error_code

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient

CLASSIC, CONSUMER, SHARE, STREAMS = "classic", "consumer", "share", "streams"


@dataclass(frozen=True, slots=True)
class GroupMember:
    member_id: str
    group_instance_id: str | None
    client_id: str
    host: str
    assignment: list[TopicPartition]
    epoch: int | None = None
    """Of the new protocols."""
    tasks: list[str] = field(default_factory=list)
    """Of streams groups: the active tasks, `SUBTOPOLOGY_PARTITION`."""


@dataclass(frozen=True, slots=True)
class Membership:
    state: str
    protocol: str
    """The assignor, or what classic members have agreed on."""
    epoch: int | None
    coordinator: int
    members: list[GroupMember]


async def describe_members(client: KafkaClient, group_id: str, kind: str) -> Membership | None:
    """`None` when the coordinator knows no such group of this kind."""
    describe = {CONSUMER: _consumer, SHARE: _share, STREAMS: _streams}.get(kind, _classic)

    async def ask() -> Membership | None:
        return await describe(client, group_id, await client.coordinator(group_id))

    return await client.retry(ask)


async def _classic(client: KafkaClient, group_id: str, coordinator: int) -> Membership | None:
    request = classic.DescribeGroupsRequest(groups=[group_id])
    group = (await client.send_to(coordinator, request, classic.DescribeGroupsResponse)).groups[0]
    if not _is_there(group.error_code, group.error_message, group_id) or group.group_state == "Dead":
        return None
    members = [
        GroupMember(
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            _classic_assignment(member.member_assignment),
        )
        for member in group.members
    ]
    return Membership(group.group_state, group.protocol_data, None, coordinator, members)


async def _consumer(client: KafkaClient, group_id: str, coordinator: int) -> Membership | None:
    request = consumer.ConsumerGroupDescribeRequest(group_ids=[group_id], include_authorized_operations=False)
    group = (await client.send_to(coordinator, request, consumer.ConsumerGroupDescribeResponse)).groups[0]
    return _with_partitions(group, group_id, coordinator)


async def _share(client: KafkaClient, group_id: str, coordinator: int) -> Membership | None:
    request = share.ShareGroupDescribeRequest(group_ids=[group_id], include_authorized_operations=False)
    group = (await client.send_to(coordinator, request, share.ShareGroupDescribeResponse)).groups[0]
    return _with_partitions(group, group_id, coordinator)


def _with_partitions(
    group: consumer.DescribedGroup | share.DescribedGroup, group_id: str, coordinator: int
) -> Membership | None:
    if not _is_there(group.error_code, group.error_message, group_id):
        return None
    members = [
        GroupMember(
            member.member_id,
            member.instance_id if isinstance(member, consumer.Member) else None,
            member.client_id,
            member.client_host,
            sorted(
                TopicPartition(each.topic_name, index)
                for each in member.assignment.topic_partitions
                for index in each.partitions
            ),
            member.member_epoch,
        )
        for member in group.members
    ]
    return Membership(group.group_state, group.assignor_name, group.group_epoch, coordinator, members)


async def _streams(client: KafkaClient, group_id: str, coordinator: int) -> Membership | None:
    request = streams.StreamsGroupDescribeRequest(group_ids=[group_id], include_authorized_operations=False)
    group = (await client.send_to(coordinator, request, streams.StreamsGroupDescribeResponse)).groups[0]
    if not _is_there(group.error_code, group.error_message, group_id):
        return None
    sources = {
        each.subtopology_id: [*each.source_topics, *(topic.name for topic in each.repartition_source_topics)]
        for each in (group.topology.subtopologies if group.topology is not None else None) or ()
    }
    members = [
        GroupMember(
            member.member_id,
            member.instance_id,
            member.client_id,
            member.client_host,
            sorted(
                TopicPartition(topic, partition)
                for task in member.assignment.active_tasks
                for topic in sources.get(task.subtopology_id, ())
                for partition in task.partitions
            ),
            member.member_epoch,
            sorted(
                f"{task.subtopology_id}_{each}" for task in member.assignment.active_tasks for each in task.partitions
            ),
        )
        for member in group.members
    ]
    return Membership(group.group_state, "streams", group.group_epoch, coordinator, members)


def _is_there(code: int, message: str | None, group_id: str) -> bool:
    if code not in (ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND):
        raise KafkaError(error_code(code), message or f"group '{group_id}'")
    return code == ErrorCode.NONE


def _classic_assignment(data: bytes) -> list[TopicPartition]:
    if len(data) < 2:
        return []
    version = min(int.from_bytes(data[:2], "big"), ConsumerProtocolAssignment.versions.latest)
    try:
        assignment = ConsumerProtocolAssignment.decode(data, version, 2)
    except ProtocolError:
        return []  # not a consumer's: the group has a protocol of its own
    return [TopicPartition(each.topic, index) for each in assignment.assigned_partitions for index in each.partitions]
