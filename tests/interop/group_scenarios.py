"""What clients do with groups, request by request, and every answer written down.

A `Transcript` talks to a broker with our own codec, over one connection a member, and notes each answer as plain
values with what differs from run to run made alike: member ids are numbered in order of appearance, members and
partitions are sorted, times and throttle times are left out. The same scenario against two brokers must give the same
notes.

Nothing here may depend on how fast a broker is. What a controller acknowledged is waited for (`Transcript.settle`), and
so is what a broker does by itself, by asking until it shows. Time is only ever waited for where nothing is to happen.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, TypeVar

from tests.interop.barrier import until_applied
from tests.interop.connection import ANSWER_TIMEOUT_S, Connection
from tests.interop.coordinators import until_groups_have_coordinators

from ottla.coordinator.group.records import decode_record
from ottla.coordinator.partitioner import partition_for
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.api.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.consumer_protocol import ConsumerProtocolSubscription
from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import Response, Struct
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ottla.protocol.message import Request

ResponseT = TypeVar("ResponseT", bound=Response)

OFFSETS_TOPIC = "__consumer_offsets"
OFFSETS_PARTITIONS = 4
TOPIC = "group-scenarios"
SETTINGS = {
    "group.initial.rebalance.delay.ms": "0",
    # Apache Kafka answers MEMBER_ID_REQUIRED before it appends the new group's record. Without lingering the record is
    # committed before the next request of that partition, and never in one batch with what that writes.
    "group.coordinator.append.linger.ms": "0",
    "offsets.topic.num.partitions": str(OFFSETS_PARTITIONS),
    "group.min.session.timeout.ms": "500",
    "offset.metadata.max.bytes": "8",
    "group.max.size": "3",
}
SESSION_MS = 60_000
REBALANCE_MS = 60_000

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CHANGING = {"throttle_time_ms", "current_state_timestamp", "commit_timestamp", "expire_timestamp", "host", "port"}


class Transcript:
    """A scenario's conversation with one broker about one group."""

    def __init__(self, address: str, group_id: str) -> None:
        self.address = address
        self.group_id = group_id
        self.notes: list[str] = []
        self.topic_id = b""
        self._ids: dict[str, str] = {}
        self._connections: list[Connection] = []
        self._main: Connection | None = None

    async def start(self) -> None:
        self._main = await self._connect()
        created = await self._main.ask(
            CreateTopicsRequest(
                topics=[CreatableTopic(name=TOPIC, num_partitions=3, replication_factor=1, assignments=[], configs=[])],
                timeout_ms=10_000,
            ),
            7,
            CreateTopicsResponse,
        )
        assert created.topics[0].error_code in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)
        await self.settle()
        metadata = await self._main.ask(
            MetadataRequest(topics=[MetadataRequestTopic(name=TOPIC)]), 12, MetadataResponse
        )
        self.topic_id = metadata.topics[0].topic_id
        await until_groups_have_coordinators(self._main, OFFSETS_PARTITIONS)

    async def settle(self) -> None:
        """Until the broker, and its coordinators, have applied what the controller acknowledged."""
        assert self._main is not None
        await until_applied(self._main)

    async def _connect(self) -> Connection:
        connection = await Connection.open(self.address)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    # -- notes

    def note(self, what: str, value: object) -> None:
        self.notes.append(f"{what}: {self.plain(value)}")

    def plain(self, value: object) -> object:
        if isinstance(value, Struct):
            fields = {field.name: getattr(value, field.name) for field in value.schema if field.name not in _CHANGING}
            return {name: self._told(name, field) for name, field in fields.items()}
        if isinstance(value, list):
            return sorted((self.plain(each) for each in value), key=_order)
        if isinstance(value, memoryview):
            return bytes(value)
        return _UUID.sub(self._number, value) if isinstance(value, str) else value

    def _told(self, name: str, value: object) -> object:
        if name == "error_code" and isinstance(value, int):
            return ErrorCode(value).name
        if name == "topic_id":
            return "the topic's id" if value == self.topic_id else value
        return self.plain(value)

    def _number(self, match: re.Match[str]) -> str:
        return self._ids.setdefault(match[0], f"#{len(self._ids) + 1}")

    # -- requests

    async def ask(self, request: Request, version: int, expected: type[ResponseT]) -> ResponseT:
        assert self._main is not None
        answer = await asyncio.wait_for(self._main.ask(request, version, expected), ANSWER_TIMEOUT_S)
        self.note(f"{expected.__name__} v{version}", answer)
        return answer

    async def sync_later(self, request: SyncGroupRequest) -> asyncio.Task[SyncGroupResponse]:
        """A member that waits for its assignment, on a connection of its own; nothing is noted.

        No broker shows that it waits. That it has the request is certain enough when it has answered others, of the
        same group, one after the other, for a while since.
        """
        connection = await self._connect()
        task = asyncio.ensure_future(asyncio.wait_for(connection.ask(request, 5, SyncGroupResponse), ANSWER_TIMEOUT_S))
        for _ in range(20):
            await asyncio.sleep(0.01)
            await self._rebalance()
        return task

    async def join(self, member_id: str = "", version: int = 9, **how: object) -> JoinGroupResponse:
        return await self.ask(self.join_request(member_id, **how), version, JoinGroupResponse)

    async def join_later(self, member_id: str = "", **how: object) -> asyncio.Task[JoinGroupResponse]:
        """A member that waits for the others, on a connection of its own; nothing is noted. The group shows it."""
        connection = await self._connect()
        before = await self._rebalance()
        request = self.join_request(member_id, **how)
        task = asyncio.ensure_future(asyncio.wait_for(connection.ask(request, 9, JoinGroupResponse), ANSWER_TIMEOUT_S))
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while await self._rebalance() == before:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.01)
        return task

    async def _rebalance(self) -> tuple[str, int]:
        """The group's state, and how many members it has."""
        assert self._main is not None
        answer = await self._main.ask(DescribeGroupsRequest(groups=[self.group_id]), 5, DescribeGroupsResponse)
        return answer.groups[0].group_state, len(answer.groups[0].members)

    def join_request(
        self,
        member_id: str = "",
        *,
        instance_id: object = None,
        protocols: object = ("range",),
        protocol_type: object = "consumer",
        session_timeout_ms: object = SESSION_MS,
        rebalance_timeout_ms: object = REBALANCE_MS,
        group_id: object = None,
    ) -> JoinGroupRequest:
        assert isinstance(protocols, tuple)
        assert isinstance(session_timeout_ms, int)
        assert isinstance(rebalance_timeout_ms, int)
        metadata = b"\x00\x00" + ConsumerProtocolSubscription(topics=[TOPIC], user_data=None).encode(0)
        return JoinGroupRequest(
            group_id=self.group_id if group_id is None else str(group_id),
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout_ms,
            member_id=member_id,
            group_instance_id=None if instance_id is None else str(instance_id),
            protocol_type=str(protocol_type),
            protocols=[JoinGroupRequestProtocol(name=name, metadata=metadata) for name in protocols],
        )

    def sync_request(
        self,
        member_id: str,
        generation_id: int,
        assignment: dict[str, bytes] | None = None,
        *,
        instance_id: str | None = None,
        protocol_type: str | None = "consumer",
        protocol_name: str | None = "range",
        group_id: str | None = None,
    ) -> SyncGroupRequest:
        return SyncGroupRequest(
            group_id=group_id or self.group_id,
            generation_id=generation_id,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type=protocol_type,
            protocol_name=protocol_name,
            assignments=[
                SyncGroupRequestAssignment(member_id=each, assignment=data) for each, data in (assignment or {}).items()
            ],
        )

    async def sync(
        self, member_id: str, generation_id: int, assignment: dict[str, bytes] | None = None, **how: str | None
    ) -> SyncGroupResponse:
        request = self.sync_request(member_id, generation_id, assignment, **how)
        return await self.ask(request, 5, SyncGroupResponse)

    async def heartbeat(
        self, member_id: str, generation_id: int, instance_id: str | None = None, group_id: str | None = None
    ) -> None:
        request = HeartbeatRequest(
            group_id=self.group_id if group_id is None else group_id,
            generation_id=generation_id,
            member_id=member_id,
            group_instance_id=instance_id,
        )
        await self.ask(request, 4, HeartbeatResponse)

    async def leave(self, *members: tuple[str, str | None]) -> None:
        identities = [MemberIdentity(member_id=each, group_instance_id=instance) for each, instance in members]
        await self.ask(LeaveGroupRequest(group_id=self.group_id, members=identities), 5, LeaveGroupResponse)

    async def commit(
        self,
        offset: int,
        *,
        member_id: str = "",
        generation_id: int = -1,
        instance_id: str | None = None,
        metadata: str | None = "",
        version: int = 9,
        topic: str = TOPIC,
        partitions: Sequence[int] = (0,),
        retention_time_ms: int = -1,
        group_id: str | None = None,
    ) -> None:
        request = OffsetCommitRequest(
            group_id=self.group_id if group_id is None else group_id,
            generation_id_or_member_epoch=generation_id,
            member_id=member_id,
            group_instance_id=instance_id,
            retention_time_ms=retention_time_ms,
            topics=[
                OffsetCommitRequestTopic(
                    name=topic if version < 10 else "",
                    topic_id=self.topic_id if topic == TOPIC and version >= 10 else bytes([9] * 16),
                    partitions=[
                        OffsetCommitRequestPartition(
                            partition_index=index, committed_offset=offset, committed_metadata=metadata
                        )
                        for index in partitions
                    ],
                )
            ],
        )
        await self.ask(request, version, OffsetCommitResponse)

    async def fetch_offsets(self, version: int, *, everything: bool = False, group_id: str | None = None) -> None:
        group = self.group_id if group_id is None else group_id
        indexes = [0, 2, 9]
        if version < 8:
            topics = [OffsetFetchRequestTopic(name=TOPIC, partition_indexes=indexes)]
            request = OffsetFetchRequest(group_id=group, topics=None if everything else topics)
        else:
            wanted = [
                OffsetFetchRequestTopics(name=TOPIC, topic_id=self.topic_id, partition_indexes=indexes),
                OffsetFetchRequestTopics(name="missing", topic_id=bytes([9] * 16), partition_indexes=[0]),
            ]
            request = OffsetFetchRequest(
                groups=[OffsetFetchRequestGroup(group_id=group, topics=None if everything else wanted)]
            )
        await self.ask(request, version, OffsetFetchResponse)

    async def delete_offsets(self, topic: str, *partitions: int, group_id: str | None = None) -> None:
        indexes = [OffsetDeleteRequestPartition(partition_index=index) for index in partitions]
        request = OffsetDeleteRequest(
            group_id=self.group_id if group_id is None else group_id,
            topics=[OffsetDeleteRequestTopic(name=topic, partitions=indexes)],
        )
        await self.ask(request, 0, OffsetDeleteResponse)

    async def describe(self, version: int = 6) -> None:
        request = DescribeGroupsRequest(groups=[self.group_id], include_authorized_operations=version >= 3)
        await self.ask(request, version, DescribeGroupsResponse)

    async def list(self, states: Sequence[str] = (), types: Sequence[str] = ()) -> None:
        """Of all groups only the scenario's own is noted."""
        assert self._main is not None
        request = ListGroupsRequest(states_filter=list(states), types_filter=list(types))
        answer = await self._main.ask(request, 5, ListGroupsResponse)
        own = [group for group in answer.groups if group.group_id == self.group_id]
        self.note(f"listed {states} {types}", [ErrorCode(answer.error_code).name, own])

    async def delete_group(self, *others: str) -> None:
        request = DeleteGroupsRequest(groups_names=[self.group_id, *others])
        answer = await self.ask(request, 2, DeleteGroupsResponse)
        self.notes.pop()
        self.note("deleted", sorted((each.group_id, ErrorCode(each.error_code).name) for each in answer.results))

    async def records(self) -> None:
        """Note what stands in the log about the group, in order, batch by batch."""
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
            batch = []
            for record in iterate_records(data, position, header):
                assert record.key is not None
                decoded = decode_record(record.key, record.value)
                assert decoded is not None
                if getattr(decoded.key, "group", None) == self.group_id:
                    batch.append(
                        (
                            type(decoded.key).__name__,
                            self.plain(decoded.key),
                            decoded.value_version,
                            self.plain(decoded.value),
                        )
                    )
            if batch:
                self.notes.append(f"batch, attributes {header.attributes}, producer {header.producer_id}: {batch}")


