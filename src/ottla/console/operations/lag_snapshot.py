"""Topics, their offsets, how far each group of consumers is: one look at a cluster, as kafka_exporter takes it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.clients.consumer import TopicPartition, earliest_offsets, latest_offsets
from ottla.clients.groups import list_groups
from ottla.clients.offsets import fetch_offsets
from ottla.console.operations.group_members import CLASSIC, describe_members
from ottla.console.operations.groups import committed_offsets
from ottla.protocol.errors import KafkaError
from ottla.runtime.metrics import kafka_exporter as names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ottla.clients.client import BrokerAddress, KafkaClient, TopicMetadata
    from ottla.clients.groups import GroupSummary
    from ottla.runtime.metrics.metric import Reading

MAX_GROUPS_AT_ONCE: Final = 16
"""Are asked about at the same time."""


@dataclass(slots=True)
class GroupProgress:
    members: int
    committed: dict[TopicPartition, int]
    type: str = CLASSIC
    state: str = ""
    protocol_type: str = ""
    told_lags: dict[TopicPartition, int] = field(default_factory=dict)
    """Of share groups, as their coordinator counts it."""


@dataclass(slots=True)
class LagSnapshot:
    """`readings` are what an exporter tells of it."""

    brokers: Mapping[int, BrokerAddress] = field(default_factory=dict)
    topics: Mapping[str, TopicMetadata] = field(default_factory=dict)
    starts: Mapping[TopicPartition, int] = field(default_factory=dict)
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    groups: Mapping[str, GroupProgress] = field(default_factory=dict)

    def lags(self, group_id: str) -> dict[TopicPartition, int]:
        """Of a group, where both where it stands and the end are known."""
        group = self.groups[group_id]
        counted = {w: max(0, self.ends[w] - offset) for w, offset in group.committed.items() if w in self.ends}
        return counted | group.told_lags

    def readings(self) -> Iterator[Reading]:
        yield names.BROKERS, (), len(self.brokers)
        for broker in self.brokers.values():
            yield names.BROKER_INFO, (str(broker.node_id), f"{broker.host}:{broker.port}"), 1
        for topic in self.topics.values():
            yield from self._of_topic(topic)
        for group_id, group in self.groups.items():
            yield names.GROUP_MEMBERS, (group_id,), group.members
            yield from self._of_group(group_id, group)

    def _of_topic(self, topic: TopicMetadata) -> Iterator[Reading]:
        yield names.TOPIC_PARTITIONS, (topic.name,), len(topic.partitions)
        for partition in topic.partitions.values():
            where, labels = TopicPartition(topic.name, partition.index), (topic.name, str(partition.index))
            if where in self.ends and where in self.starts:
                yield names.CURRENT_OFFSET, labels, self.ends[where]
                yield names.OLDEST_OFFSET, labels, self.starts[where]
            yield names.LEADER, labels, partition.leader
            yield names.REPLICAS, labels, len(partition.replicas)
            yield names.IN_SYNC, labels, len(partition.isr)
            yield names.IS_PREFERRED, labels, int(partition.replicas[:1] == (partition.leader,))
            yield names.UNDER_REPLICATED, labels, int(len(partition.isr) < len(partition.replicas))

    def _of_group(self, group_id: str, group: GroupProgress) -> Iterator[Reading]:
        offsets: Counter[str] = Counter()
        lags: Counter[str] = Counter()
        for where, offset in sorted(group.committed.items()):
            labels = (group_id, where.topic, str(where.partition))
            offsets[where.topic] += offset
            yield names.GROUP_OFFSET, labels, offset
            if where in self.ends:
                lag = max(0, self.ends[where] - offset)
                lags[where.topic] += lag
                yield names.GROUP_LAG, labels, lag
        for topic, total in offsets.items():
            yield names.GROUP_OFFSET_SUM, (group_id, topic), total
        for topic, total in lags.items():
            yield names.GROUP_LAG_SUM, (group_id, topic), total


async def take_snapshot(client: KafkaClient, *, groups_max: int | None = None) -> LagSnapshot:
    """Ends are asked for after what is committed: lag is never told too small. `KafkaError`, `ClientError`.

    With `groups_max`: groups of every type, and no more than that; one that may not be described is left out.
    """
    groups = await (_groups(client) if groups_max is None else _every_group(client, groups_max))
    metadata = await client.refresh_metadata()
    brokers, topics = dict(metadata.brokers), dict(metadata.topics)
    led = [
        TopicPartition(topic.name, partition.index)
        for topic in topics.values()
        for partition in topic.partitions.values()
        if partition.leader >= 0
    ]
    starts = await earliest_offsets(client, led)
    ends = await latest_offsets(client, led)
    return LagSnapshot(brokers, topics, starts, ends, groups)


async def _groups(client: KafkaClient) -> dict[str, GroupProgress]:
    turns = asyncio.Semaphore(MAX_GROUPS_AT_ONCE)

    async def look(group_id: str, kind: str) -> GroupProgress:
        async with turns:
            committed = await fetch_offsets(client, group_id)
            described = await describe_members(client, group_id, kind)
            return GroupProgress(
                0 if described is None else len(described.members),
                {where: each.offset for where, each in committed.items()},
            )

    listed = [group for group in await list_groups(client) if group.is_of_consumers]
    looked = await asyncio.gather(*(look(group.group_id, group.type.lower() or CLASSIC) for group in listed))
    return {group.group_id: progress for group, progress in zip(listed, looked, strict=True)}


async def _every_group(client: KafkaClient, at_most: int) -> dict[str, GroupProgress]:
    turns = asyncio.Semaphore(MAX_GROUPS_AT_ONCE)

    async def look(group: GroupSummary) -> GroupProgress | None:
        kind = group.type.lower() or CLASSIC
        async with turns:
            try:
                committed, told = await committed_offsets(client, group.group_id, kind)
                described = await describe_members(client, group.group_id, kind)
            except KafkaError:
                return None
        members = 0 if described is None else len(described.members)
        return GroupProgress(members, committed, kind, group.state, group.protocol_type, told)

    listed = (await list_groups(client))[:at_most]
    looked = await asyncio.gather(*map(look, listed))
    return {group.group_id: found for group, found in zip(listed, looked, strict=True) if found is not None}
