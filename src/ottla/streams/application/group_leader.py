"""What the leader of a classic group does between JoinGroup and SyncGroup: it makes topics and assigns tasks."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ottla.clients.consumer import TopicPartition as ClientTopicPartition
from ottla.clients.consumer import latest_offsets
from ottla.clients.errors import ClientError
from ottla.clients.topics import NewTopic, create_topics
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.streams.errors import StreamsError
from ottla.streams.membership.assigning import assign, refuse
from ottla.streams.membership.assignor import AssignorSettings
from ottla.streams.membership.classic_metadata import AssignmentError
from ottla.streams.membership.internal_topics import (
    IncorrectlyPartitionedError,
    MissingSourceTopicsError,
    plan_topics,
    sources_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.clients.client import KafkaClient
    from ottla.streams.config import StreamsConfig
    from ottla.streams.membership.assignment import TaskId
    from ottla.streams.membership.classic_metadata import MemberData
    from ottla.streams.membership.internal_topics import TopicPlan
    from ottla.streams.topology.built import BuiltTopology

MADE_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.05
_log: Final = logging.getLogger("ottla.streams.membership")


class GroupLeader:
    def __init__(self, topology: BuiltTopology, config: StreamsConfig) -> None:
        self._topology = topology
        self._config = config
        self._assigned: dict[str, int] | None = None
        """Source topics and their partitions, as they were when this instance made an assignment."""

    async def lead(self, client: KafkaClient, members: Mapping[str, MemberData]) -> Mapping[str, bytes]:
        """Never raises what the members can be told instead."""
        try:
            return await self._assign(client, members)
        except MissingSourceTopicsError as error:
            return refuse(members, AssignmentError.MISSING_SOURCE_TOPICS, str(error))
        except IncorrectlyPartitionedError as error:
            return refuse(members, AssignmentError.INCORRECTLY_PARTITIONED_TOPICS, str(error))
        except (StreamsError, KafkaError, ClientError) as error:
            _log.exception("the group's leader cannot assign")
            return refuse(members, AssignmentError.FAILED, f"the group's leader cannot assign: {error}")

    async def _assign(self, client: KafkaClient, members: Mapping[str, MemberData]) -> Mapping[str, bytes]:
        counts = await partition_counts(client)
        plan = plan_topics(self._topology, counts)
        if plan.missing:
            await self._make(client, plan)
            counts = await partition_counts(client)
        self._assigned = self._sources(counts)
        settings = AssignorSettings(
            self._config["num.standby.replicas"],
            self._config["acceptable.recovery.lag"],
            self._config["max.warmup.replicas"],
        )
        ends = await self._end_offsets(client, plan, members)
        interval_ms = int(self._config["probing.rebalance.interval.ms"])
        return assign(self._topology, counts, plan.tasks, members, ends, settings, interval_ms)

    async def topics_changed(self, client: KafkaClient) -> bool:
        """Whether source topics have other partitions by now, or patterns find other topics."""
        assigned = self._assigned
        return assigned is not None and self._sources(await partition_counts(client)) != assigned

    def _sources(self, counts: Mapping[str, int]) -> dict[str, int]:
        subs = self._topology.sub_topologies
        own = {name for sub in subs for name in sub.repartition_source_topics}
        found = {name for sub in subs for name in sources_of(sub, counts)} - own
        return {name: counts.get(name, 0) for name in found}

    async def _make(self, client: KafkaClient, plan: TopicPlan) -> None:
        topics = [
            NewTopic(topic.name, count, self._config["replication.factor"], dict(topic.config))
            for topic, count in plan.missing.values()
        ]
        _log.info("making internal topics: %s", ", ".join(sorted(plan.missing)))
        made = await create_topics(client, topics)
        for name, result in made.items():
            if isinstance(result, KafkaError) and result.code is not ErrorCode.TOPIC_ALREADY_EXISTS:
                raise StreamsError(f"internal topic {name} cannot be made: {result}")
        await wait_for_topics(client, plan.missing)

    async def _end_offsets(
        self, client: KafkaClient, plan: TopicPlan, members: Mapping[str, MemberData]
    ) -> dict[TaskId, int]:
        """Only where it decides something: with one process there is nothing to choose."""
        if len({data.process_id for data in members.values()}) < 2:
            return {}
        logs = changelogs_of(self._topology)
        wanted = [
            ClientTopicPartition(topic, task.partition)
            for task, has_state in plan.tasks.items()
            if has_state
            for topic in logs[task.sub_topology]
        ]
        found = await latest_offsets(client, wanted)
        ends: dict[TaskId, int] = {}
        for task in plan.tasks:
            partitions = [ClientTopicPartition(topic, task.partition) for topic in logs[task.sub_topology]]
            ends[task] = sum(found[each] for each in partitions if each in found)
        return ends


def changelogs_of(topology: BuiltTopology) -> dict[int, frozenset[str]]:
    """By sub-topology."""
    return {
        sub.id: frozenset(
            {*(each.name for each in sub.changelog_topics.values()), *sub.source_topic_changelogs.values()}
        )
        for sub in topology.sub_topologies
    }


async def partition_counts(client: KafkaClient) -> dict[str, int]:
    metadata = await client.refresh_metadata(None)
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


async def wait_for_topics(client: KafkaClient, names: Mapping[str, object]) -> None:
    """Until every broker's metadata, as far as one can tell, has a leader for every partition."""
    async with asyncio.timeout(MADE_TIMEOUT_S):
        while True:
            topics = (await client.refresh_metadata(list(names))).topics
            if all(
                name in topics and all(each.leader >= 0 for each in topics[name].partitions.values()) for name in names
            ):
                return
            await asyncio.sleep(POLL_S)
