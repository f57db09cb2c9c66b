"""Consumer groups: describe with lag, reset offsets, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import LATEST_TIMESTAMP, TopicPartition, list_offsets
from ottla.clients.groups import list_groups
from ottla.clients.offsets import commit_offsets, fetch_offsets
from ottla.console.operations.near_names import did_you_mean
from ottla.console.operations.positions import Position, resolve
from ottla.console.operations.topics import find_topic
from ottla.protocol.api.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.api.describe_groups import DescribedGroup, DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.consumer_protocol import ConsumerProtocolAssignment
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError, error_code

_RESETTABLE = ("Empty", "Dead")


@dataclass(frozen=True, slots=True)
class GroupMember:
    member_id: str
    group_instance_id: str | None
    client_id: str
    host: str
    assignment: list[TopicPartition]


@dataclass(frozen=True, slots=True)
class GroupOffset:
    topic: str
    partition: int
    committed: int | None
    end: int | None
    member_id: str | None

    @property
    def lag(self) -> int | None:
        return None if self.committed is None or self.end is None else max(0, self.end - self.committed)


@dataclass(frozen=True, slots=True)
class GroupDescription:
    group_id: str
    state: str
    protocol: str
    coordinator: int
    members: list[GroupMember]
    offsets: list[GroupOffset]


@dataclass(frozen=True, slots=True)
class OffsetReset:
    topic: str
    partition: int
    before: int | None
    after: int


async def describe_group(client: KafkaClient, group_id: str) -> GroupDescription:
    coordinator, group = await _describe(client, group_id)
    members = [
        GroupMember(
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            _assignment(member.member_assignment),
        )
        for member in group.members
    ]
    committed = await fetch_offsets(client, group_id)
    owners = {where: member.member_id for member in members for where in member.assignment}
    wheres = sorted({*committed, *owners})
    known = await client.refresh_metadata({where.topic for where in wheres})
    there = [w for w in wheres if w.topic in known.topics and w.partition in known.topics[w.topic].partitions]
    ends = await list_offsets(client, dict.fromkeys(there, LATEST_TIMESTAMP)) if there else {}
    offsets = [
        GroupOffset(
            where.topic,
            where.partition,
            committed[where].offset if where in committed else None,
            ends[where].offset if where in ends else None,
            owners.get(where),
        )
        for where in wheres
    ]
    return GroupDescription(group_id, group.group_state, group.protocol_data, coordinator, members, offsets)


async def reset_offsets(
    client: KafkaClient,
    group_id: str,
    topics: Sequence[str],
    position: Position,
    *,
    partition: int | None = None,
    execute: bool = False,
) -> list[OffsetReset]:
    """What each partition's committed offset would become, or with `execute` has become.

    Without topics, all that the group has offsets for. `KafkaError(NON_EMPTY_GROUP)` while members are active.
    """
    committed = await fetch_offsets(client, group_id)
    wheres: list[TopicPartition] = []
    if not topics:
        wheres = sorted(committed)
        if not wheres:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"group '{group_id}' has no offsets: name a topic")
    for topic in topics:
        found = await find_topic(client, topic)
        wheres += [TopicPartition(topic, each) for each in found.partitions if partition in (None, each)]
    targets = await resolve(client, position, wheres)
    if execute:
        await _must_be_inactive(client, group_id)
        await commit_offsets(client, group_id, targets)
    return [
        OffsetReset(*where, committed[where].offset if where in committed else None, targets[where])
        for where in sorted(wheres)
    ]


async def delete_groups(client: KafkaClient, group_ids: Sequence[str]) -> None:
    for group_id in group_ids:
        coordinator = await client.coordinator(group_id)
        request = DeleteGroupsRequest(groups_names=[group_id])
        result = (await client.send_to(coordinator, request, DeleteGroupsResponse)).results[0]
        if result.error_code == ErrorCode.GROUP_ID_NOT_FOUND:
            raise await _unknown_group(client, group_id)
        if result.error_code == ErrorCode.NON_EMPTY_GROUP:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group '{group_id}' has active members: stop them first")
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), f"group '{group_id}'")


async def _describe(client: KafkaClient, group_id: str) -> tuple[int, DescribedGroup]:
    async def ask() -> tuple[int, DescribedGroup]:
        coordinator = await client.coordinator(group_id)
        request = DescribeGroupsRequest(groups=[group_id])
        group = (await client.send_to(coordinator, request, DescribeGroupsResponse)).groups[0]
        if group.error_code not in (ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND):
            raise KafkaError(error_code(group.error_code), group.error_message or f"group '{group_id}'")
        return coordinator, group

    coordinator, group = await client.retry(ask)
    if group.error_code == ErrorCode.GROUP_ID_NOT_FOUND or group.group_state == "Dead":
        raise await _unknown_group(client, group_id)
    return coordinator, group


async def _unknown_group(client: KafkaClient, group_id: str) -> KafkaError:
    names = [group.group_id for group in await list_groups(client)]
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"there is no group '{group_id}'.{did_you_mean(group_id, names)}")


async def _must_be_inactive(client: KafkaClient, group_id: str) -> None:
    try:
        _, group = await _describe(client, group_id)
    except KafkaError as error:
        if error.code is ErrorCode.GROUP_ID_NOT_FOUND:
            return  # committing creates it
        raise
    if group.group_state not in _RESETTABLE:
        raise KafkaError(
            ErrorCode.NON_EMPTY_GROUP,
            f"group '{group_id}' is {group.group_state} with {len(group.members)} active members: stop them first",
        )


def _assignment(data: bytes) -> list[TopicPartition]:
    if len(data) < 2:
        return []
    version = min(int.from_bytes(data[:2], "big"), ConsumerProtocolAssignment.versions.latest)
    try:
        assignment = ConsumerProtocolAssignment.decode(data, version, 2)
    except ProtocolError:
        return []  # not a consumer's: the group has a protocol of its own
    return [TopicPartition(each.topic, index) for each in assignment.assigned_partitions for index in each.partitions]
