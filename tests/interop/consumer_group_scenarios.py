"""What members of consumer groups do (KIP-848), request by request; see `group_scenarios`.

Member ids are short, so that Apache Kafka's hash maps hold them in the order of their names. Texts of errors are ours
and not compared, only whether there is one; hashes of topics depend on their ids, so only whether there is one.
"""

from __future__ import annotations

import asyncio
import re
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from tests.interop.connection import ANSWER_TIMEOUT_S
from tests.interop.group_scenarios import (
    OFFSETS_PARTITIONS,
    OFFSETS_TOPIC,
    SETTINGS,
    TOPIC,
    Transcript,
)

from ottla.coordinator.group.records import decode_record
from ottla.coordinator.partitioner import partition_for
from ottla.protocol.api.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedGroup,
)
from ottla.protocol.api.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.api.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
)
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.message import Struct
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import iterate_batches
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

CONSUMER_SETTINGS = {
    **SETTINGS,
    "group.consumer.assignment.interval.ms": "0",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.min.session.timeout.ms": "500",
    "group.consumer.max.size": "3",
}
GROUP_RESOURCE = 32
_GENERATED_ID = re.compile(r"[A-Za-z0-9_-]{22}|[0-9a-f-]{36}")
_TIMES = {"assignment_timestamp", "timestamp", "version", "current_state_timestamp", "commit_timestamp"}