def _order(value: object) -> tuple[str, int]:
    """Members and partitions stand in the order of a hash map in Apache Kafka; everything else as it is (stable)."""
    return (value.get("member_id", ""), value.get("partition_index", 0)) if isinstance(value, dict) else ("", 0)


# -- scenarios


async def one_member(t: Transcript) -> None:
    """From the handshake to the empty group, and what is written on the way."""
    await t.describe()
    first = await t.join()
    await t.describe()
    joined = await t.join(first.member_id)
    await t.describe()
    me = joined.member_id
    await t.heartbeat(me, 1)
    await t.commit(1, member_id=me, generation_id=1)
    await t.sync(me, 1, {me: b"mine", "stranger": b"?"})
    await t.sync(me, 1)
    await t.describe()
    await t.list()
    await t.list(["stable"], ["classic"])
    await t.list(["empty"])
    await t.list([], ["consumer"])
    await t.heartbeat(me, 1)
    await t.heartbeat(me, 2)
    await t.commit(5, member_id=me, generation_id=1, metadata="meta")
    await t.commit(6, member_id=me, generation_id=0)
    await t.commit(6, member_id="stranger", generation_id=1)
    await t.commit(6)
    await t.delete_offsets(TOPIC, 0)
    await t.delete_group()
    await t.leave((me, None), ("stranger", None))
    await t.describe()
    await t.list()
    await t.commit(7)
    await t.commit(8, member_id=me, generation_id=2)
    await t.fetch_offsets(8)
    await t.records()


