"""What coordinators ask of other brokers: markers, enrolment in transactions, states of share partitions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.broker.brokers import PlayedPeers, image_of, topic_id
from tests.unit.broker.replicas import ManualClock, ManualTimers, Replicas, batch, over_the_wire

from ottla.broker.apis.produce import ProduceHandler
from ottla.broker.coordinator.cluster_enrolment import ClusterEnrolment
from ottla.broker.coordinator.cluster_markers import ClusterMarkers
from ottla.broker.coordinator.cluster_share_states import ClusterShareStates
from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.produce_enrolment import ProduceEnrolment
from ottla.broker.peer.connection import PeerError
from ottla.coordinator.share.shard import Refusal, Write
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.coordinator.share.state_batch import StateBatch
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.protocol.api import read_share_group_state, write_share_group_state
from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
)
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api.write_txn_markers import (
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from ottla.metadata.image import MetadataImage

ME, OTHER, THIRD = 1, 2, 3
MARKER = Marker(9, 4, 7, commit=True, transaction_version=2)
HERE, THERE, NOWHERE = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("t", 2)


class LocalMarkers:
    def __init__(self) -> None:
        self.written: list[TopicPartition] = []

    def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, ErrorCode]:
        there = list(partitions)
        self.written += there
        return dict.fromkeys(there, ErrorCode.NONE)


class MarkerHouse:
    def __init__(self) -> None:
        self.image = image_of({"t": [ME, OTHER, -1]})
        self.peers, self.local = PlayedPeers(), LocalMarkers()
        self.markers = ClusterMarkers(
            self.local,  # type: ignore[arg-type]  # only what is asked of it
            self.peers,  # type: ignore[arg-type]
            lambda: self.image,
            node_id=ME,
            timeout_ms=1000,
        )

    async def answer(self, errors: Mapping[TopicPartition, ErrorCode]) -> WriteTxnMarkersRequest:
        asked = await self.peers.next()
        assert isinstance(asked.request, WriteTxnMarkersRequest)
        asked.answer.set_result(
            WriteTxnMarkersResponse(
                markers=[
                    WritableTxnMarkerResult(
                        producer_id=marker.producer_id,
                        topics=[
                            WritableTxnMarkerTopicResult(
                                name=partition.topic,
                                partitions=[
                                    WritableTxnMarkerPartitionResult(
                                        partition_index=partition.partition, error_code=error
                                    )
                                ],
                            )
                            for partition, error in errors.items()
                        ],
                    )
                    for marker in asked.request.markers
                ]
            )
        )
        return asked.request


async def eventually(answer: Any) -> Any:
    return await asyncio.wait_for(asyncio.ensure_future(answer), 5)


async def test_markers_led_here_are_written_at_once() -> None:
    house = MarkerHouse()
    assert house.markers.write(MARKER, [HERE]) == {HERE: ErrorCode.NONE}
    assert house.peers.asked.empty()


async def test_markers_go_to_the_leaders_of_their_partitions() -> None:
    house = MarkerHouse()
    waiting = asyncio.ensure_future(house.markers.write(MARKER, [HERE, THERE, NOWHERE]))  # type: ignore[arg-type]
    request = await house.answer({THERE: ErrorCode.NONE})
    [sent] = request.markers
    assert (sent.producer_id, sent.producer_epoch, sent.coordinator_epoch) == (9, 4, 7)
    assert (sent.transaction_result, sent.transaction_version) == (True, 2)
    assert [(topic.name, topic.partition_indexes) for topic in sent.topics] == [("t", [1])]
    assert await eventually(waiting) == {
        HERE: ErrorCode.NONE,
        THERE: ErrorCode.NONE,
        NOWHERE: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    }


async def test_markers_that_come_meanwhile_go_together() -> None:
    house = MarkerHouse()
    waiting = [
        asyncio.ensure_future(house.markers.write(MARKER._replace(producer_id=id_), [THERE]))  # type: ignore[arg-type]
        for id_ in (1, 2, 3)
    ]
    assert len((await house.answer({THERE: ErrorCode.NONE})).markers) == 3
    for each in waiting:
        assert await eventually(each) == {THERE: ErrorCode.NONE}


@pytest.mark.parametrize(
    ("told", "means"),
    [
        (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_PRODUCER_EPOCH),
        (ErrorCode.TRANSACTION_COORDINATOR_FENCED, ErrorCode.TRANSACTION_COORDINATOR_FENCED),
        (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_LEADER_OR_FOLLOWER),
        (ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    ],
)
async def test_only_what_is_final_ends_a_marker(told: ErrorCode, means: ErrorCode) -> None:
    house = MarkerHouse()
    waiting = asyncio.ensure_future(house.markers.write(MARKER, [THERE]))  # type: ignore[arg-type]
    await house.answer({THERE: told})
    assert await eventually(waiting) == {THERE: means}


async def test_markers_of_a_broker_that_is_gone_are_to_be_tried_again() -> None:
    house = MarkerHouse()
    waiting = asyncio.ensure_future(house.markers.write(MARKER, [THERE]))  # type: ignore[arg-type]
    (await house.peers.next()).answer.set_exception(PeerError("gone"))
    assert await eventually(waiting) == {THERE: ErrorCode.NOT_LEADER_OR_FOLLOWER}
    house.peers.unknown.add(OTHER)
    assert await eventually(house.markers.write(MARKER, [THERE])) == {THERE: ErrorCode.NOT_LEADER_OR_FOLLOWER}


async def test_markers_that_wait_when_this_node_stops_are_given_up() -> None:
    """Under way or behind that: whoever waits for one is told."""
    house = MarkerHouse()
    waiting = [asyncio.ensure_future(house.markers.write(MARKER, [THERE]))]  # type: ignore[arg-type]
    await house.peers.next()
    waiting.append(asyncio.ensure_future(house.markers.write(MARKER, [THERE])))  # type: ignore[arg-type]
    house.markers.close()
    waiting.append(asyncio.ensure_future(house.markers.write(MARKER, [THERE])))  # type: ignore[arg-type]
    for each in waiting:
        assert await eventually(each) == {THERE: ErrorCode.NOT_LEADER_OR_FOLLOWER}


async def test_markers_that_wait_when_a_batch_fails_unexpectedly_are_given_up() -> None:
    house = MarkerHouse()
    waiting = [asyncio.ensure_future(house.markers.write(MARKER, [THERE])) for _ in range(2)]  # type: ignore[arg-type]
    (await house.peers.next()).answer.set_exception(RuntimeError("a bug"))
    for each in waiting:
        assert await eventually(each) == {THERE: ErrorCode.NOT_LEADER_OR_FOLLOWER}
    again = asyncio.ensure_future(house.markers.write(MARKER, [THERE]))  # type: ignore[arg-type]
    await house.answer({THERE: ErrorCode.NONE})
    assert await eventually(again) == {THERE: ErrorCode.NONE}


# -- enrolment


class LocalTransactions:
    verifies = True

    def partition_for(self, transactional_id: str) -> int:
        return {"mine": 0, "theirs": 1, "lost": 2}[transactional_id]

    def enroll(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Collection[TopicPartition],
        *,
        adds: bool,
        knows_abortable: bool,
    ) -> dict[TopicPartition, ErrorCode]:
        return dict.fromkeys(partitions, ErrorCode.NONE)


class EnrolmentHouse:
    def __init__(self) -> None:
        self.image = image_of({"__transaction_state": [ME, OTHER, -1]})
        self.peers, self.local = PlayedPeers(), LocalTransactions()
        self.enrolment = ClusterEnrolment(
            self.local,  # type: ignore[arg-type]  # only what is asked of it
            self.peers,  # type: ignore[arg-type]
            lambda: self.image,
            node_id=ME,
            timeout_ms=1000,
        )

    def enroll(self, transactional_id: str, *, adds: bool = True, knows_abortable: bool = True) -> Any:
        return self.enrolment.enroll(transactional_id, 9, 4, [HERE, THERE], adds=adds, knows_abortable=knows_abortable)

    async def answer(self, *errors: ErrorCode, whole: ErrorCode = ErrorCode.NONE) -> AddPartitionsToTxnRequest:
        asked = await self.peers.next()
        assert isinstance(asked.request, AddPartitionsToTxnRequest)
        results = [
            AddPartitionsToTxnResult(
                transactional_id=transaction.transactional_id,
                topic_results=[
                    AddPartitionsToTxnTopicResult(
                        name="t",
                        results_by_partition=[
                            AddPartitionsToTxnPartitionResult(partition_index=index, partition_error_code=error)
                            for index, error in enumerate(errors)
                        ],
                    )
                ],
            )
            for transaction in asked.request.transactions
        ]
        asked.answer.set_result(AddPartitionsToTxnResponse(error_code=whole, results_by_transaction=results))
        return asked.request


async def test_a_transaction_coordinated_here_is_asked_for_here() -> None:
    house = EnrolmentHouse()
    assert house.enroll("mine") == {HERE: ErrorCode.NONE, THERE: ErrorCode.NONE}
    assert house.enroll("lost") == dict.fromkeys((HERE, THERE), ErrorCode.COORDINATOR_NOT_AVAILABLE)


@pytest.mark.parametrize("adds", [True, False])
async def test_a_transaction_coordinated_elsewhere_is_asked_for_there(adds: bool) -> None:
    house = EnrolmentHouse()
    waiting = asyncio.ensure_future(house.enroll("theirs", adds=adds))
    request = await house.answer(ErrorCode.NONE, ErrorCode.PRODUCER_FENCED)
    [sent] = request.transactions
    assert (sent.transactional_id, sent.producer_id, sent.producer_epoch) == ("theirs", 9, 4)
    assert sent.verify_only is not adds
    assert [(topic.name, topic.partitions) for topic in sent.topics] == [("t", [0, 1])]
    # As producers know it.
    assert await eventually(waiting) == {HERE: ErrorCode.NONE, THERE: ErrorCode.INVALID_PRODUCER_EPOCH}


async def test_an_older_producer_is_not_told_that_it_may_abort() -> None:
    house = EnrolmentHouse()
    waiting = asyncio.ensure_future(house.enroll("theirs", adds=False, knows_abortable=False))
    await house.answer(ErrorCode.TRANSACTION_ABORTABLE, ErrorCode.NONE)
    assert (await eventually(waiting))[HERE] is ErrorCode.INVALID_TXN_STATE


async def test_two_batches_of_one_transaction_are_asked_for_one_after_the_other() -> None:
    house = EnrolmentHouse()
    first, second = (asyncio.ensure_future(house.enroll("theirs")) for _ in range(2))
    assert len((await house.answer(ErrorCode.NONE, ErrorCode.NONE)).transactions) == 1
    assert len((await house.answer(ErrorCode.CONCURRENT_TRANSACTIONS, ErrorCode.NONE)).transactions) == 1
    assert (await eventually(first))[HERE] is ErrorCode.NONE
    assert (await eventually(second))[HERE] is ErrorCode.CONCURRENT_TRANSACTIONS


async def test_a_coordinator_that_is_gone_or_refuses() -> None:
    house = EnrolmentHouse()
    waiting = asyncio.ensure_future(house.enroll("theirs"))
    (await house.peers.next()).answer.set_exception(PeerError("gone"))
    assert set((await eventually(waiting)).values()) == {ErrorCode.COORDINATOR_NOT_AVAILABLE}
    waiting = asyncio.ensure_future(house.enroll("theirs"))
    await house.answer(whole=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    assert set((await eventually(waiting)).values()) == {ErrorCode.INVALID_TXN_STATE}


async def test_nobody_is_asked_where_nothing_is_verified() -> None:
    house = EnrolmentHouse()
    house.local.verifies = False
    assert house.enroll("theirs", adds=False) == {}


# -- share partitions

KEY = SharePartitionKey("g", topic_id("t"), 3)


class LocalStates:
    def __init__(self) -> None:
        self.written: list[Write] = []

    def partition_for(self, coordinator_key: str) -> int:
        return 0

    def write(self, key: SharePartitionKey, write: Write) -> Refusal | None:
        self.written.append(write)
        return None


class StateHouse:
    def __init__(self, coordinator: int = OTHER) -> None:
        self.image: MetadataImage = image_of({"__share_group_state": [coordinator]})
        self.peers, self.local = PlayedPeers(), LocalStates()
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.states = ClusterShareStates(
            self.local,  # type: ignore[arg-type]  # only what is asked of it
            self.peers,  # type: ignore[arg-type]
            lambda: self.image,
            self.timers,
            node_id=ME,
            timeout_ms=1000,
        )

    async def answer_write(self, error: ErrorCode) -> write_share_group_state.PartitionData:
        asked = await self.peers.next()
        request = asked.request
        assert isinstance(request, write_share_group_state.WriteShareGroupStateRequest)
        assert (request.group_id, request.topics[0].topic_id) == (KEY.group_id, KEY.topic_id)
        result = write_share_group_state.PartitionResult(partition=3, error_code=error)
        asked.answer.set_result(
            write_share_group_state.WriteShareGroupStateResponse(
                results=[write_share_group_state.WriteStateResult(topic_id=KEY.topic_id, partitions=[result])]
            )
        )
        return request.topics[0].partitions[0]

    async def wait_ms(self, ms: int) -> None:
        await asyncio.wait_for(self.timers.armed.wait(), 5)
        self.timers.armed.clear()
        self.timers.advance(ms)


def a_write(start_offset: int) -> Write:
    return Write(5, 6, start_offset, 2, [StateBatch(start_offset, start_offset + 3, 2, 1)])


async def test_a_state_kept_here_is_written_here() -> None:
    house = StateHouse(ME)
    assert house.states.write(KEY, a_write(0)) is None
    assert house.local.written == [a_write(0)]


async def test_a_state_kept_elsewhere_is_read_there() -> None:
    house = StateHouse()
    waiting = asyncio.ensure_future(house.states.read(KEY, 6))  # type: ignore[arg-type]
    asked = await house.peers.next()
    request = asked.request
    assert isinstance(request, read_share_group_state.ReadShareGroupStateRequest)
    assert request.topics[0].partitions[0].leader_epoch == 6
    batch = read_share_group_state.StateBatch(first_offset=1, last_offset=4, delivery_state=2, delivery_count=1)
    result = read_share_group_state.PartitionResult(
        partition=3, error_code=0, state_epoch=5, start_offset=1, state_batches=[batch]
    )
    asked.answer.set_result(
        read_share_group_state.ReadShareGroupStateResponse(
            results=[read_share_group_state.ReadStateResult(topic_id=KEY.topic_id, partitions=[result])]
        )
    )
    state = await eventually(waiting)
    assert isinstance(state, SharePartitionState)
    assert (state.state_epoch, state.start_offset, state.state_batches) == (5, 1, [StateBatch(1, 4, 2, 1)])


async def test_writes_of_one_share_partition_keep_their_order_through_retries() -> None:
    house = StateHouse()
    first, second = (asyncio.ensure_future(house.states.write(KEY, a_write(at))) for at in (0, 10))  # type: ignore[arg-type]
    assert (await house.answer_write(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)).start_offset == 0
    await house.wait_ms(100)
    assert (await house.answer_write(ErrorCode.NONE)).start_offset == 0
    written = await house.answer_write(ErrorCode.NONE)
    assert (written.start_offset, written.state_epoch, written.leader_epoch) == (10, 5, 6)
    assert await eventually(first) is None
    assert await eventually(second) is None


async def test_a_coordinator_that_moved_is_followed() -> None:
    house = StateHouse()
    waiting = asyncio.ensure_future(house.states.write(KEY, a_write(0)))  # type: ignore[arg-type]
    await house.answer_write(ErrorCode.NOT_COORDINATOR)
    house.image = image_of({"__share_group_state": [ME]})
    await house.wait_ms(100)
    assert await eventually(waiting) is None
    assert house.local.written == [a_write(0)]


async def test_what_is_refused_is_not_tried_again_and_what_is_away_not_forever() -> None:
    house = StateHouse()
    waiting = asyncio.ensure_future(house.states.write(KEY, a_write(0)))  # type: ignore[arg-type]
    await house.answer_write(ErrorCode.FENCED_STATE_EPOCH)
    refusal = await eventually(waiting)
    assert refusal.error is ErrorCode.FENCED_STATE_EPOCH
    house.peers.unknown.add(OTHER)
    waiting = asyncio.ensure_future(house.states.write(KEY, a_write(0)))  # type: ignore[arg-type]
    for pause_ms in (100, 200, 400, 800):
        await house.wait_ms(pause_ms)
    refusal = await eventually(waiting)
    assert refusal.error is ErrorCode.COORDINATOR_NOT_AVAILABLE


# -- batches that wait for their transaction


class SlowEnrolment:
    """Answers when the test does."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[dict[TopicPartition, ErrorCode]]] = []

    def enroll(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Collection[TopicPartition],
        *,
        adds: bool,
        knows_abortable: bool,
    ) -> asyncio.Future[dict[TopicPartition, ErrorCode]]:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