class ConsumerTranscript(Transcript):
    """`owned` is what each member was last told to own, and says that it owns."""

    def __init__(self, address: str, group_id: str) -> None:
        super().__init__(address, group_id)
        self.topic_names: dict[bytes, str] = {}
        self.owned: dict[str, list[TopicPartitions]] = {}

    # -- notes

    def plain(self, value: object) -> object:
        value = super().plain(value)
        if isinstance(value, list):
            return sorted(value, key=_place)
        return value

    def _told(self, name: str, value: object) -> object:
        if name in ("topic_id", "topic_ids") and isinstance(value, bytes):
            return self.topic_names.get(value, value)
        if name == "error_message":
            return "some" if value else value
        if name == "metadata_hash":
            return "some" if value else 0
        if name == "subscribed_topic_names" and isinstance(value, list):
            return sorted(value)
        if name in _TIMES:
            return "some time"
        if name == "member_id" and isinstance(value, str) and _GENERATED_ID.fullmatch(value):
            return self._ids.setdefault(value, f"#{len(self._ids) + 1}")
        if name == "leader" and value in self._ids:
            return self._ids[str(value)]
        return super()._told(name, value)

    # -- requests

    async def topic(self, name: str = TOPIC, partitions: int = 3) -> None:
        """Make a topic unless it is there, and know it by its id."""
        assert self._main is not None
        request = CreateTopicsRequest(
            topics=[
                CreatableTopic(name=name, num_partitions=partitions, replication_factor=1, assignments=[], configs=[])
            ],
            timeout_ms=10_000,
        )
        await self._main.ask(request, 7, CreateTopicsResponse)
        await self.settle()
        asked = MetadataRequest(topics=[MetadataRequestTopic(name=name)])
        metadata = await self._main.ask(asked, 12, MetadataResponse)
        assert metadata.topics[0].error_code == 0
        self.topic_names[metadata.topics[0].topic_id] = name

    async def beat(
        self,
        member_id: str,
        epoch: int,
        *,
        topics: Sequence[str] | None = None,
        regex: str | None = None,
        owned: bool | None = None,
        instance_id: str | None = None,
        assignor: str | None = None,
        rebalance_timeout_ms: int | None = None,
        rack_id: str | None = None,
        version: int = 1,
        group_id: str | None = None,
    ) -> ConsumerGroupHeartbeatResponse:
        """`owned`: True says what it owns, False that it owns nothing, None (after the first) nothing at all."""
        joins = epoch == 0
        reported = None
        if owned is True:
            reported = self.owned.get(member_id, [])
        elif owned is False or joins:
            reported = []
        timeout_ms = rebalance_timeout_ms if rebalance_timeout_ms is not None else (20_000 if joins else -1)
        request = ConsumerGroupHeartbeatRequest(
            group_id=self.group_id if group_id is None else group_id,
            member_id=member_id,
            member_epoch=epoch,
            instance_id=instance_id,
            rack_id=rack_id,
            rebalance_timeout_ms=timeout_ms,
            subscribed_topic_names=None if topics is None else list(topics),
            subscribed_topic_regex=regex,
            server_assignor=assignor,
            topic_partitions=reported,
        )
        answer = await self.ask(request, version, ConsumerGroupHeartbeatResponse)
        if answer.assignment is not None:
            self.owned[member_id] = answer.assignment.topic_partitions
        return answer

    async def describe_consumers(self, *others: str, version: int = 1) -> None:
        request = ConsumerGroupDescribeRequest(group_ids=[self.group_id, *others], include_authorized_operations=True)
        await self.ask(request, version, ConsumerGroupDescribeResponse)

    async def until(self, is_reached: Callable[[DescribedGroup], bool]) -> None:
        """What the group does by itself, by time or beside a heartbeat, shows; nothing is noted."""
        assert self._main is not None
        request = ConsumerGroupDescribeRequest(group_ids=[self.group_id], include_authorized_operations=False)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                answer = await self._main.ask(request, 1, ConsumerGroupDescribeResponse)
                if is_reached(answer.groups[0]):
                    return
                await asyncio.sleep(0.02)

    async def fetch_as(self, member_id: str | None, epoch: int) -> None:
        asked = OffsetFetchRequestGroup(
            group_id=self.group_id,
            member_id=member_id,
            member_epoch=epoch,
            topics=[OffsetFetchRequestTopics(name=TOPIC, partition_indexes=[0, 1])],
        )
        await self.ask(OffsetFetchRequest(groups=[asked]), 9, OffsetFetchResponse)

    async def set_group_config(self, name: str, value: str) -> None:
        config = AlterableConfig(name=name, config_operation=0, value=value)
        resource = AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name=self.group_id, configs=[config])
        request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
        await self.ask(request, 1, IncrementalAlterConfigsResponse)
        await self.settle()

    async def more_partitions(self, name: str, count: int) -> None:
        topic = CreatePartitionsTopic(name=name, count=count, assignments=None)
        request = CreatePartitionsRequest(topics=[topic], timeout_ms=10_000, validate_only=False)
        await self.ask(request, 3, CreatePartitionsResponse)
        await self.settle()

    async def delete_topic(self, name: str) -> None:
        request = DeleteTopicsRequest(
            topics=[DeleteTopicState(name=name, topic_id=ZERO_UUID)], topic_names=[], timeout_ms=10_000
        )
        await self.ask(request, 6, DeleteTopicsResponse)
        self.notes.pop()
        await self.settle()

    async def records(self) -> None:
        assert self._main is not None
        index = partition_for(self.group_id, OFFSETS_PARTITIONS)
        partition = FetchPartition(partition=index, fetch_offset=0, partition_max_bytes=10_000_000, log_start_offset=0)
        request = FetchRequest(
            max_wait_ms=0,
            min_bytes=0,
            max_bytes=10_000_000,
            topics=[FetchTopic(topic=OFFSETS_TOPIC, partitions=[partition])],
            forgotten_topics_data=[],
        )
        answer = await self._main.ask(request, 12, FetchResponse)
        data = bytes(answer.responses[0].partitions[0].records or b"")  # type: ignore[arg-type]  # decoded: a view
        for position, header in iterate_batches(data):
            batch: list[tuple[str, str]] = []
            for record in iterate_records(data, position, header):
                assert record.key is not None
                decoded = decode_record(record.key, record.value)
                assert decoded is not None
                key = decoded.key
                if self.group_id in (getattr(key, "group", None), getattr(key, "group_id", None)):
                    value = decoded.value
                    told = self.plain(value) if isinstance(value, Struct) else "tombstone"
                    batch.append((type(key).__name__, f"v{decoded.value_version} {self.plain(key)}: {told}"))
            # Of one kind the records stand in the order of a hash map in Apache Kafka.
            for kind, same in groupby(batch, key=itemgetter(0)):
                self.notes += [f"{kind} {text}" for _, text in sorted(same)]
            if batch:
                self.notes.append("-- end of batch")


