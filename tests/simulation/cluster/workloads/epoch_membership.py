"""A member of a group whose coordinator assigns: heartbeats that carry an epoch (KIP-848, KIP-1071), one by one.

joins with epoch 0 ─► told what shall be owned ─► gives up, takes over, and says so in the next heartbeat
fenced, or forgotten: owns nothing any more, and joins again
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from ottla.clients.consumer import TopicPartition
from ottla.protocol.api import consumer_group_heartbeat as consumer
from ottla.protocol.api import streams_group_heartbeat as streams
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient

ResponseT = TypeVar("ResponseT", bound=Response)

REBALANCE_TIMEOUT_MS = 6_000
SUBTOPOLOGY = "0"
LEAVES = -1
OUT = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.GROUP_ID_NOT_FOUND)


class Membership(Protocol):
    epoch: int

    async def beat(self) -> set[TopicPartition]:
        """What shall be owned from now on."""
        ...

    async def leave(self) -> None: ...


class _Membership:
    def __init__(self, client: KafkaClient, group: str, member_id: str, topic: str) -> None:
        self.client = client
        self.group = group
        self.member_id = member_id
        self.topic = topic
        self.epoch = 0
        self.owned: set[TopicPartition] = set()

    def indexes(self) -> list[int]:
        return sorted(where.partition for where in self.owned)

    async def ask(self, request: Request, response_class: type[ResponseT]) -> ResponseT:
        coordinator = await self.client.coordinator(self.group)
        answer = await self.client.send_to(coordinator, request, response_class)
        code = error_code(answer.error_code)  # type: ignore[attr-defined]
        if code in OUT:
            self.epoch = 0
            self.owned = set()
        if code is not ErrorCode.NONE:
            raise KafkaError(code, self.member_id)
        return answer


class ConsumerMembership(_Membership):
    async def beat(self) -> set[TopicPartition]:
        topic_id = (self.client.metadata.topics.get(self.topic) or await self.client.topic(self.topic)).topic_id
        owned = [consumer.TopicPartitions(topic_id=topic_id, partitions=self.indexes())] if self.owned else []
        joins = self.epoch == 0
        request = consumer.ConsumerGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=self.epoch,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS if joins else -1,
            subscribed_topic_names=[self.topic] if joins else None,
            topic_partitions=owned,
        )
        answer = await self.ask(request, consumer.ConsumerGroupHeartbeatResponse)
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.owned = {
                TopicPartition(self.topic, index)
                for each in answer.assignment.topic_partitions
                for index in each.partitions
            }
        return set(self.owned)

    async def leave(self) -> None:
        request = consumer.ConsumerGroupHeartbeatRequest(
            group_id=self.group, member_id=self.member_id, member_epoch=LEAVES
        )
        await self.ask(request, consumer.ConsumerGroupHeartbeatResponse)


class StreamsMembership(_Membership):
    async def beat(self) -> set[TopicPartition]:
        answer = await self.ask(self._request(), streams.StreamsGroupHeartbeatResponse)
        self.epoch = answer.member_epoch
        if answer.active_tasks is not None:
            self.owned = {
                TopicPartition(self.topic, index) for task in answer.active_tasks for index in task.partitions
            }
        return set(self.owned)

    def _request(self) -> streams.StreamsGroupHeartbeatRequest:
        joins = self.epoch == 0
        owned = [streams.TaskIds(subtopology_id=SUBTOPOLOGY, partitions=self.indexes())] if self.owned else []
        return streams.StreamsGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=self.epoch,
            endpoint_information_epoch=0,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS if joins else -1,
            topology=self._topology() if joins else None,
            active_tasks=owned,
            standby_tasks=[],
            warmup_tasks=[],
            process_id=self.member_id if joins else None,
            client_tags=[] if joins else None,
        )

    def _topology(self) -> streams.Topology:
        part = streams.Subtopology(
            subtopology_id=SUBTOPOLOGY,
            source_topics=[self.topic],
            source_topic_regex=[],
            state_changelog_topics=[],
            repartition_sink_topics=[],
            repartition_source_topics=[],
            copartition_groups=[],
        )
        return streams.Topology(epoch=0, subtopologies=[part])

    async def leave(self) -> None:
        request = streams.StreamsGroupHeartbeatRequest(
            group_id=self.group, member_id=self.member_id, member_epoch=LEAVES, endpoint_information_epoch=0
        )
        await self.ask(request, streams.StreamsGroupHeartbeatResponse)