async def two_members(t: Transcript) -> None:
    """A second member joins, the first rejoins, and they rebalance once more when one leaves."""
    first_id = (await t.join()).member_id
    await t.join(first_id)
    await t.sync(first_id, 1, {first_id: b"all"})
    second_id = (await t.join()).member_id
    second = await t.join_later(second_id)
    await t.heartbeat(first_id, 1)
    await t.sync(first_id, 1)
    await t.describe()
    await t.commit(3, member_id=first_id, generation_id=1)
    await t.join(first_id)
    t.note("second", await second)
    waiting = await t.sync_later(t.sync_request(second_id, 2))
    await t.describe()
    await t.join(first_id)
    await t.join(second_id)
    await t.sync(first_id, 2, {first_id: b"half"})
    t.note("second", await waiting)
    await t.join(second_id)
    rejoining = await t.join_later(second_id, protocols=("range", "sticky"))
    await t.heartbeat(first_id, 2)
    await t.leave((first_id, None))
    t.note("second", await rejoining)
    await t.records()


async def full_group(t: Transcript) -> None:
    """No more members than group.max.size. The one too many was given an id: it is waited for until the timeout."""
    waiting = []
    first_id = (await t.join()).member_id
    await t.join(first_id, rebalance_timeout_ms=5_000)
    await t.sync(first_id, 1, {})
    for _ in range(2):
        member_id = (await t.join()).member_id
        waiting.append((member_id, await t.join_later(member_id, rebalance_timeout_ms=5_000)))
    late = await t.join()
    await t.join(first_id, rebalance_timeout_ms=5_000)
    for _, task in waiting:
        t.note("joined", (await task).generation_id)
    await t.join(late.member_id)
    await t.join()


