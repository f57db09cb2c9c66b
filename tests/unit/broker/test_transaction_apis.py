"""Transactions through the handlers, over real logs: who may write, who sees what, restarts, replicas that lag."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.groups import PARTITIONS, GroupNode
from tests.unit.broker.replicas import at, batch, fetch_request, fetch_topic
from tests.unit.broker.transactions import TransactionNode

from ottla.broker.coordinator.transaction_coordinator import TRANSACTION_STATE_TOPIC
from ottla.coordinator.partitioner import partition_for
from ottla.protocol.api.describe_producers import DescribeProducersRequest, DescribeProducersResponse, TopicRequest
from ottla.protocol.api.describe_transactions import DescribeTransactionsRequest, DescribeTransactionsResponse
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.fetch import FetchResponse
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import Response
from ottla.protocol.metadata_record.config_record import ConfigRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

NONE = ErrorCode.NONE


@pytest.fixture
def node(tmp_path: Path) -> TransactionNode:
    node = TransactionNode(tmp_path)
    node.create_topic("t", 2)
    return node


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_of_version_12_makes_its_partition_join(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    assert node.write("x", producer, 0, b"a") is NONE
    assert node.write("x", producer, 1, b"b") is NONE
    assert node.write("x", producer, 0, b"c", partition=1) is NONE
    [described] = node.ask_now(
        DescribeTransactionsRequest(transactional_ids=["x"]), 0, DescribeTransactionsResponse
    ).transaction_states
    assert [(topic.topic, topic.partitions) for topic in described.topics] == [("t", [0, 1])]


def test_a_batch_before_version_12_needs_a_partition_that_joined(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    assert node.write("x", producer, 0, b"a", version=10) is ErrorCode.INVALID_TXN_STATE
    assert node.write("x", producer, 0, b"a", version=11) is ErrorCode.TRANSACTION_ABORTABLE
    assert node.add("x", producer, "t", 0) is NONE
    assert node.write("x", producer, 0, b"a", version=10) is NONE
    assert node.write("x", producer, 1, b"b", version=11) is NONE
    assert node.write("x", producer, 0, b"a", partition=1, version=11) is ErrorCode.TRANSACTION_ABORTABLE
    assert node.partition("t").log.log_end_offset == 2


def test_verification_is_switched_off_and_on_at_run_time(node: TransactionNode) -> None:
    def switch(value: str | None) -> None:
        name = "transaction.partition.verification.enable"
        node.replay(ConfigRecord(resource_type=4, resource_name="", name=name, value=value))

    producer = node.start_producer("x")
    switch("false")
    assert node.write("x", producer, 0, b"a", version=11) is NONE
    switch(None)
    assert node.write("x", producer, 1, b"b", version=11) is NONE, "its log has the transaction open"
    assert node.write("x", producer, 0, b"a", partition=1, version=11) is ErrorCode.TRANSACTION_ABORTABLE


@pytest.mark.parametrize("version", [3, 9, 11, 12])
def test_who_may_not_write(node: TransactionNode, version: int) -> None:
    producer_id, epoch = node.start_producer("x")
    assert node.write(None, (producer_id, epoch), 0, b"a", version=version) is (
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    )
    assert node.write("x", (producer_id, epoch + 1), 0, b"a", version=version) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert node.write("x", (producer_id + 9, 0), 0, b"a", version=version) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert node.write("y", (producer_id, epoch), 0, b"a", version=version) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert node.partition("t").log.log_end_offset == 0


def test_a_fenced_producer_writes_no_more(node: TransactionNode) -> None:
    old = node.start_producer("x")
    node.write("x", old, 0, b"a")
    assert node.init("x")[0] is ErrorCode.CONCURRENT_TRANSACTIONS
    new = node.start_producer("x")
    assert node.write("x", old, 1, b"b") is ErrorCode.INVALID_PRODUCER_EPOCH
    assert node.write("x", new, 0, b"c") is NONE
    assert node.end("x", old, commit=True)[0] is ErrorCode.PRODUCER_FENCED
    assert node.end("x", new, commit=True)[0] is NONE
    assert node.committed_values("t") == [b"c"]


def test_two_producers_in_one_request_are_refused(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    data = [
        PartitionProduceData(
            index=index,
            records=batch(
                b"v", transactional=True, producer_id=producer[0] + index, producer_epoch=producer[1], base_sequence=0
            ),
        )
        for index in (0, 1)
    ]
    request = ProduceRequest(
        transactional_id="x", acks=-1, timeout_ms=0, topic_data=[TopicProduceData(name="t", partition_data=data)]
    )
    answer = node.ask_now(request, 12, ProduceResponse)
    errors = [partition.error_code for partition in answer.responses[0].partition_responses]
    assert errors == [ErrorCode.INVALID_PRODUCER_ID_MAPPING] * 2


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_readers_of_committed_records_wait_for_the_end(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    node.write("x", producer, 0, b"a", b"b")
    data = node.read_partition("t")
    assert (data.high_watermark, data.last_stable_offset, bytes(data.records or b"")) == (2, 0, b"")  # type: ignore[arg-type]
    assert node.read_partition("t", committed=False).records
    _, producer = node.end("x", producer, commit=False)
    node.write("x", producer, 0, b"c")
    assert node.read_partition("t").last_stable_offset == 3
    assert node.committed_values("t") == []
    node.end("x", producer, commit=True)
    assert node.committed_values("t") == [b"c"]


async def test_a_parked_reader_is_told_of_the_end_however_few_bytes_that_is(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    request = fetch_request(fetch_topic("t", at(0)), isolation_level=1, max_wait_ms=60_000, min_bytes=1_000)
    answer = node.fetch(request)
    assert not isinstance(answer, FetchResponse)
    node.write("x", producer, 0, b"v" * 2_000)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    node.end("x", producer, commit=True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert waiting.done()
    assert waiting.result().responses[0].partitions[0].records


def test_only_the_aborted_transactions_within_reach_are_told(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    for _ in range(5):
        node.write("x", producer, 0, b"v" * 5_000)
        _, producer = node.end("x", producer, commit=False)
    request = fetch_request(fetch_topic("t", at(0, max_bytes=5_100)), isolation_level=1)
    [data] = node.fetch_now(request).responses[0].partitions
    told = [each.first_offset for each in data.aborted_transactions or ()]
    assert told[0] == 0
    assert len(told) < 5


# ── offsets ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_offsets_count_when_their_transaction_does(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    assert node.commit_offset("x", producer, "g", 5) is NONE
    assert node.committed_offset("g", stable=False) == -1
    _, producer = node.end("x", producer, commit=True)
    assert node.committed_offset("g") == 5
    assert node.commit_offset("x", producer, "g", 9) is NONE
    assert node.committed_offset("g") is ErrorCode.UNSTABLE_OFFSET_COMMIT
    assert node.committed_offset("g", stable=False) == 5
    node.end("x", producer, commit=False)
    assert node.committed_offset("g") == 5


def test_offsets_of_the_first_version_need_their_group_to_join(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    assert node.commit_offset("x", producer, "g", 5, version=3) is ErrorCode.INVALID_TXN_STATE
    assert node.commit_offset("x", producer, "g", 5, version=4) is ErrorCode.TRANSACTION_ABORTABLE
    assert node.add_offsets("x", producer, "g") is NONE
    assert node.commit_offset("x", producer, "g", 5, version=3) is NONE
    assert node.commit_offset("x", producer, "g", 6, topic="missing") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert node.end("x", producer, commit=True, version=4)[0] is NONE
    assert node.committed_offset("g") == 5


# ── restarts ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("commit", [True, False])
def test_an_open_transaction_outlives_a_restart(tmp_path: Path, node: TransactionNode, commit: bool) -> None:
    producer = node.start_producer("x")
    node.write("x", producer, 0, b"a")
    node.commit_offset("x", producer, "g", 5)
    again = TransactionNode(tmp_path, history=node.history)
    assert again.committed_offset("g") is ErrorCode.UNSTABLE_OFFSET_COMMIT
    assert again.read_partition("t").last_stable_offset == 0
    assert again.write("x", producer, 1, b"b") is NONE
    assert again.end("x", producer, commit=commit)[0] is NONE
    assert again.committed_values("t") == ([b"a", b"b"] if commit else [])
    assert again.committed_offset("g") == (5 if commit else -1)


def test_markers_wait_until_the_group_coordinator_is_loaded(tmp_path: Path, node: TransactionNode) -> None:
    producer = node.start_producer("x")
    node.commit_offset("x", producer, "g", 5)
    assert node.coordinator is not None
    index = node.coordinator.partition_for("g")
    node.coordinator._runtime.resign(index)
    assert node.end("x", producer, commit=True)[0] is NONE
    assert node.init("x")[0] is ErrorCode.CONCURRENT_TRANSACTIONS
    node.coordinator._runtime.elect(index, 0)
    node.timers.advance(0)
    assert node.committed_offset("g") is ErrorCode.UNSTABLE_OFFSET_COMMIT
    node.timers.advance(100)
    assert node.committed_offset("g") == 5
    assert node.init("x")[0] is NONE


def test_partitions_that_are_deleted_need_no_marker(node: TransactionNode) -> None:
    topic_id = node.create_topic("gone")
    producer = node.start_producer("x")
    node.write("x", producer, 0, b"a")
    node.write("x", producer, 0, b"b", topic="gone")
    node.delete_topic(topic_id)
    assert node.end("x", producer, commit=True)[0] is NONE
    assert node.committed_values("t") == [b"a"]
    assert node.init("x")[0] is NONE


# ── replicas that lag ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_answers_wait_for_the_replicas_of_the_transaction_log(tmp_path: Path) -> None:
    node = TransactionNode(tmp_path)
    topic_id = node._image.topics.by_name[TRANSACTION_STATE_TOPIC].topic_id
    index = partition_for("x", 4)
    node.change(topic_id, index, isr=[1, 2])
    partition = node.partition(TRANSACTION_STATE_TOPIC, index)
    node.create_topic("t")
    init = InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=1_000)
    first = asyncio.ensure_future(_waited(node.ask(init, 5, InitProducerIdResponse)))
    second = node.ask_now(init, 5, InitProducerIdResponse)
    assert second.error_code == ErrorCode.CONCURRENT_TRANSACTIONS
    partition.advance_high_watermark(partition.log.log_end_offset)
    answer = await first
    assert isinstance(answer, InitProducerIdResponse)
    assert answer.error_code == NONE
    producer = (answer.producer_id, answer.producer_epoch)
    end = EndTxnRequest(transactional_id="x", producer_id=producer[0], producer_epoch=producer[1], committed=False)
    ended = asyncio.ensure_future(_waited(node.ask(end, 5, EndTxnResponse)))
    await asyncio.sleep(0)
    assert not ended.done()
    partition.advance_high_watermark(partition.log.log_end_offset)
    answer = await ended
    assert isinstance(answer, EndTxnResponse)
    assert (answer.error_code, answer.producer_epoch) == (NONE, producer[1] + 1)


async def test_markers_wait_for_the_replicas_of_a_partition(node: TransactionNode) -> None:
    topic_id = node.create_topic("u")
    producer = node.start_producer("x")
    assert node.write("x", producer, 0, b"a", topic="u") is NONE
    node.move(topic_id, [1, 2])
    partition = node.partition("u")
    assert node.end("x", producer, commit=True)[0] is NONE
    assert node.init("x")[0] is ErrorCode.CONCURRENT_TRANSACTIONS
    partition.advance_high_watermark(partition.log.log_end_offset)
    for _ in range(5):
        await asyncio.sleep(0)
    assert node.init("x")[0] is NONE


async def _waited(answer: Response | Awaitable[Response]) -> Response:
    assert not isinstance(answer, Response), "it was answered at once"
    return await answer


# ── administration ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_who_asks_has_the_topic_made(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    request = FindCoordinatorRequest(key_type=1, coordinator_keys=["x"])
    answer = await _waited(node.ask(request, 6, FindCoordinatorResponse))
    assert isinstance(answer, FindCoordinatorResponse)
    assert (answer.coordinators[0].error_code, answer.coordinators[0].node_id) == (NONE, 1)
    assert node.created == [TRANSACTION_STATE_TOPIC]
    assert node.ask_now(request, 6, FindCoordinatorResponse).coordinators[0].error_code == NONE


def test_transactions_are_listed(node: TransactionNode) -> None:
    for name in ("a1", "a2", "b1"):
        node.start_producer(name)
    producer = node.start_producer("b2")
    node.write("b2", producer, 0, b"v")
    node.clock.ms += 50

    def listed(version: int = 2, **filters: object) -> list[str]:
        request = ListTransactionsRequest(**({"state_filters": [], "producer_id_filters": []} | filters))  # type: ignore[arg-type]
        answer = node.ask_now(request, version, ListTransactionsResponse)
        assert answer.error_code == NONE
        return sorted(each.transactional_id for each in answer.transaction_states)

    assert listed() == ["a1", "a2", "b1", "b2"]
    assert listed(0, state_filters=["Ongoing"]) == ["b2"]
    assert listed(0, producer_id_filters=[producer[0]]) == ["b2"]
    assert listed(1, state_filters=["Ongoing"], duration_filter=49) == ["b2"]
    assert listed(1, state_filters=["Ongoing"], duration_filter=50) == []
    assert listed(transactional_id_pattern="a.") == ["a1", "a2"]
    assert listed(transactional_id_pattern="a") == []
    node.start_producer("c/1 é")
    assert listed(transactional_id_pattern="c/. .*") == ["c/1 é"]
    assert listed(transactional_id_pattern="((a|a)*)*b?[0-9]") == ["a1", "a2", "b1", "b2"]
    node.start_producer("/" * 200)
    assert listed(transactional_id_pattern="(/*)*b") == []
    strange = ListTransactionsRequest(state_filters=["Strange"], producer_id_filters=[])
    answer = node.ask_now(strange, 2, ListTransactionsResponse)
    assert (answer.unknown_state_filters, answer.transaction_states) == (["Strange"], [])
    broken = ListTransactionsRequest(state_filters=[], producer_id_filters=[], transactional_id_pattern="(")
    assert node.ask_now(broken, 2, ListTransactionsResponse).error_code == ErrorCode.INVALID_REGULAR_EXPRESSION


def test_a_hanging_transaction_is_found_and_ended_by_hand(node: TransactionNode) -> None:
    producer = node.start_producer("x")
    node.write("x", producer, 0, b"a")
    describe = DescribeProducersRequest(topics=[TopicRequest(name="t", partition_indexes=[0, 7])])
    found, missing = node.ask_now(describe, 0, DescribeProducersResponse).topics[0].partitions
    assert missing.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    [state] = found.active_producers
    assert (state.producer_id, state.producer_epoch, state.current_txn_start_offset) == (*producer, 0)
    marker = WritableTxnMarker(
        producer_id=producer[0],
        producer_epoch=producer[1],
        transaction_result=False,
        topics=[WritableTxnMarkerTopic(name="t", partition_indexes=[0, 7])],
        coordinator_epoch=0,
    )
    [written] = node.ask_now(WriteTxnMarkersRequest(markers=[marker]), 1, WriteTxnMarkersResponse).markers
    errors = {each.partition_index: each.error_code for each in written.topics[0].partitions}
    assert errors == {0: NONE, 7: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert node.read_partition("t").last_stable_offset == 2
    assert node.committed_values("t") == []


class ReplicatedNode(TransactionNode):
    """Its `__transaction_state` has a second replica, which is in sync when the test says so."""

    def make_transaction_topic(self, **how: object) -> bytes:
        self.state_topic = super().make_transaction_topic(replicas=[1, 2])
        for index in range(PARTITIONS):
            self.change(self.state_topic, index, isr=[1])
        return self.state_topic


async def test_a_decision_that_is_committed_late_is_carried_out(tmp_path: Path) -> None:
    node = ReplicatedNode(tmp_path)
    node.create_topic("t")
    producer = node.start_producer("x")
    assert node.write("x", producer, 0, b"a") is ErrorCode.NONE
    index = partition_for("x", PARTITIONS)
    node.change(node.state_topic, index, isr=[1, 2])
    request = EndTxnRequest(transactional_id="x", producer_id=producer[0], producer_epoch=producer[1], committed=True)
    answer = node.ask(request, 5, EndTxnResponse)
    assert not isinstance(answer, Response)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    node.timers.advance(30_000)
    assert (await waiting).error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert node.committed_values("t") == []
    node.change(node.state_topic, index, isr=[1])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert node.committed_values("t") == [b"a"]
    error, _ = node.end("x", producer, commit=True)  # asked again
    assert error is ErrorCode.NONE
