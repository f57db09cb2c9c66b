"""What clients do with share groups, request by request, and every answer written down (see `group_scenarios`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.interop.connection import ANSWER_TIMEOUT_S
from tests.interop.coordinators import until_share_partitions_have_coordinators
from tests.interop.group_scenarios import Transcript

from ottla.protocol.api import delete_share_group_state as deleting
from ottla.protocol.api import initialize_share_group_state as initializing
from ottla.protocol.api import read_share_group_state as reading
from ottla.protocol.api import read_share_group_state_summary as summing
from ottla.protocol.api import share_acknowledge as acknowledging
from ottla.protocol.api import share_fetch as fetching
from ottla.protocol.api import write_share_group_state as writing
from ottla.protocol.api.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
    AlterShareGroupOffsetsResponse,
)
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.api.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
    DeleteShareGroupOffsetsResponse,
)
from ottla.protocol.api.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.api.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsRequestTopic,
    DescribeShareGroupOffsetsResponse,
)
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.api.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api.share_group_describe import ShareGroupDescribeRequest, ShareGroupDescribeResponse
from ottla.protocol.api.share_group_heartbeat import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.types import uuid_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

STATE_PARTITIONS = 4
SETTINGS = {
    "offsets.topic.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": str(STATE_PARTITIONS),
    "share.coordinator.append.linger.ms": "0",
    "group.coordinator.append.linger.ms": "0",
    "group.share.min.record.lock.duration.ms": "2000",
    "group.share.max.size": "2",
    "log.retention.ms": "-1",  # the records are of 2023
    "group.share.assignment.interval.ms": "0",
}
GROUP_RESOURCE = 32
PARTITIONS = 2
SOON_MS = 30_000
"""Records are there, or come: a fetch that waits for this long has them as soon as they do."""
GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)
MEMBER, OTHER = ("AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBB")


class ShareTranscript(Transcript):
    """A share group of the scenario's name on a topic of the same name."""

    async def start(self) -> None:
        await super().start()
        assert self._main is not None
        topic = CreatableTopic(
            name=self.group_id, num_partitions=PARTITIONS, replication_factor=1, assignments=[], configs=[]
        )
        created = await self._main.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7, CreateTopicsResponse)
        assert created.topics[0].error_code == 0
        self.topic_id = created.topics[0].topic_id
        await self.configure("share.auto.offset.reset", "earliest")
        await until_share_partitions_have_coordinators(self._main, self.topic_id, STATE_PARTITIONS)

    def _told(self, name: str, value: object) -> object:
        """Texts are each broker's own. Where a group starts, Apache Kafka persists an acknowledgement later."""
        if name.endswith("error_message"):
            return "a text" if value else value
        if name == "acquired_records":  # adjacent ranges may be told as one
            assert isinstance(value, list)
            return {
                offset: each.delivery_count
                for each in value
                for offset in range(each.first_offset, each.last_offset + 1)
            }
        if name == "key":
            return "a key"
        if name == "start_offset" and isinstance(value, int) and value > 0:
            return "some offset"
        return super()._told(name, value)

    def plain(self, value: object) -> object:
        """Topics and groups stand in the order of a hash map in Apache Kafka."""
        plain = super().plain(value)
        if isinstance(plain, list):
            return sorted(plain, key=lambda each: str(each) if isinstance(each, dict) else "")
        return plain

    async def configure(self, name: str, value: str) -> None:
        assert self._main is not None
        config = AlterableConfig(name=name, config_operation=0, value=value)
        resource = AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name=self.group_id, configs=[config])
        answer = await self._main.ask(
            IncrementalAlterConfigsRequest(resources=[resource], validate_only=False),
            1,
            IncrementalAlterConfigsResponse,
        )
        assert answer.responses[0].error_code == 0, answer
        await self.settle()

    async def produce(self, count: int, partition: int = 0) -> None:
        assert self._main is not None
        builder = RecordBatchBuilder()
        for number in range(count):
            builder.append(None, str(number).encode(), timestamp_ms=1_700_000_000_000)
        data = PartitionProduceData(index=partition, records=memoryview(builder.build()))
        request = ProduceRequest(
            acks=-1, timeout_ms=5_000, topic_data=[TopicProduceData(topic_id=self.topic_id, partition_data=[data])]
        )
        answer = await self._main.ask(request, 13, ProduceResponse)
        assert answer.responses[0].partition_responses[0].error_code == 0

    # -- membership

    async def share_heartbeat(
        self, epoch: int, topics: Sequence[str] | None = None, *, member: str = MEMBER, rack: str | None = None
    ) -> ShareGroupHeartbeatResponse:
        request = ShareGroupHeartbeatRequest(
            group_id=self.group_id,
            member_id=member,
            member_epoch=epoch,
            rack_id=rack,
            subscribed_topic_names=None if topics is None else list(topics),
        )
        return await self.ask(request, 1, ShareGroupHeartbeatResponse)

    async def has_assignment(self, epoch: int, *, member: str = MEMBER) -> ShareGroupHeartbeatResponse:
        """Heartbeats until the assignment has all partitions; only the last answer is noted."""
        assert self._main is not None
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                request = ShareGroupHeartbeatRequest(
                    group_id=self.group_id,
                    member_id=member,
                    member_epoch=epoch,
                    subscribed_topic_names=[self.group_id],
                )
                answer = await self._main.ask(request, 1, ShareGroupHeartbeatResponse)
                epoch = answer.member_epoch
                if answer.assignment is not None and answer.assignment.topic_partitions:
                    self.note("assigned", answer)
                    return answer
                await asyncio.sleep(0.2)

    async def describe_share_group(self) -> None:
        request = ShareGroupDescribeRequest(group_ids=[self.group_id, "nobody"], include_authorized_operations=True)
        await self.ask(request, 1, ShareGroupDescribeResponse)

    # -- records

    async def fetch(
        self,
        epoch: int,
        *acknowledgements: tuple[int, int, int],
        member: str = MEMBER,
        max_records: int = 100,
        max_wait_ms: int = 300,
        mode: int = 0,
        renew: bool = False,
        topic_id: bytes | None = None,
        partition: int = 0,
        group_id: str | None = None,
        nothing: bool = False,
    ) -> fetching.ShareFetchResponse:
        batches = [
            fetching.AcknowledgementBatch(first_offset=first, last_offset=last, acknowledge_types=[kind])
            for first, last, kind in acknowledgements
        ]
        topic = fetching.FetchTopic(
            topic_id=self.topic_id if topic_id is None else topic_id,
            partitions=[fetching.FetchPartition(partition_index=partition, acknowledgement_batches=batches)],
        )
        request = fetching.ShareFetchRequest(
            group_id=self.group_id if group_id is None else group_id,
            member_id=member,
            share_session_epoch=epoch,
            max_wait_ms=0 if renew else max_wait_ms,
            min_bytes=0 if renew else 1,
            max_bytes=0 if renew else 1_000_000,
            max_records=0 if renew else max_records,
            batch_size=0 if renew else max_records,
            share_acquire_mode=mode,
            is_renew_ack=renew,
            topics=[] if nothing else [topic],
            forgotten_topics_data=[],
        )
        return await self.ask(request, 2, fetching.ShareFetchResponse)

    async def acknowledge(
        self,
        epoch: int,
        *acknowledgements: tuple[int, int, Sequence[int]],
        member: str = MEMBER,
        renew: bool = False,
        partition: int = 0,
        version: int = 2,
    ) -> None:
        batches = [
            acknowledging.AcknowledgementBatch(first_offset=first, last_offset=last, acknowledge_types=list(types))
            for first, last, types in acknowledgements
        ]
        partitions = [acknowledging.AcknowledgePartition(partition_index=partition, acknowledgement_batches=batches)]
        request = acknowledging.ShareAcknowledgeRequest(
            group_id=self.group_id,
            member_id=member,
            share_session_epoch=epoch,
            is_renew_ack=renew,
            topics=[acknowledging.AcknowledgeTopic(topic_id=self.topic_id, partitions=partitions)] if batches else [],
        )
        await self.ask(request, version, acknowledging.ShareAcknowledgeResponse)

    # -- offsets

    async def describe_offsets(self, *topics: str, group_id: str | None = None, version: int = 1) -> None:
        wanted = [DescribeShareGroupOffsetsRequestTopic(topic_name=topic, partitions=[0, 1]) for topic in topics]
        group = DescribeShareGroupOffsetsRequestGroup(
            group_id=self.group_id if group_id is None else group_id, topics=wanted or None
        )
        await self.ask(DescribeShareGroupOffsetsRequest(groups=[group]), version, DescribeShareGroupOffsetsResponse)

    async def alter_offsets(self, offset: int, *topics: str, group_id: str | None = None) -> None:
        partition = AlterShareGroupOffsetsRequestPartition
        request = AlterShareGroupOffsetsRequest(
            group_id=self.group_id if group_id is None else group_id,
            topics=[
                AlterShareGroupOffsetsRequestTopic(
                    topic_name=topic,
                    partitions=[
                        partition(partition_index=0, start_offset=offset),
                        partition(partition_index=7, start_offset=offset),
                    ],
                )
                for topic in topics
            ],
        )
        await self.ask(request, 0, AlterShareGroupOffsetsResponse)

    async def delete_share_offsets(self, *topics: str, group_id: str | None = None) -> None:
        request = DeleteShareGroupOffsetsRequest(
            group_id=self.group_id if group_id is None else group_id,
            topics=[DeleteShareGroupOffsetsRequestTopic(topic_name=topic) for topic in topics],
        )
        await self.ask(request, 0, DeleteShareGroupOffsetsResponse)

    async def delete_group(self, *groups: str) -> None:
        await self.ask(DeleteGroupsRequest(groups_names=list(groups)), 2, DeleteGroupsResponse)

    async def list_share_groups(self) -> None:
        request = ListGroupsRequest(states_filter=[], types_filter=["share"])
        assert self._main is not None
        answer = await self._main.ask(request, 5, ListGroupsResponse)
        answer.groups = [each for each in answer.groups if each.group_id == self.group_id]
        self.note("listed", answer)


