"""Coordinators with a follower: reads see what is committed, answers tell of nothing that a failover takes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.unit.broker.groups import PARTITIONS, GroupNode
from tests.unit.broker.replicas import NODE_ID, at, fetch_request, fetch_topic
from tests.unit.broker.test_leadership import AskedIsr

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC
from ottla.broker.coordinator.transaction_coordinator import TRANSACTION_STATE_TOPIC
from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.protocol.api.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.api.fetch import ReplicaState
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.api.list_transactions import ListTransactionsRequest
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.api.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
FOLLOWER = 2


class Followed(GroupNode):
    """Its internal topics have a follower, which has what it is told to have."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, isr_changes=AskedIsr())
        self.register_broker(FOLLOWER, 9093, epoch=20)
        self.create_topic("t")
        self.topics = {
            GROUP_METADATA_TOPIC: self.make_offsets_topic(replicas=(NODE_ID, FOLLOWER)),
            TRANSACTION_STATE_TOPIC: self.make_transaction_topic(replicas=(NODE_ID, FOLLOWER)),
        }

    def follow(self, topic: str = GROUP_METADATA_TOPIC) -> None:
        """The follower has all of the topic."""
        for index in range(PARTITIONS):
            end = self.partition(topic, index).log.log_end_offset
            asked = fetch_topic(self.topics[topic], at(end, index, epoch=0))
            self.fetch_now(fetch_request(asked, replica_state=ReplicaState(replica_id=FOLLOWER, replica_epoch=20)), 17)

    def commit(self, group_id: str, offset: int) -> OffsetCommitResponse | Awaitable[OffsetCommitResponse]:
        topic = OffsetCommitRequestTopic(
            name="t",
            partitions=[
                OffsetCommitRequestPartition(partition_index=0, committed_offset=offset, committed_metadata="")
            ],
        )
        return self.ask(OffsetCommitRequest(group_id=group_id, member_id="", topics=[topic]), 9, OffsetCommitResponse)

    def offsets(
        self, group_id: str, *, require_stable: bool = False
    ) -> OffsetFetchResponse | Awaitable[OffsetFetchResponse]:
        group = OffsetFetchRequestGroup(group_id=group_id, topics=None)
        request = OffsetFetchRequest(groups=[group], require_stable=require_stable)
        return self.ask(request, 9, OffsetFetchResponse)

    def listed(self) -> list[str]:
        answer = self.ask_now(ListGroupsRequest(), 5, ListGroupsResponse)
        assert answer.error_code == ErrorCode.NONE
        return [group.group_id for group in answer.groups]


