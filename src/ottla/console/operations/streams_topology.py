"""The topology of a group of Kafka Streams (KIP-1071), and which tasks each of its members has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.protocol.api.streams_group_describe import StreamsGroupDescribeRequest, StreamsGroupDescribeResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.clients.client import KafkaClient
    from ottla.protocol.api.streams_group_describe import Member, TaskIds, TopicInfo


@dataclass(frozen=True, slots=True)
class Subtopology:
    """Topics that the group makes for itself come with their number of partitions."""

    id: str
    source_topics: list[str]
    repartition_sources: list[tuple[str, int]]
    repartition_sinks: list[str]
    changelogs: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class StreamsMember:
    """Tasks are `SUBTOPOLOGY_PARTITION`."""

    member_id: str
    client_id: str
    host: str
    process_id: str
    epoch: int
    active: list[str]
    standby: list[str]
    warmup: list[str]


@dataclass(frozen=True, slots=True)
class StreamsTopology:
    group_id: str
    state: str
    epoch: int
    topology_epoch: int | None
    subtopologies: list[Subtopology]
    members: list[StreamsMember]


async def describe_topology(client: KafkaClient, group_id: str) -> StreamsTopology:
    """`KafkaError(GROUP_ID_NOT_FOUND)`, also where it is a group of another type."""

    async def ask() -> StreamsTopology:
        coordinator = await client.coordinator(group_id)
        request = StreamsGroupDescribeRequest(group_ids=[group_id], include_authorized_operations=False)
        group = (await client.send_to(coordinator, request, StreamsGroupDescribeResponse)).groups[0]
        if group.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(group.error_code), group.error_message or f"streams group '{group_id}'")
        topology = group.topology
        return StreamsTopology(
            group_id,
            group.group_state,
            group.group_epoch,
            None if topology is None else topology.epoch,
            [
                Subtopology(
                    each.subtopology_id,
                    sorted(each.source_topics),
                    _sized(each.repartition_source_topics),
                    sorted(each.repartition_sink_topics),
                    _sized(each.state_changelog_topics),
                )
                for each in (topology.subtopologies if topology is not None else None) or ()
            ],
            [_member(each) for each in group.members],
        )

    return await client.retry(ask)


def _member(member: Member) -> StreamsMember:
    tasks = member.assignment
    return StreamsMember(
        member.member_id,
        member.client_id,
        member.client_host,
        member.process_id,
        member.member_epoch,
        _named(tasks.active_tasks),
        _named(tasks.standby_tasks),
        _named(tasks.warmup_tasks),
    )


def _named(tasks: Iterable[TaskIds]) -> list[str]:
    return [f"{each.subtopology_id}_{partition}" for each in tasks for partition in sorted(each.partitions)]


def _sized(topics: Iterable[TopicInfo]) -> list[tuple[str, int]]:
    return sorted((each.name, each.partitions) for each in topics)