# -- scenarios


async def membership(t: ShareTranscript) -> None:
    """Refusals, a first member, its assignment, a second one, a third too many, leaving."""
    await t.share_heartbeat(0)
    await t.share_heartbeat(0, [])
    await t.share_heartbeat(0, [t.group_id], member="")
    await t.share_heartbeat(0, [t.group_id], rack="")
    await t.share_heartbeat(-2, [t.group_id])
    await t.share_heartbeat(1)
    await t.share_heartbeat(-1)
    await t.describe_share_group()
    await t.share_heartbeat(0, [t.group_id])
    joined = await t.has_assignment(1)
    await t.share_heartbeat(joined.member_epoch)
    await t.share_heartbeat(joined.member_epoch + 1)
    await t.share_heartbeat(1, member="stranger")
    await t.describe_share_group()
    await t.list_share_groups()
    await t.ask(DescribeGroupsRequest(groups=[t.group_id]), 6, DescribeGroupsResponse)
    await t.join("", group_id=t.group_id, version=9)
    await t.share_heartbeat(0, [t.group_id, "missing"], member=OTHER)
    await t.share_heartbeat(0, [t.group_id], member="third")
    await t.share_heartbeat(-1, member=OTHER)
    await t.describe_share_group()
    await t.share_heartbeat(0, [t.group_id])
    await t.share_heartbeat(-1)
    await t.share_heartbeat(-1)
    await t.describe_share_group()
    await t.list_share_groups()