async def static_members(t: Transcript) -> None:
    """KIP-345 and KIP-814: replacing, fencing, removing by instance."""
    first = await t.join(instance_id="i1")
    await t.sync(first.member_id, 1, {first.member_id: b"one"}, instance_id="i1")
    joining = await t.join_later(instance_id="i2")
    await t.join(first.member_id, instance_id="i1")
    second = await joining
    t.note("second", second)
    waiting = await t.sync_later(t.sync_request(second.member_id, 2, instance_id="i2"))
    await t.sync(first.member_id, 2, {first.member_id: b"1", second.member_id: b"2"}, instance_id="i1")
    t.note("second", await waiting)
    again = await t.join(instance_id="i2")
    await t.sync(again.member_id, 2, instance_id="i2")
    await t.heartbeat(second.member_id, 2, "i2")
    await t.heartbeat(second.member_id, 2)
    await t.sync(second.member_id, 2, instance_id="i2")
    await t.join(second.member_id, instance_id="i2")
    await t.commit(1, member_id=second.member_id, generation_id=2, instance_id="i2")
    await t.heartbeat(again.member_id, 2, "other")
    leader = await t.join(instance_id="i1", version=8)
    leader = await t.join(instance_id="i1", version=9)
    await t.sync(leader.member_id, 2, instance_id="i1")
    await t.describe()
    await t.leave(("", "i2"), ("", "nobody"), (first.member_id, "i1"), ("", None))
    await t.describe()
    await t.records()