def _place(value: object) -> tuple[str, str]:
    """Topics and described groups stand in the order of a hash map in Apache Kafka."""
    if not isinstance(value, dict):
        return "", ""
    return str(value.get("topic_id", "")), str(value.get("group_id", ""))


# -- scenarios


async def consumer_alone(t: ConsumerTranscript) -> None:
    """One member from joining to leaving, and everything an administrator may ask meanwhile."""
    await t.topic()
    await t.beat("m1", 1)
    await t.describe_consumers()
    joined = await t.beat("m1", 0, topics=[TOPIC], rack_id="r1")
    epoch = joined.member_epoch
    await t.describe_consumers("nobody", "")
    await t.describe_consumers(version=0)
    await t.beat("m1", epoch)
    await t.beat("m1", epoch, owned=True)
    await t.beat("m1", epoch, topics=[TOPIC], owned=True, rebalance_timeout_ms=20_000)
    await t.beat("m1", epoch - 1)
    await t.beat("m1", epoch - 1, owned=True)
    await t.beat("m1", epoch + 1, owned=True)
    await t.beat("m2", epoch)
    await t.describe()
    await t.describe(5)
    await t.list()
    await t.list(["stable"], ["consumer"])
    await t.list(["Empty"], ["consumer"])
    await t.list([], ["classic"])
    for version in (8, 9, 10):
        await t.commit(1, member_id="m1", generation_id=epoch, version=version)
    await t.commit(2, member_id="m1", generation_id=epoch + 1)
    await t.commit(2, member_id="m1", generation_id=epoch - 1)
    await t.commit(2, member_id="m3", generation_id=epoch)
    await t.commit(2)
    for member_id, asked in (("m1", epoch), ("m1", epoch + 1), ("m1", epoch - 1), ("m3", epoch), (None, -1)):
        await t.fetch_as(member_id, asked)
    await t.heartbeat("m1", epoch)
    await t.sync("m1", epoch)
    await t.delete_offsets(TOPIC, 0)
    await t.delete_offsets("other", 0)
    await t.delete_group()
    await t.beat("m1", -1)
    await t.beat("m1", -1)
    await t.describe_consumers()
    await t.list()
    await t.commit(7)
    await t.fetch_as(None, -1)
    await t.delete_offsets(TOPIC, 0)
    await t.delete_group()
    await t.describe_consumers()
    await t.records()


async def consumer_rebalance(t: ConsumerTranscript) -> None:
    """Three members come, give up and take over, and go."""
    await t.topic()
    await t.beat("m1", 0, topics=[TOPIC])
    second = await t.beat("m2", 0, topics=[TOPIC])
    await t.describe_consumers()
    first = await t.beat("m1", 2)
    await t.beat("m2", second.member_epoch)
    await t.commit(1, member_id="m1", generation_id=2, partitions=(0, 1, 2))
    await t.describe_consumers()
    first = await t.beat("m1", first.member_epoch, owned=True)
    await t.beat("m2", second.member_epoch)
    await t.commit(1, member_id="m1", generation_id=2, version=10, partitions=(0,))
    await t.commit(1, member_id="m1", generation_id=2, version=10, partitions=(2,))
    await t.describe_consumers()
    third = await t.beat("m3", 0, topics=[TOPIC])
    await t.beat("m4", 0, topics=[TOPIC])
    for _ in range(2):
        for member_id in ("m1", "m2", "m3"):
            epoch = {"m1": first, "m2": second, "m3": third}[member_id].member_epoch
            answer = await t.beat(member_id, epoch, owned=True)
            if member_id == "m1":
                first = answer
            elif member_id == "m2":
                second = answer
            else:
                third = answer
    await t.describe_consumers()
    await t.beat("m1", -1)
    second = await t.beat("m2", second.member_epoch, owned=True)
    third = await t.beat("m3", third.member_epoch, owned=True)
    second = await t.beat("m2", second.member_epoch, owned=True)
    await t.beat("m2", second.member_epoch, topics=[], owned=True)
    await t.beat("m3", third.member_epoch, owned=True)
    await t.beat("m2", second.member_epoch, owned=False)
    await t.describe_consumers()
    await t.records()


