"""The topics that hold the state of coordinators, made small while they are used, and read by both kinds of node.

`__consumer_offsets` and `__transaction_state` are compacted, `__share_group_state` is cut off by its coordinator. One
node writes each of them over several times; when all old segments were compacted it is killed. The next node, of either
kind, must know what the last one acknowledged, and nothing else, and goes on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.conftest import TEST_SETTINGS
from tests.interop.connection import Connection
from tests.interop.test_dump_log_segments import complaints, dump
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

from ottla.protocol.api import initialize_share_group_state as initialize
from ottla.protocol.api import list_offsets
from ottla.protocol.api import offset_commit as commit
from ottla.protocol.api import offset_delete as deletion
from ottla.protocol.api import read_share_group_state as reading
from ottla.protocol.api import write_share_group_state as writing
from ottla.protocol.api.add_partitions_to_txn import AddPartitionsToTxnRequest, AddPartitionsToTxnTopic
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest
from ottla.protocol.api.delete_groups import DeleteGroupsRequest
from ottla.protocol.api.describe_groups import DescribeGroupsRequest
from ottla.protocol.api.describe_transactions import DescribeTransactionsRequest
from ottla.protocol.api.end_txn import EndTxnRequest
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest
from ottla.protocol.api.init_producer_id import InitProducerIdRequest
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from ottla.protocol.api.leave_group import LeaveGroupRequest, MemberIdentity
from ottla.protocol.api.list_groups import ListGroupsRequest
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic
from ottla.protocol.api.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.consumer_protocol import ConsumerProtocolSubscription
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import uuid_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.protocol.message import Request

pytestmark = [pytest.mark.java, pytest.mark.timeout(600)]

OFFSETS, TRANSACTIONS, SHARES = "__consumer_offsets", "__transaction_state", "__share_group_state"
SEGMENT_BYTES: Final = 1 << 20
SETTINGS: Final = TEST_SETTINGS | {
    "offsets.topic.num.partitions": "1",
    "offsets.topic.segment.bytes": str(SEGMENT_BYTES),
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.segment.bytes": str(SEGMENT_BYTES),
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.prune.interval.ms": "500",
    "share.coordinator.snapshot.update.records.per.snapshot": "5",
    "log.cleaner.backoff.ms": "100",
    "log.cleaner.min.cleanable.ratio": "0.01",
}
DEADLINE_S: Final = 120.0
NOT_YET: Final = {
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.CONCURRENT_TRANSACTIONS,
}

GROUPS: Final = 8
PARTITIONS: Final = 60
COMMITS: Final = 45  # of each group, with a record of about 100 bytes for each partition
LONG_NAMES: Final = tuple("t" * 240 + str(number) for number in range(12))
IDS: Final = tuple(f"id-{number}" for number in range(8))
ROUNDS: Final = 30  # transactions of each id, with two records of 3 kB each
SHARE_WRITES: Final = 60


class Client:
    """Asks until the answer is no "not yet", however long a coordinator loads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(self, request: Request, version: int | None = None) -> Any:
        if version is None:
            version = API[ApiKey(request.api_key)].stable_versions.latest
        async with asyncio.timeout(DEADLINE_S):
            while True:
                answer = await self._connection.ask(request, version, API[ApiKey(request.api_key)].response)
                if NOT_YET.isdisjoint(errors(answer)):
                    return answer
                await asyncio.sleep(0.01)

    async def good(self, request: Request, version: int | None = None) -> Any:
        answer = await self.ask(request, version)
        assert errors(answer) <= {0}, answer
        return answer


def errors(value: Any) -> set[int]:
    """Every error code of an answer."""
    if isinstance(value, list):
        return set().union(*map(errors, value))
    if not hasattr(type(value), "schema"):
        return set()
    fields = {field.name: getattr(value, field.name) for field in type(value).schema}
    return {code for name, code in fields.items() if name.endswith("error_code")}.union(*map(errors, fields.values()))