async def records(t: ShareTranscript) -> None:
    """Acquiring, every kind of acknowledgement, redelivery, and a session from beginning to end."""
    await t.share_heartbeat(0, [t.group_id])
    await t.has_assignment(1)
    await t.produce(5)
    await t.produce(5)
    await t.fetch(0, max_wait_ms=SOON_MS)
    await t.fetch(1)
    await t.fetch(2, (0, 4, ACCEPT), nothing=False)
    await t.acknowledge(3, (5, 7, [RELEASE]), (8, 8, [REJECT]))
    await t.fetch(4)
    await t.acknowledge(5, (5, 7, [ACCEPT, GAP, RELEASE]))
    await t.describe_offsets(t.group_id)
    await t.fetch(6, max_records=1)
    await t.acknowledge(7, (7, 7, [ACCEPT]), (9, 9, [ACCEPT]))
    await t.describe_offsets()
    await t.fetch(-1, nothing=True)
    await t.fetch(8)
    await t.fetch(-1)


async def acquiring(t: ShareTranscript) -> None:
    """Limits of one fetch: batches whole or records exactly, and what another member gets."""
    await t.share_heartbeat(0, [t.group_id])
    await t.has_assignment(1)
    for _ in range(3):
        await t.produce(4)
    await t.fetch(0, max_records=3, max_wait_ms=SOON_MS)
    await t.fetch(0, max_records=3, mode=1, member=OTHER)
    await t.fetch(1, max_records=10)
    await t.fetch(1, max_records=10, mode=1, member=OTHER)
    await t.acknowledge(2, (0, 3, [RELEASE]))
    await t.fetch(2, max_records=2, mode=1, member=OTHER)
    await t.fetch(3, max_records=2, mode=1)
    await t.acknowledge(-1, member=OTHER)
    await t.fetch(4)
    await t.describe_offsets(t.group_id)


