"""Produce: what is taken, what is refused and how, and what waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, START_MS, Replicas, batch, over_the_wire, partition_of, records_of

from ottla.broker.replica.replica_manager import AppendOutcome
from ottla.protocol.api.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = range(3, 14)
OTHER_NODE = 2


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    return Replicas(tmp_path)


def answered(answer: object) -> PartitionProduceResponse:
    assert isinstance(answer, PartitionProduceResponse), answer
    return answer


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_appends_and_answers_with_the_base_offset(replicas: Replicas, version: int) -> None:
    topic_id = replicas.create_topic("t")
    topic = topic_id if version >= 13 else "t"
    first = answered(replicas.produce(topic, batch(b"a", b"b"), version=version))
    second = answered(replicas.produce(topic, batch(b"c"), version=version, acks=1))
    assert (first.error_code, first.base_offset, second.base_offset) == (0, 0, 2)
    assert second.log_append_time_ms == -1
    assert second.log_start_offset == (0 if version >= 5 else -1)
    partition = replicas.partition("t")
    assert partition.log.log_end_offset == partition.log.high_watermark == 3
    assert [record.value for record in records_of(partition.read_bytes(0, 1000))] == [b"a", b"b", b"c"]


def test_a_request_with_many_topics_is_answered_in_its_order(replicas: Replicas) -> None:
    replicas.create_topic("t", 2)
    replicas.create_topic("u")
    one = batch(b"x")
    request = ProduceRequest(
        acks=1,
        timeout_ms=1000,
        topic_data=[
            TopicProduceData(
                name="t",
                partition_data=[PartitionProduceData(index=index, records=one) for index in (1, 0, 7)],
            ),
            TopicProduceData(name="nobody", partition_data=[PartitionProduceData(index=0, records=one)]),
            TopicProduceData(name="u", partition_data=[PartitionProduceData(index=0, records=one)]),
        ],
    )
    response = replicas.produce_handler(replicas.context(request, 9), over_the_wire(request, 9))
    assert isinstance(response, ProduceResponse)
    assert [
        (topic.name, partition.index, partition.error_code)
        for topic in response.responses
        for partition in topic.partition_responses
    ] == [("t", 1, 0), ("t", 0, 0), ("t", 7, 3), ("nobody", 0, 3), ("u", 0, 0)]


def test_an_empty_request_is_answered_with_nothing(replicas: Replicas) -> None:
    request = ProduceRequest(acks=1, timeout_ms=1, topic_data=[])
    response = replicas.produce_handler(replicas.context(request, 9), request)
    assert isinstance(response, ProduceResponse)
    assert response.responses == []


@pytest.mark.parametrize("acks", [2, -2, 32767])
def test_other_acks_are_refused(replicas: Replicas, acks: int) -> None:
    replicas.create_topic("t")
    assert answered(replicas.produce("t", batch(b"a"), acks=acks)).error_code == ErrorCode.INVALID_REQUIRED_ACKS
    assert replicas.partition("t").log.log_end_offset == 0


def test_without_acks_there_is_no_answer_and_an_error_is_raised_to_close_the_connection(replicas: Replicas) -> None:
    replicas.create_topic("t")
    assert replicas.produce("t", batch(b"a"), acks=0) is None
    assert replicas.partition("t").log.log_end_offset == 1
    with pytest.raises(KafkaError) as raised:
        replicas.produce("nobody", batch(b"a"), acks=0)
    assert raised.value.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_an_id_that_nobody_knows(replicas: Replicas) -> None:
    replicas.create_topic("t")
    unknown = answered(replicas.produce(b"\x07" * 16, batch(b"a"), version=13))
    assert unknown.error_code == ErrorCode.UNKNOWN_TOPIC_ID
    assert (unknown.base_offset, unknown.log_append_time_ms, unknown.log_start_offset) == (-1, -1, -1)


@pytest.mark.parametrize("version", [9, 10, 12])
def test_another_leader_is_named_with_its_endpoint_since_version_10(replicas: Replicas, version: int) -> None:
    replicas.register_broker(OTHER_NODE, 9093)
    topic_id = replicas.create_topic("t", replicas=(NODE_ID, OTHER_NODE))
    replicas.change(topic_id, leader=OTHER_NODE)
    request = ProduceRequest(
        acks=1,
        timeout_ms=1,
        topic_data=[
            TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batch(b"a"))]),
        ],
    )
    response = replicas.produce_handler(replicas.context(request, version), over_the_wire(request, version))
    assert isinstance(response, ProduceResponse)
    partition = partition_of(response, version)
    assert partition.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    leader = (partition.current_leader.leader_id, partition.current_leader.leader_epoch)
    endpoints = [(at.node_id, at.host, at.port, at.rack) for at in response.node_endpoints]
    if version >= 10:
        assert (leader, endpoints) == ((OTHER_NODE, 1), [(OTHER_NODE, "localhost", 9093, "r1")])
    else:
        assert (leader, endpoints) == ((-1, -1), [])


def test_a_partition_that_is_hosted_elsewhere_is_not_led_here(replicas: Replicas) -> None:
    replicas.register_broker(OTHER_NODE, 9093)
    replicas.create_topic("t", replicas=(OTHER_NODE,), leader=OTHER_NODE)
    assert answered(replicas.produce("t", batch(b"a"))).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


@pytest.mark.parametrize("records", [None, b"", b"\x00" * 10])
def test_no_batch_is_an_invalid_record(replicas: Replicas, records: bytes | None) -> None:
    replicas.create_topic("t")
    assert answered(replicas.produce("t", records)).error_code == ErrorCode.INVALID_RECORD


def test_two_batches_are_an_invalid_record(replicas: Replicas) -> None:
    replicas.create_topic("t")
    refused = answered(replicas.produce("t", batch(b"a") + batch(b"b")))
    assert refused.error_code == ErrorCode.INVALID_RECORD
    assert replicas.partition("t").log.log_end_offset == 0


def test_a_wrong_checksum_is_a_corrupt_message(replicas: Replicas) -> None:
    replicas.create_topic("t")
    damaged = bytearray(batch(b"abc"))
    damaged[-2] ^= 1
    assert answered(replicas.produce("t", bytes(damaged))).error_code == ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize(("version", "error"), [(6, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE), (7, ErrorCode.NONE)])
def test_zstd_needs_version_7(replicas: Replicas, version: int, error: ErrorCode) -> None:
    replicas.create_topic("t")
    assert answered(replicas.produce("t", batch(b"a", compression=4), version=version)).error_code == error


def test_only_the_admin_client_writes_to_internal_topics(replicas: Replicas) -> None:
    replicas.create_topic("__consumer_offsets", configs={"cleanup.policy": "delete"})
    refused = answered(replicas.produce("__consumer_offsets", batch(b"a")))
    assert refused.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    taken = answered(replicas.produce("__consumer_offsets", batch(b"a"), client_id="__admin_client"))
    assert taken.error_code == 0


def test_a_transactional_batch_without_a_transactional_id_is_nobodys(replicas: Replicas) -> None:
    replicas.create_topic("t")
    transactional = batch(b"a", transactional=True, producer_id=1, producer_epoch=0, base_sequence=0)
    refused = answered(replicas.produce("t", transactional))
    assert refused.error_code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert replicas.partition("t").log.log_end_offset == 0


def test_a_repeated_batch_of_an_idempotent_producer_is_answered_as_it_was(replicas: Replicas) -> None:
    replicas.create_topic("t")
    once = batch(b"a", producer_id=5, producer_epoch=0, base_sequence=0)
    later = batch(b"b", producer_id=5, producer_epoch=0, base_sequence=1)
    offsets = [answered(replicas.produce("t", records)).base_offset for records in (once, later, once)]
    assert offsets == [0, 1, 0]
    assert replicas.partition("t").log.log_end_offset == 2
    gap = batch(b"c", producer_id=5, producer_epoch=0, base_sequence=9)
    assert answered(replicas.produce("t", gap)).error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_topic_configs_apply_at_once(replicas: Replicas) -> None:
    replicas.create_topic("t", configs={"max.message.bytes": "100"})
    large = batch(b"x" * 200)
    assert answered(replicas.produce("t", large)).error_code == ErrorCode.MESSAGE_TOO_LARGE
    replicas.configure("t", "max.message.bytes", "1000")
    assert answered(replicas.produce("t", large)).error_code == 0
    replicas.configure("t", "message.timestamp.type", "LogAppendTime")
    replicas.clock.ms += 5
    assert answered(replicas.produce("t", large)).log_append_time_ms == START_MS + 5


def test_too_few_in_sync_replicas(replicas: Replicas) -> None:
    replicas.create_topic("t", replicas=(1, 2, 3), isr=(1,), configs={"min.insync.replicas": "2"})
    replicas.create_topic("alone", configs={"min.insync.replicas": "2"})  # never more than there are replicas
    # The leader alone is in sync: what it takes is committed, but not durable enough for acks=all.
    assert answered(replicas.produce("t", batch(b"a"), acks=-1)).error_code == ErrorCode.NOT_ENOUGH_REPLICAS
    assert answered(replicas.produce("t", batch(b"a"), acks=1)).error_code == 0
    assert answered(replicas.produce("alone", batch(b"a"), acks=-1)).error_code == 0


async def test_acks_all_waits_for_the_high_watermark(replicas: Replicas) -> None:
    replicas.create_topic("t", replicas=(1, 2))
    waiting = replicas.produce("t", batch(b"a", b"b"))
    assert isinstance(waiting, asyncio.Future)
    partition = replicas.partition("t")
    partition.advance_high_watermark(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    partition.advance_high_watermark(2)
    assert partition_of(await waiting, 9).error_code == 0
    assert replicas.timers.pending == 0


async def test_acks_all_gives_up_when_the_producer_does(replicas: Replicas) -> None:
    replicas.create_topic("t", replicas=(1, 2))
    waiting = replicas.produce("t", batch(b"a"), timeout_ms=50)
    assert isinstance(waiting, asyncio.Future)
    replicas.timers.advance(50)
    assert partition_of(await waiting, 9).error_code == ErrorCode.REQUEST_TIMED_OUT


@pytest.mark.parametrize("fate", ["resigned", "deleted"])
async def test_who_waits_hears_that_the_partition_is_lost(replicas: Replicas, fate: str) -> None:
    topic_id = replicas.create_topic("t", replicas=(1, 2))
    waiting = replicas.produce("t", batch(b"a"))
    assert isinstance(waiting, asyncio.Future)
    if fate == "resigned":
        replicas.change(topic_id, leader=2)
        expected = ErrorCode.NOT_LEADER_OR_FOLLOWER
    else:
        replicas.delete_topic(topic_id)
        expected = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert partition_of(await waiting, 9).error_code == expected


def test_a_failing_disk_takes_the_partition_offline(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    replicas.create_topic("t")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(type(replicas.partition("t").log), "append", fail)
    assert answered(replicas.produce("t", batch(b"a"))).error_code == ErrorCode.KAFKA_STORAGE_ERROR
    monkeypatch.undo()
    assert answered(replicas.produce("t", batch(b"a"))).error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert "no space left" in replicas.reports[0]


def test_a_coordinator_appends_to_its_partition_and_reads_it_back(replicas: Replicas) -> None:
    replicas.create_topic("__consumer_offsets", 2)
    outcome = replicas.manager.append("__consumer_offsets", 1, batch(b"a", b"b"))
    assert outcome == AppendOutcome(ErrorCode.NONE, 0, 1, None)
    data = replicas.manager.read("__consumer_offsets", 1, 0, 1000)
    assert isinstance(data, bytes)
    assert [record.value for record in records_of(data)] == [b"a", b"b"]
    assert replicas.manager.read("__consumer_offsets", 1, 2, 1000) == b""
    assert replicas.manager.append("__consumer_offsets", 2, b"").error is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert replicas.manager.read("nobody", 0, 0, 1) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_coordinator_waits_for_the_commit(replicas: Replicas) -> None:
    replicas.create_topic("__consumer_offsets", replicas=(1, 2))
    outcome = replicas.manager.append("__consumer_offsets", 0, batch(b"a"))
    assert outcome.committed is not None
    replicas.partition("__consumer_offsets").advance_high_watermark(1)
    assert await outcome.committed is ErrorCode.NONE