@pytest.fixture
def node(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def waiting(answer: T | Awaitable[T]) -> asyncio.Future[T]:
    assert isinstance(answer, Awaitable), answer
    return asyncio.ensure_future(answer)


def told(answer: OffsetFetchResponse | Awaitable[OffsetFetchResponse]) -> list[int]:
    assert isinstance(answer, OffsetFetchResponse), "reads do not wait"
    return [each.committed_offset for topic in answer.groups[0].topics for each in topic.partitions]


async def test_an_offset_is_read_when_it_is_committed(node: Followed) -> None:
    first = waiting(node.commit("g", 5))
    assert (told(node.offsets("g")), node.listed()) == ([], [])
    node.follow()
    await first
    assert (told(node.offsets("g")), node.listed()) == ([5], ["g"])
    second = waiting(node.commit("g", 6))
    third = waiting(node.commit("g", 7))
    assert told(node.offsets("g")) == [5]
    node.follow()
    await second
    await third
    assert told(node.offsets("g")) == [7]


async def test_a_stable_offset_is_waited_for(node: Followed) -> None:
    """As Apache Kafka does, which takes such a read for a write."""
    committed = waiting(node.commit("g", 5))
    read = waiting(node.offsets("g", require_stable=True))
    await asyncio.sleep(0)
    assert not read.done()
    node.follow()
    await committed
    assert told(await read) == [5]


async def test_what_a_failover_takes_back_was_never_read(node: Followed) -> None:
    committed = waiting(node.commit("g", 5))
    read = waiting(node.offsets("g", require_stable=True))
    assert told(node.offsets("g")) == []
    node.change(node.topics[GROUP_METADATA_TOPIC], partition_for("g", PARTITIONS), leader=FOLLOWER)
    assert (await read).groups[0].error_code == ErrorCode.NOT_COORDINATOR
    await committed


async def test_what_was_loaded_is_not_committed_by_that(node: Followed) -> None:
    """A new leader does not know yet what is committed of what it has: perhaps more than what it knows to be.

    Found by simulation: cluster-cluster-killed, seed 2381.
    """
    first = waiting(node.commit("g", 5))
    node.follow()
    await first
    second = waiting(node.commit("g", 6))
    node.start_coordinator()
    node.load()
    read = node.offsets("g")
    assert isinstance(read, OffsetFetchResponse)
    assert read.groups[0].error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    node.follow()
    assert told(node.offsets("g")) == [6]
    await second


async def test_a_heartbeat_tells_of_nothing_that_may_be_taken_back(node: Followed) -> None:
    groups = node.coordinator
    assert groups is not None

    class Client:
        api_version, client_id, client_host = 1, "c", "h"

    def beat(epoch: int) -> ConsumerGroupHeartbeatResponse | Awaitable[ConsumerGroupHeartbeatResponse]:
        assert groups is not None
        joins = epoch == 0
        request = ConsumerGroupHeartbeatRequest(
            group_id="g",
            member_id="m",
            member_epoch=epoch,
            rebalance_timeout_ms=1_000 if joins else -1,
            subscribed_topic_names=["t"] if joins else None,
            topic_partitions=[] if joins else None,
        )
        return groups.consumer_group_heartbeat(Client(), request)

    joined = waiting(beat(0))
    again = waiting(beat(2))
    assert groups.describe_consumer_group("g").error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert node.listed() == []
    await asyncio.sleep(0)
    assert not joined.done()
    assert not again.done()
    node.follow()
    assert (await joined).member_epoch == 2
    assert (await again).member_epoch == 2
    assert [member.member_id for member in groups.describe_consumer_group("g").members] == ["m"]
    assert isinstance(beat(2), ConsumerGroupHeartbeatResponse), "nothing is to be waited for"


async def test_what_a_disk_has_lost_is_not_answered_from(node: Followed) -> None:
    """Metadata that says who coordinates may come late. Found by simulation: cluster-combined-disks, seed 2125."""
    transactions = node.transactions
    assert transactions is not None
    made = transactions.init_producer_id(InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=1_000))
    assert isinstance(made, Awaitable)
    node.follow(TRANSACTION_STATE_TOPIC)
    producer = await made

    def add() -> ErrorCode | Awaitable[ErrorCode]:
        return transactions.add_partitions("x", producer.producer_id, producer.producer_epoch, wanted, 2)

    wanted = [TopicPartition("t", 0)]
    added = add()
    assert isinstance(added, Awaitable)
    node.manager.disk_failed(node.partition(TRANSACTION_STATE_TOPIC, partition_for("x", PARTITIONS)), OSError())
    assert await added is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert add() is ErrorCode.NOT_COORDINATOR


async def test_a_transaction_is_described_as_it_is_committed(node: Followed) -> None:
    transactions = node.transactions
    assert transactions is not None

    def listed() -> list[str]:
        assert transactions is not None
        answer = transactions.list_transactions(ListTransactionsRequest(state_filters=[], producer_id_filters=[]), None)
        return [each.transaction_state for each in answer.transaction_states]

    async def init() -> InitProducerIdResponse:
        assert transactions is not None
        request = InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=1_000)
        answer = transactions.init_producer_id(request)
        assert isinstance(answer, Awaitable)
        node.follow(TRANSACTION_STATE_TOPIC)
        return await answer

    made = await init()
    added = transactions.add_partitions("x", made.producer_id, made.producer_epoch, [TopicPartition("t", 0)], 2)
    assert isinstance(added, Awaitable)
    assert (transactions.describe_transaction("x").transaction_state, listed()) == ("Empty", ["Empty"])
    node.follow(TRANSACTION_STATE_TOPIC)
    assert await added is ErrorCode.NONE
    assert (transactions.describe_transaction("x").transaction_state, listed()) == ("Ongoing", ["Ongoing"])


async def test_a_loaded_transaction_is_gone_on_with_when_it_is_committed(node: Followed) -> None:
    """A batch that was taken for it would be in no transaction after the next failover, or in the next one.

    Found by simulation: cluster-cluster-far-apart, seed 100043.
    """
    wanted = [TopicPartition("t", 0)]

    def asked() -> list[object]:
        assert node.transactions is not None
        who = made.producer_id, made.producer_epoch
        added = node.transactions.add_partitions("x", *who, wanted, 2)
        return [added, *node.transactions.verify_partitions("x", *who, wanted).values()]

    assert node.transactions is not None
    answer = node.transactions.init_producer_id(
        InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=1_000)
    )
    assert isinstance(answer, Awaitable)
    node.follow(TRANSACTION_STATE_TOPIC)
    made = await answer
    added, _ = asked()
    assert isinstance(added, Awaitable)
    node.start_coordinator()
    node.load()
    assert asked() == [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS] * 2
    node.follow(TRANSACTION_STATE_TOPIC)
    assert await added is ErrorCode.NONE
    assert asked() == [ErrorCode.NONE] * 2