async def refusals(t: ShareTranscript) -> None:
    """What sessions and acknowledgements are refused for."""
    await t.share_heartbeat(0, [t.group_id])
    await t.has_assignment(1)
    await t.produce(10)
    await t.fetch(1)
    await t.fetch(-1)
    await t.acknowledge(0)
    await t.acknowledge(1, (0, 0, [ACCEPT]))
    await t.fetch(0, (0, 0, ACCEPT))
    await t.fetch(0, partition=9)
    await t.fetch(0, max_wait_ms=SOON_MS)
    await t.fetch(7)
    await t.fetch(1, member=OTHER)
    await t.fetch(0, member=OTHER)
    await t.acknowledge(1, (0, 0, [ACCEPT]), member=OTHER)
    await t.acknowledge(1, (8, 12, [ACCEPT]))
    await t.acknowledge(2, (20, 22, [ACCEPT]))
    await t.acknowledge(3, (3, 2, [ACCEPT]))
    await t.acknowledge(4, (0, 3, [ACCEPT, ACCEPT]))
    await t.acknowledge(5, (0, 0, []))
    await t.acknowledge(6, (0, 0, [9]))
    await t.acknowledge(7, (2, 3, [ACCEPT]), (3, 4, [ACCEPT]))
    await t.acknowledge(8, (2, 3, [ACCEPT]), (0, 1, [ACCEPT]))
    await t.acknowledge(9, (0, 0, [RENEW]))
    await t.acknowledge(10, (0, 0, [ACCEPT]))
    await t.acknowledge(11, (0, 0, [ACCEPT]))
    await t.acknowledge(12, (1, 1, [RENEW]), renew=True)
    await t.fetch(13, (1, 1, RENEW), renew=True)
    await t.acknowledge(14, (0, 0, [ACCEPT]), partition=9)
    await t.configure("share.renew.acknowledge.enable", "false")
    await t.acknowledge(15, (1, 1, [RENEW]), renew=True)
    await t.acknowledge(-1, (1, 9, [ACCEPT]))
    await t.describe_offsets(t.group_id)


async def deliveries(t: ShareTranscript) -> None:
    """Locks that expire, and records that are delivered as often as allowed and no more."""
    await t.configure("share.record.lock.duration.ms", "2000")
    await t.configure("share.delivery.count.limit", "2")
    await t.share_heartbeat(0, [t.group_id])
    await t.has_assignment(1)
    await t.produce(1)
    await t.fetch(0, max_wait_ms=SOON_MS)
    await t.acknowledge(1, (0, 0, [RELEASE]))
    await t.fetch(2, max_wait_ms=0)
    await asyncio.sleep(3.0)  # until the lock has expired: a record that is not delivered any more shows nothing
    await t.acknowledge(3, (0, 0, [ACCEPT]))
    await t.fetch(4)
    await t.produce(1)
    await t.fetch(5, max_wait_ms=SOON_MS)
    await t.fetch(6, max_wait_ms=SOON_MS)
    await t.acknowledge(7, (1, 1, [ACCEPT]))
    await t.describe_offsets(t.group_id)