async def consumer_assignors(t: ConsumerTranscript) -> None:
    """Range and uniform, over topics that not everybody wants."""
    await t.topic()
    await t.topic("assignors-b", 4)
    await t.beat("m1", 0, topics=[TOPIC, "assignors-b"], assignor="range")
    await t.beat("m2", 0, topics=[TOPIC, "missing"], assignor="range")
    first = await t.beat("m1", 2, owned=True)
    first = await t.beat("m1", first.member_epoch, owned=True)
    second = await t.beat("m2", 3, owned=True)
    await t.describe_consumers()
    await t.beat("m1", first.member_epoch, owned=True, assignor="uniform")
    # Which of several topics is given up first depends on their ids in Apache Kafka: one topic is left.
    await t.beat("m1", first.member_epoch, owned=True, topics=[TOPIC])
    await t.beat("m2", second.member_epoch, owned=True, assignor="uniform", topics=[TOPIC])
    first = await t.beat("m1", first.member_epoch, owned=True)
    first = await t.beat("m1", first.member_epoch, owned=True)
    await t.beat("m2", first.member_epoch, owned=True)
    await t.describe_consumers()
    await t.beat("m3", 0, topics=["assignors-b"], assignor="sticky")
    await t.beat("m3", 0, topics=["assignors-b"])
    await t.describe_consumers()
    await t.records()


async def consumer_static(t: ConsumerTranscript) -> None:
    """KIP-345 in the new protocol: leaving for a while, coming back, being fenced."""
    await t.topic()
    await t.beat("m1", 0, topics=[TOPIC], instance_id="i1")
    await t.beat("m2", 0, topics=[TOPIC], instance_id="i2")
    await t.beat("m1", 2, owned=True, instance_id="i1")
    await t.beat("m1", 3, owned=True, instance_id="i1")
    await t.beat("m3", 0, topics=[TOPIC], instance_id="i1")
    await t.beat("m1", -2, instance_id="i1")
    await t.describe_consumers()
    await t.beat("m3", 0, topics=[TOPIC], instance_id="i1")
    await t.describe_consumers()
    await t.beat("m1", 3, instance_id="i1")
    await t.beat("m1", 3)
    await t.beat("m1", -1, instance_id="i1")
    await t.beat("m3", 3, instance_id="i9")
    await t.beat("m3", -2)
    await t.beat("m2", 3, owned=True, instance_id="i2")
    await t.beat("m2", -2, instance_id="i2")
    await t.beat("m4", 0, topics=["other-topic"], instance_id="i2")
    await t.leave(("", "i2"), ("", "i8"), ("m1", "i1"), ("m9", None))
    await t.beat("m3", -1, instance_id="i1")
    await t.describe_consumers()
    await t.records()


