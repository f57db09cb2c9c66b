"""Groups of every type: describe with lag, reset and delete offsets, delete."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition, latest_offsets
from ottla.clients.groups import list_groups
from ottla.clients.offsets import commit_offsets, fetch_offsets
from ottla.console.operations.group_members import CLASSIC, CONSUMER, SHARE, STREAMS, GroupMember, describe_members
from ottla.console.operations.near_names import did_you_mean
from ottla.console.operations.positions import Position, resolve
from ottla.console.operations.share_offsets import alter_share_offsets, delete_share_offsets, fetch_share_offsets
from ottla.console.operations.topics import find_topic
from ottla.protocol.api.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

TYPES = (CLASSIC, CONSUMER, SHARE, STREAMS)


@dataclass(frozen=True, slots=True)
class GroupOffset:
    topic: str
    partition: int
    committed: int | None
    end: int | None
    member_id: str | None
    told_lag: int | None = None
    """Of share groups, whose records are dealt with in any order: as the coordinator counts it."""

    @property
    def lag(self) -> int | None:
        if self.told_lag is not None:
            return self.told_lag
        return None if self.committed is None or self.end is None else max(0, self.end - self.committed)


@dataclass(frozen=True, slots=True)
class GroupDescription:
    group_id: str
    type: str
    """`classic`, `consumer`, `share` or `streams`."""
    state: str
    protocol: str
    epoch: int | None
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
    kind = await group_type(client, group_id)
    group = await describe_members(client, group_id, kind)
    if group is None:
        raise await _unknown_group(client, group_id)
    committed, lags = await committed_offsets(client, group_id, kind)
    owners = {where: member.member_id for member in group.members for where in member.assignment}
    wheres = sorted({*committed, *owners})
    known = await client.refresh_metadata({where.topic for where in wheres})
    there = [w for w in wheres if w.topic in known.topics and w.partition in known.topics[w.topic].partitions]
    ends = await latest_offsets(client, there)
    offsets = [
        GroupOffset(
            where.topic,
            where.partition,
            committed.get(where),
            ends.get(where),
            None if kind == SHARE else owners.get(where),
            lags.get(where),
        )
        for where in wheres
    ]
    return GroupDescription(
        group_id, kind, group.state, group.protocol, group.epoch, group.coordinator, group.members, offsets
    )


async def group_type(client: KafkaClient, group_id: str) -> str:
    """`KafkaError(GROUP_ID_NOT_FOUND)` names the near ones. From brokers that do not tell types: `classic`."""
    listed = {group.group_id: group for group in await list_groups(client)}
    if group_id not in listed:
        raise _not_there(group_id, listed)
    return listed[group_id].type.lower() or CLASSIC


async def committed_offsets(
    client: KafkaClient, group_id: str, kind: str
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Where the group stands, and of share groups how far from the end that is."""
    if kind != SHARE:
        return {where: each.offset for where, each in (await fetch_offsets(client, group_id)).items()}, {}
    shared = await fetch_share_offsets(client, group_id)
    starts = {where: each.start for where, each in shared.items() if each.start is not None}
    return starts, {where: each.lag for where, each in shared.items() if each.lag is not None}


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
    kind = await _type_or_classic(client, group_id)
    committed, _ = await committed_offsets(client, group_id, kind)
    wheres: list[TopicPartition] = []
    if not topics:
        wheres = sorted(committed)
        if not wheres:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"group '{group_id}' has no offsets: name a topic")
    for topic in topics:
        found = await find_topic(client, topic)
        wheres += [TopicPartition(topic, each) for each in found.partitions if partition in (None, each)]
    targets = await resolve(client, position, wheres)
    return await _reset(client, group_id, kind, committed, targets, execute=execute)


async def commit_targets(
    client: KafkaClient, group_id: str, targets: Mapping[TopicPartition, int], *, execute: bool = False
) -> list[OffsetReset]:
    """The same with an offset for each partition. `KafkaError(NON_EMPTY_GROUP)` while members are active."""
    kind = await _type_or_classic(client, group_id)
    committed, _ = await committed_offsets(client, group_id, kind)
    return await _reset(client, group_id, kind, committed, targets, execute=execute)


async def _reset(
    client: KafkaClient,
    group_id: str,
    kind: str,
    committed: Mapping[TopicPartition, int],
    targets: Mapping[TopicPartition, int],
    *,
    execute: bool,
) -> list[OffsetReset]:
    if execute:
        await _must_be_inactive(client, group_id, kind)
        await (alter_share_offsets if kind == SHARE else commit_offsets)(client, group_id, targets)
    return [OffsetReset(*where, committed.get(where), targets[where]) for where in sorted(targets)]


async def delete_offsets(client: KafkaClient, group_id: str, topics: Sequence[str]) -> None:
    """Forget where an inactive group stands in these topics; it begins anew there."""
    kind = await group_type(client, group_id)
    committed, _ = await committed_offsets(client, group_id, kind)
    for topic in topics:
        if all(where.topic != topic for where in committed):
            names = {where.topic for where in committed}
            text = f"group '{group_id}' has no offsets in topic '{topic}'.{did_you_mean(topic, names)}"
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, text)
    if kind == SHARE:
        await delete_share_offsets(client, group_id, topics)
        return
    wanted = [
        OffsetDeleteRequestTopic(
            name=topic,
            partitions=[
                OffsetDeleteRequestPartition(partition_index=where.partition)
                for where in sorted(committed)
                if where.topic == topic
            ],
        )
        for topic in topics
    ]

    async def ask() -> None:
        coordinator = await client.coordinator(group_id)
        request = OffsetDeleteRequest(group_id=group_id, topics=wanted)
        response = await client.send_to(coordinator, request, OffsetDeleteResponse)
        codes = [response.error_code, *(each.error_code for topic in response.topics for each in topic.partitions)]
        for code in codes:
            if code == ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC:
                text = f"group '{group_id}' has members that read there: stop them first"
                raise KafkaError(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, text)
            if code != ErrorCode.NONE:
                raise KafkaError(error_code(code), f"group '{group_id}'")

    await client.retry(ask)


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


async def _unknown_group(client: KafkaClient, group_id: str) -> KafkaError:
    return _not_there(group_id, [group.group_id for group in await list_groups(client)])


def _not_there(group_id: str, there: Iterable[str]) -> KafkaError:
    text = f"there is no group '{group_id}'.{did_you_mean(group_id, there)}"
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, text)


async def _type_or_classic(client: KafkaClient, group_id: str) -> str:
    """A group that is not there yet becomes a classic one with its first commit."""
    try:
        return await group_type(client, group_id)
    except KafkaError as error:
        if error.code is not ErrorCode.GROUP_ID_NOT_FOUND:
            raise
        return CLASSIC


async def _must_be_inactive(client: KafkaClient, group_id: str, kind: str) -> None:
    group = await describe_members(client, group_id, kind)
    if group is not None and group.members:
        raise KafkaError(
            ErrorCode.NON_EMPTY_GROUP,
            f"group '{group_id}' is {group.state} with {len(group.members)} active members: stop them first",
        )