async def states(t: ShareTranscript) -> None:
    """The state APIs, as a leader and a group coordinator of another node would use them."""

    async def initialize(partition: int, state_epoch: int, start: int) -> None:
        data = initializing.PartitionData(partition=partition, state_epoch=state_epoch, start_offset=start)
        topic = initializing.InitializeStateData(topic_id=t.topic_id, partitions=[data])
        request = initializing.InitializeShareGroupStateRequest(group_id=t.group_id, topics=[topic])
        await t.ask(request, 0, initializing.InitializeShareGroupStateResponse)

    async def read(partition: int, leader_epoch: int) -> None:
        data = reading.PartitionData(partition=partition, leader_epoch=leader_epoch)
        topic = reading.ReadStateData(topic_id=t.topic_id, partitions=[data])
        request = reading.ReadShareGroupStateRequest(group_id=t.group_id, topics=[topic])
        await t.ask(request, 0, reading.ReadShareGroupStateResponse)

    async def write(
        partition: int, state_epoch: int, leader_epoch: int, start: int, *batches: tuple[int, int, int, int]
    ) -> None:
        data = writing.PartitionData(
            partition=partition,
            state_epoch=state_epoch,
            leader_epoch=leader_epoch,
            start_offset=start,
            delivery_complete_count=3,
            state_batches=[
                writing.StateBatch(first_offset=first, last_offset=last, delivery_state=state, delivery_count=count)
                for first, last, state, count in batches
            ],
        )
        topic = writing.WriteStateData(topic_id=t.topic_id, partitions=[data])
        request = writing.WriteShareGroupStateRequest(group_id=t.group_id, topics=[topic])
        await t.ask(request, 1, writing.WriteShareGroupStateResponse)

    async def summary(partition: int, leader_epoch: int) -> None:
        data = summing.PartitionData(partition=partition, leader_epoch=leader_epoch)
        topic = summing.ReadStateSummaryData(topic_id=t.topic_id, partitions=[data])
        request = summing.ReadShareGroupStateSummaryRequest(group_id=t.group_id, topics=[topic])
        await t.ask(request, 1, summing.ReadShareGroupStateSummaryResponse)

    async def delete(partition: int) -> None:
        topic = deleting.DeleteStateData(topic_id=t.topic_id, partitions=[deleting.PartitionData(partition=partition)])
        request = deleting.DeleteShareGroupStateRequest(group_id=t.group_id, topics=[topic])
        await t.ask(request, 0, deleting.DeleteShareGroupStateResponse)

    await read(0, 0)
    await summary(0, 0)
    await write(0, 1, 0, 0)
    await delete(0)
    await initialize(0, 2, 5)
    await summary(0, 0)
    await initialize(0, 1, 5)
    await write(0, 2, 3, 5, (5, 9, 2, 1), (10, 12, 0, 1))
    await write(0, 2, 3, 8, (11, 11, 4, 2), (13, 20, 0, 1))
    await read(0, 3)
    await summary(0, 3)
    await read(0, 2)
    await write(0, 2, 2, 8)
    await write(0, 1, 3, 8)
    await summary(0, 2)
    await read(0, 4)
    await write(0, 2, 3, 8)
    await write(0, -1, -1, -1, (14, 14, 2, 2))
    await read(0, 4)
    await initialize(0, 3, -1)
    await read(0, 0)
    await delete(0)
    await summary(0, 0)
    await initialize(9, 1, 0)
    await read(9, 0)
    await delete(-1)
    for key in ("x", ":::", f"g:{uuid_text(t.topic_id)}:x", f"g:{uuid_text(t.topic_id)}"):
        request = FindCoordinatorRequest(key_type=2, coordinator_keys=[key])
        await t.ask(request, 6, FindCoordinatorResponse)


async def offsets(t: ShareTranscript) -> None:
    """What administrators do with offsets and groups."""
    await t.describe_offsets(group_id="nobody")
    await t.describe_offsets(t.group_id, group_id="nobody")
    await t.delete_share_offsets(t.group_id, group_id="nobody")
    await t.alter_offsets(2, t.group_id, "missing")
    await t.describe_offsets()
    await t.describe_offsets(t.group_id, "missing", version=0)
    await t.list_share_groups()
    await t.produce(5)
    await t.share_heartbeat(0, [t.group_id])
    await t.has_assignment(1)
    await t.fetch(0, max_wait_ms=SOON_MS)
    await t.alter_offsets(0, t.group_id)
    await t.delete_share_offsets(t.group_id)
    await t.delete_group(t.group_id, "nobody")
    await t.acknowledge(1, (2, 4, [ACCEPT]))
    await t.acknowledge(-1)
    await t.share_heartbeat(-1)
    await t.describe_offsets(t.group_id)
    await t.alter_offsets(1, t.group_id)
    await t.describe_offsets(t.group_id)
    await t.delete_share_offsets(t.group_id, "missing")
    await t.describe_offsets(t.group_id)
    await t.delete_share_offsets(t.group_id)
    await t.delete_group(t.group_id)
    await t.delete_group(t.group_id)
    await t.describe_share_group()
    await t.describe_offsets(group_id="")
    await t.alter_offsets(1, t.group_id, group_id="")
    await t.delete_share_offsets(t.group_id, group_id="")


SCENARIOS: Sequence[Callable[[ShareTranscript], Awaitable[None]]] = (
    membership,
    records,
    acquiring,
    refusals,
    deliveries,
    states,
    offsets,
)