class ProduceHouse:
    def __init__(self, directory: Path) -> None:
        self.replicas = Replicas(directory)
        self.replicas.create_topic("t", 2)
        self.enrolment = SlowEnrolment()
        manager = self.replicas.manager
        enrolment = ProduceEnrolment(manager, self.enrolment)
        self.handler = ProduceHandler(manager, self.replicas.clock, self.replicas.timers, enrolment)

    def produce(self, batches: Mapping[int, bytes]) -> Any:
        data = [PartitionProduceData(index=index, records=records) for index, records in batches.items()]
        request = ProduceRequest(
            transactional_id="x", acks=-1, timeout_ms=1000, topic_data=[TopicProduceData(name="t", partition_data=data)]
        )
        answer = self.handler(self.replicas.context(request, 11), over_the_wire(request, 11))
        return asyncio.ensure_future(answer) if asyncio.iscoroutine(answer) else answer

    def mark(self, index: int) -> None:
        marker = Marker(9, 0, 0, commit=False, transaction_version=1)
        outcome = self.replicas.manager.append_marker("t", index, marker.batch(self.replicas.clock.now_ms()), 1)
        assert outcome.error is ErrorCode.NONE

    async def begin(self, index: int) -> None:
        """The transaction is open in the partition."""
        waiting = self.produce({index: a_batch(0)})
        self.enrolment.waiting.pop().set_result({})
        assert codes(await eventually(waiting)) == {index: 0}