async def refusals(t: Transcript) -> None:
    """Whatever is wrong with a request."""
    await t.join("stranger")
    await t.join(group_id="")
    await t.join(session_timeout_ms=499)
    await t.join(session_timeout_ms=1_800_001)
    await t.join(protocol_type="")
    await t.join(protocols=())
    for version in (0, 3, 5, 6, 7, 9):
        await t.join("stranger", version=version, protocols=("range",))
    me = (await t.join()).member_id
    await t.join(me)
    await t.join(protocol_type="connect")
    await t.join(protocols=("other",))
    await t.join(me, protocols=("other",))
    await t.join("stranger")
    await t.sync(me, 1, protocol_type="connect")
    await t.sync(me, 1, protocol_name="sticky")
    await t.sync(me, 1, protocol_name=None)
    await t.sync(me, 0)
    await t.sync("stranger", 1)
    await t.sync(me, 1, group_id="refusals-nobody")
    await t.heartbeat("stranger", 1)
    await t.heartbeat(me, 1, group_id="refusals-nobody")
    await t.heartbeat(me, 1, group_id="")
    await t.leave(("stranger", None))
    for version in (0, 2):
        await t.ask(LeaveGroupRequest(group_id=t.group_id, member_id="stranger"), version, LeaveGroupResponse)
    missing = LeaveGroupRequest(group_id="refusals-nobody", members=[MemberIdentity(member_id="m")])
    await t.ask(missing, 5, LeaveGroupResponse)
    for version in (8, 9):
        await t.commit(1, member_id="m", generation_id=3, group_id="refusals-nobody", version=version)
    await t.delete_offsets(TOPIC, 0, group_id="refusals-nobody")
    await t.delete_offsets(TOPIC, 0, group_id="")
    for version in (0, 3, 5, 6):
        await t.describe(version)


async def offsets(t: Transcript) -> None:
    """Commits without membership, at every version; fetched at every version; deleted."""
    for version in range(2, 11):
        await t.commit(version, version=version, metadata=f"v{version}")
        await t.commit(version, version=version, partitions=(0, 7), metadata=None)
        await t.commit(1, version=version, topic="missing")
    await t.commit(2, partitions=(2,), metadata="123456789")
    await t.commit(2, partitions=(2,), metadata="12345678")
    await t.commit(3, partitions=(1,), version=4, retention_time_ms=3_600_000)
    for version in range(1, 11):
        await t.fetch_offsets(version)
        await t.fetch_offsets(version, group_id="offsets-nobody")
        if version >= 2:
            await t.fetch_offsets(version, everything=True)
    await t.delete_offsets(TOPIC, 0, 9)
    await t.delete_offsets("missing", 0)
    await t.fetch_offsets(9, everything=True)
    await t.describe()
    await t.list()
    await t.delete_group("offsets-nobody")
    await t.fetch_offsets(9, everything=True)
    await t.describe()
    await t.records()


async def silence(t: Transcript) -> None:
    """Sessions that end, and a rebalance that is not waited for for ever."""
    first_id = (await t.join(session_timeout_ms=2_000)).member_id
    await t.join(first_id, session_timeout_ms=2_000, rebalance_timeout_ms=3_000)
    await t.sync(first_id, 1, {first_id: b"all"})
    second_id = (await t.join()).member_id
    t.note("second", await (await t.join_later(second_id, rebalance_timeout_ms=3_000)))
    await t.heartbeat(first_id, 1)
    await t.sync(second_id, 2, {second_id: b"all"})
    pending = (await t.join(session_timeout_ms=500)).member_id
    await asyncio.sleep(2.5)  # that it is gone shows only to itself
    await t.join(pending)
    await t.leave((second_id, None))
    await t.describe()
    await t.records()


SCENARIOS: tuple[Callable[[Transcript], Awaitable[None]], ...] = (
    one_member,
    two_members,
    full_group,
    static_members,
    refusals,
    offsets,
    silence,
)


TranscriptT = TypeVar("TranscriptT", bound=Transcript)


async def play(transcript: TranscriptT, scenario: Callable[[TranscriptT], Awaitable[None]]) -> list[str]:
    """The notes of one scenario, of any kind of group, against the broker that the transcript has the address of."""
    try:
        await transcript.start()
        await scenario(transcript)
    finally:
        transcript.close()
    return transcript.notes