async def consumer_refusals(t: ConsumerTranscript) -> None:
    """Whatever is wrong with a heartbeat."""
    await t.topic()
    await t.beat("", 0, topics=[TOPIC])
    await t.beat(" ", 0, topics=[TOPIC])
    await t.beat("m1", 0, topics=[TOPIC], group_id="")
    await t.beat("m1", 0, topics=[TOPIC], instance_id="")
    await t.beat("m1", 0, topics=[TOPIC], rack_id="")
    await t.beat("m1", 0, topics=[TOPIC], rebalance_timeout_ms=-1)
    await t.beat("m1", 0)
    await t.beat("m1", -2)
    await t.beat("m1", -3)
    await t.beat("m1", 0, topics=[TOPIC], assignor="nothing")
    await t.beat("m1", 0, regex="(")
    await t.beat("m1", 0, regex="a**")
    await t.beat("m1", 0, regex="(?=a)")
    await t.describe_consumers()
    await t.beat("", 0, topics=[TOPIC], version=0)
    await t.beat("", 2, version=0)
    await t.join("stranger")
    await t.leave(("stranger", None))
    await t.describe_consumers()
    await t.join(protocol_type="connect")
    await t.join(protocols=("other",))
    await t.records()


async def consumer_expressions(t: ConsumerTranscript) -> None:
    """Subscriptions by regular expression: resolved beside the heartbeat, changed, given up."""
    await t.topic()
    await t.topic("regex-a", 2)
    await t.topic("regex-b", 1)
    first = await t.beat("m1", 0, regex="regex-[a]", topics=[])
    joined = first.member_epoch
    await t.until(lambda group: group.group_epoch > joined)
    first = await t.beat("m1", joined, owned=True)
    await t.describe_consumers()
    second = await t.beat("m2", 0, regex="regex-[a]")
    first = await t.beat("m1", first.member_epoch, owned=True)
    first = await t.beat("m1", first.member_epoch, owned=True)
    second = await t.beat("m2", second.member_epoch, owned=True)
    await t.describe_consumers()
    first = await t.beat("m1", first.member_epoch, owned=True, regex="", topics=["regex-b"])
    first = await t.beat("m1", first.member_epoch, owned=True)
    second = await t.beat("m2", second.member_epoch, owned=True)
    await t.describe_consumers()
    await t.beat("m2", -1)
    await t.beat("m1", first.member_epoch, owned=True)
    await t.describe_consumers()
    await t.records()


async def consumer_upgrade(t: ConsumerTranscript) -> None:
    """A classic group becomes a consumer group under its member, and a classic one again."""
    await t.topic()
    classic = (await t.join()).member_id
    await t.join(classic)
    assignment = b"\x00\x00" + b"\x00\x00\x00\x01" + len(TOPIC).to_bytes(2, "big") + TOPIC.encode()
    assignment += b"\x00\x00\x00\x03" + b"".join(each.to_bytes(4, "big") for each in range(3)) + b"\xff\xff\xff\xff"
    await t.sync(classic, 1, {classic: assignment})
    await t.beat("m1", 3)
    joined = await t.beat("m1", 0, topics=[TOPIC])
    await t.describe()
    await t.describe_consumers()
    await t.list([], ["consumer"])
    await t.heartbeat(classic, 1)
    await t.sync(classic, 1)
    await t.commit(1, member_id=classic, generation_id=1, version=8)
    again = await t.join(classic)
    await t.heartbeat(classic, again.generation_id)
    await t.sync(classic, again.generation_id)
    await t.sync(classic, again.generation_id, protocol_name="other")
    await t.sync(classic, again.generation_id + 5)
    again = await t.join(classic)
    await t.sync(classic, again.generation_id)
    await t.heartbeat(classic, again.generation_id)
    await t.beat("m1", joined.member_epoch)
    await t.describe_consumers()
    await t.commit(1, member_id=classic, generation_id=again.generation_id)
    await t.commit(1, member_id=classic, generation_id=again.generation_id + 1)
    await t.beat("m1", -1)
    await t.describe_consumers()
    await t.describe()
    await t.heartbeat(classic, again.generation_id)
    await t.heartbeat(classic, again.generation_id + 1)
    rejoined = await t.join(classic)
    await t.sync(classic, rejoined.generation_id, {classic: b"all"})
    await t.describe()
    await t.records()