def a_batch(sequence: int) -> bytes:
    return batch(b"v", producer_id=9, producer_epoch=0, base_sequence=sequence, transactional=True)


def codes(response: ProduceResponse) -> dict[int, int]:
    return {one.index: one.error_code for topic in response.responses for one in topic.partition_responses}


async def test_a_marker_that_comes_while_the_coordinator_is_asked_keeps_the_batch_out(tmp_path: Path) -> None:
    house = ProduceHouse(tmp_path)
    waiting = house.produce({0: a_batch(0), 1: a_batch(0)})
    house.mark(0)
    house.enrolment.waiting.pop().set_result({})
    assert codes(await eventually(waiting)) == {0: ErrorCode.NOT_ENOUGH_REPLICAS, 1: ErrorCode.NONE}


async def test_no_request_overtakes_one_whose_transaction_is_asked_about(tmp_path: Path) -> None:
    house = ProduceHouse(tmp_path)
    await house.begin(1)
    first = house.produce({0: a_batch(0), 1: a_batch(1)})
    second = house.produce({1: a_batch(2)})
    await asyncio.sleep(0)
    house.enrolment.waiting.pop().set_result({})
    assert codes(await eventually(first)) == {0: 0, 1: 0}
    assert codes(await eventually(second)) == {1: 0}
    third = house.produce({1: a_batch(3)})  # and then nothing waits any more
    assert codes(third) == {1: 0}