class Groups:
    """Offsets of simple groups, one that lost some of them, one that is gone, and a group whose member is static."""

    def __init__(self) -> None:
        self.expected: dict[str, dict[int, tuple[int, str]]] = {}
        self.turns = 0
        self.members: set[str] = set()

    async def use(self, client: Client) -> None:
        self.turns += 1
        await client.good(FindCoordinatorRequest(key_type=0, coordinator_keys=["group-0"]))
        for number in range(COMMITS):
            for group in range(GROUPS):
                await self.commit(client, f"group-{group}", self.turns * 1000 + number)
        for partition in range(PARTITIONS // 2):
            del self.expected["group-1"][partition]
        gone = [deletion.OffsetDeleteRequestPartition(partition_index=index) for index in range(PARTITIONS // 2)]
        topic = deletion.OffsetDeleteRequestTopic(name="topic", partitions=gone)
        await client.good(deletion.OffsetDeleteRequest(group_id="group-1", topics=[topic]))
        del self.expected["group-2"]
        await client.good(DeleteGroupsRequest(groups_names=["group-2"]))
        await self.join(client)

    async def commit(self, client: Client, group: str, offset: int) -> None:
        partitions = [
            commit.OffsetCommitRequestPartition(
                partition_index=index, committed_offset=offset + index, committed_metadata=f"at {offset}"
            )
            for index in range(PARTITIONS)
        ]
        topic = commit.OffsetCommitRequestTopic(name="topic", partitions=partitions)
        await client.good(commit.OffsetCommitRequest(group_id=group, member_id="", topics=[topic]), 9)
        self.expected[group] = {index: (offset + index, f"at {offset}") for index in range(PARTITIONS)}

    async def join(self, client: Client) -> None:
        """Each time with another protocol: a new generation, and a record that replaces that of the last."""
        if self.turns > 1:
            member = MemberIdentity(member_id="", group_instance_id="static")
            await client.good(LeaveGroupRequest(group_id="members", members=[member]))
        protocol = f"protocol-{self.turns}"
        protocols = [JoinGroupRequestProtocol(name=protocol, metadata=self.subscription())]
        joined = await client.good(
            JoinGroupRequest(
                group_id="members",
                session_timeout_ms=300_000,
                rebalance_timeout_ms=300_000,
                member_id="",
                group_instance_id="static",
                protocol_type="consumer",
                protocols=protocols,
            )
        )
        assignment = SyncGroupRequestAssignment(member_id=joined.member_id, assignment=b"of turn %d" % self.turns)
        await client.good(
            SyncGroupRequest(
                group_id="members",
                generation_id=joined.generation_id,
                member_id=joined.member_id,
                group_instance_id="static",
                protocol_type="consumer",
                protocol_name=protocol,
                assignments=[assignment],
            )
        )

    def subscription(self) -> bytes:
        """Version 0 of the consumers' embedded protocol."""
        return bytes(2) + ConsumerProtocolSubscription(topics=[f"turn-{self.turns}"]).encode(0)

    async def check(self, client: Client) -> None:
        names = [f"group-{number}" for number in range(GROUPS)]
        wanted = [OffsetFetchRequestGroup(group_id=name, topics=None) for name in names]
        answer = await client.good(OffsetFetchRequest(groups=wanted), 9)
        found = {
            group.group_id: {
                each.partition_index: (each.committed_offset, each.metadata)
                for topic in group.topics
                for each in topic.partitions
            }
            for group in answer.groups
            if group.topics
        }
        assert found == self.expected
        listed = await client.good(ListGroupsRequest())
        assert {group.group_id for group in listed.groups} == {*self.expected, "members"}
        described = (await client.good(DescribeGroupsRequest(groups=["members"]))).groups[0]
        (member,) = described.members
        assert (described.group_state, described.protocol_data, member.group_instance_id) == (
            "Stable",
            f"protocol-{self.turns}",
            "static",
        )
        told = (bytes(member.member_metadata), bytes(member.member_assignment))
        assert told == (self.subscription(), b"of turn %d" % self.turns)


class Transactions:
    """Transactional ids whose last transaction was committed or aborted, and one that is open."""

    def __init__(self) -> None:
        self.producers: dict[str, tuple[int, int]] = {}
        self.last = ""

    async def use(self, client: Client) -> None:
        await client.good(FindCoordinatorRequest(key_type=1, coordinator_keys=["id-0"]))
        for name in (*IDS, "open"):
            request = InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=600_000)
            answer = await client.good(request, 5)
            self.producers[name] = answer.producer_id, answer.producer_epoch
        for number in range(ROUNDS):
            self.last = "CompleteCommit" if number % 2 else "CompleteAbort"
            for name in IDS:
                await self.begin(client, name)
                producer_id, epoch = self.producers[name]
                end = EndTxnRequest(
                    transactional_id=name, producer_id=producer_id, producer_epoch=epoch, committed=number % 2 == 1
                )
                await client.good(end, 4)
        await self.begin(client, "open")

    async def begin(self, client: Client, name: str) -> None:
        producer_id, epoch = self.producers[name]
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=name,
            v3_and_below_producer_id=producer_id,
            v3_and_below_producer_epoch=epoch,
            v3_and_below_topics=[AddPartitionsToTxnTopic(name=topic, partitions=[0]) for topic in LONG_NAMES],
        )
        await client.good(request, 3)

    async def check(self, client: Client) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                request = DescribeTransactionsRequest(transactional_ids=[*IDS, "open"])
                told = (await client.good(request)).transaction_states
                if not any(state.transaction_state.startswith("Prepare") for state in told):
                    break
                await asyncio.sleep(0.01)
        states = {state.transactional_id: state for state in told}
        assert {states[name].transaction_state for name in IDS} == {self.last}
        assert states["open"].transaction_state == "Ongoing"
        assert {topic.topic for topic in states["open"].topics} == set(LONG_NAMES)
        found = {name: (state.producer_id, state.producer_epoch) for name, state in states.items()}
        assert found == self.producers


class Shares:
    """The state of a share partition, written again and again, and that of one that is left as it was."""

    def __init__(self) -> None:
        self.topic_id = b""
        self.start = 0
        self.begun = False

    async def use(self, client: Client) -> None:
        wanted = MetadataRequest(topics=[MetadataRequestTopic(name="topic")], allow_auto_topic_creation=False)
        self.topic_id = (await client.good(wanted)).topics[0].topic_id
        key = f"group:{uuid_text(self.topic_id)}:0"
        await client.good(FindCoordinatorRequest(key_type=2, coordinator_keys=[key]))
        if not self.begun:
            begun = initialize.PartitionData(partition=0, state_epoch=1, start_offset=0)
            topic = initialize.InitializeStateData(topic_id=self.topic_id, partitions=[begun])
            await client.good(initialize.InitializeShareGroupStateRequest(group_id="group", topics=[topic]))
            self.begun = True
        for _ in range(SHARE_WRITES):
            self.start += 10
            batch = writing.StateBatch(
                first_offset=self.start, last_offset=self.start + 4, delivery_state=2, delivery_count=1
            )
            data = writing.PartitionData(
                partition=0, state_epoch=1, leader_epoch=0, start_offset=self.start, state_batches=[batch]
            )
            state = writing.WriteStateData(topic_id=self.topic_id, partitions=[data])
            await client.good(writing.WriteShareGroupStateRequest(group_id="group", topics=[state]), 0)

    async def check(self, client: Client) -> None:
        partition = reading.PartitionData(partition=0, leader_epoch=0)
        topic = reading.ReadStateData(topic_id=self.topic_id, partitions=[partition])
        answer = await client.good(reading.ReadShareGroupStateRequest(group_id="group", topics=[topic]))
        (told,) = answer.results[0].partitions
        batches = [
            (batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count)
            for batch in told.state_batches
        ]
        assert (told.state_epoch, told.start_offset) == (1, self.start)
        assert batches == [(self.start, self.start + 4, 2, 1)]


class Story:
    def __init__(self, data: Path) -> None:
        self._data = data
        self._parts = (Groups(), Transactions(), Shares())
        self._begun = False

    async def turn(self, address: str) -> None:
        connection = await Connection.open(address)
        client = Client(connection)
        try:
            if self._begun:
                await self.check(client)
            if not self._begun:
                await create_topics(client)
            self._begun = True
            before = await self.share_log_start(client)
            for part in self._parts:
                await part.use(client)
            await self.check(client)
            async with asyncio.timeout(DEADLINE_S):
                for topic in (OFFSETS, TRANSACTIONS):
                    await self.until_compacted(topic)
                # Another process does it, so there is nothing to be woken by.
                while await self.share_log_start(client) <= before + SHARE_WRITES // 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await self.check(client)
        finally:
            connection.close()

    async def check(self, client: Client) -> None:
        for part in self._parts:
            await part.check(client)

    async def share_log_start(self, client: Client) -> int:
        partition = list_offsets.ListOffsetsPartition(partition_index=0, timestamp=-2)
        topic = list_offsets.ListOffsetsTopic(name=SHARES, partitions=[partition])
        answer = await client.ask(list_offsets.ListOffsetsRequest(replica_id=-1, topics=[topic]), 7)
        offset: int = answer.topics[0].partitions[0].offset
        return offset

    async def until_compacted(self, topic: str) -> None:
        """All but the active segment, and what is left of them is small."""
        while True:
            logs = sorted((self._data / f"{topic}-0").glob("*.log"))
            *old, active = logs
            if len(logs) > 1 and cleaner_offset(self._data, topic) >= int(active.stem):
                assert sum(log.stat().st_size for log in old) < SEGMENT_BYTES // 2
                return
            await asyncio.sleep(0.05)


async def create_topics(client: Client) -> None:
    made = [
        CreatableTopic(name=name, num_partitions=count, replication_factor=1, assignments=[], configs=[])
        for name, count in [("topic", PARTITIONS), *((name, 1) for name in LONG_NAMES)]
    ]
    await client.good(CreateTopicsRequest(topics=made, timeout_ms=10_000))


def cleaner_offset(data: Path, topic: str) -> int:
    try:
        lines = (data / "cleaner-offset-checkpoint").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[2]) for line in lines[2:] if line.startswith(f"{topic} 0 ")), 0)


@pytest.mark.long
def test_what_coordinators_know_survives_compaction_and_the_other_node(tmp_path: Path) -> None:
    ottla = OttlaNode(tmp_path / "ottla", SETTINGS)
    kafka = KafkaNode(tmp_path / "kafka", SETTINGS, data=ottla.data)
    story = Story(ottla.data)
    nodes: list[NodeProcess] = [ottla, ottla, kafka, ottla]
    for node in nodes:
        node.start()
        try:
            asyncio.run(story.turn(node.address))
        finally:
            node.kill() if node is ottla else node.close()
    assert "Replaying record" not in kafka.output, "it could not load something"
    assert ottla.errors == []
    for topic, decoder in ((OFFSETS, "--offsets-decoder"), (TRANSACTIONS, "--transaction-log-decoder")):
        output = dump(*(ottla.data / f"{topic}-0").glob("*.log"), options=["--deep-iteration", decoder])
        # Compacted segments have holes, which the tool calls by this name.
        assert [line for line in complaints(output) if not line.startswith("Non-consecutive offsets")] == []