async def consumer_downgrade(t: ConsumerTranscript) -> None:
    """A static member comes back with the classic protocol, a dynamic one joins a consumer group with it."""
    await t.topic()
    await t.beat("m1", 0, topics=[TOPIC], instance_id="i1")
    first = await t.join()
    await t.join(first.member_id, protocols=("range", "roundrobin"))
    await t.describe_consumers()
    await t.join(protocols=("sticky",))
    await t.leave((first.member_id, None))
    await t.beat("m1", 2, owned=True, instance_id="i1")
    await t.beat("m1", 4, owned=True, instance_id="i1")
    await t.describe_consumers()
    static = await t.join(instance_id="i1")
    await t.describe_consumers()
    await t.describe()
    await t.heartbeat(static.member_id, static.generation_id, "i1")
    await t.sync(static.member_id, static.generation_id, instance_id="i1")
    await t.records()


async def consumer_empty(t: ConsumerTranscript) -> None:
    """Groups without members change their type with whoever comes."""
    await t.topic()
    await t.commit(5)
    await t.list()
    await t.beat("m1", 1)
    await t.beat("m1", 0, topics=[TOPIC])
    await t.fetch_as(None, -1)
    await t.beat("m1", -1)
    await t.list()
    classic = (await t.join()).member_id
    await t.list()
    await t.join(classic)
    await t.leave((classic, None))
    await t.list()
    await t.beat("m1", 0, topics=[TOPIC])
    await t.list()
    await t.records()


async def consumer_silence(t: ConsumerTranscript) -> None:
    """Sessions that end by the group's own config, and partitions that are not given up in time."""
    await t.topic()
    await t.set_group_config("consumer.session.timeout.ms", "1000")  # no longer than between two heartbeats
    await t.set_group_config("consumer.heartbeat.interval.ms", "200")
    await t.set_group_config("consumer.session.timeout.ms", "1000")
    await t.set_group_config("consumer.session.timeout.ms", "100")
    await t.set_group_config("consumer.heartbeat.interval.ms", "7000")
    await t.beat("m1", 0, topics=[TOPIC])
    await t.until(lambda group: not group.members)
    await t.describe_consumers()
    await t.set_group_config("consumer.session.timeout.ms", "45000")
    await t.beat("m1", 0, topics=[TOPIC], rebalance_timeout_ms=800)
    await t.beat("m2", 0, topics=[TOPIC])
    await t.beat("m1", 4)
    await t.until(lambda group: len(group.members) == 1)
    await t.describe_consumers()
    await t.beat("m1", 4)
    await t.beat("m2", 5)
    await t.records()


async def consumer_topics(t: ConsumerTranscript) -> None:
    """Topics that grow, go, and come."""
    await t.topic("topics-a", 1)
    await t.beat("m1", 0, topics=["topics-a", "topics-b"])
    await t.more_partitions("topics-a", 2)
    first = await t.beat("m1", 2, owned=True)
    await t.topic("topics-b", 1)
    first = await t.beat("m1", first.member_epoch, owned=True)
    first = await t.beat("m1", first.member_epoch, owned=True)
    await t.delete_topic("topics-a")
    first = await t.beat("m1", first.member_epoch, owned=True)
    await t.beat("m1", first.member_epoch, owned=True)
    await t.describe_consumers()
    await t.records()


CONSUMER_SCENARIOS: tuple[Callable[[ConsumerTranscript], Awaitable[None]], ...] = (
    consumer_alone,
    consumer_rebalance,
    consumer_assignors,
    consumer_static,
    consumer_refusals,
    consumer_expressions,
    consumer_upgrade,
    consumer_downgrade,
    consumer_empty,
    consumer_silence,
    consumer_topics,
)
