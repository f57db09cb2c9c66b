"""Produce and Fetch through real sockets: pipelining, silence, sendfile, and clients that go away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import Replicas, at, batch, fetch_request, fetch_topic, partitions_of, values_of
from tests.unit.broker.wire import Server, request_frame

from ottla.broker.apis.fetch import FetchHandler
from ottla.protocol.api.fetch import FetchResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api_keys import ApiKey
from ottla.runtime.turn import Turn

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    made = Replicas(tmp_path)
    made.create_topic("t", 2)
    return made


def server(replicas: Replicas, turn: Turn | None = None) -> Server:
    return Server({ApiKey.PRODUCE: replicas.produce_handler, ApiKey.FETCH: replicas.fetch_handler}, turn=turn)


def produce_request(value: bytes, *, acks: int = -1, topic: str = "t") -> ProduceRequest:
    return ProduceRequest(
        acks=acks,
        timeout_ms=1000,
        topic_data=[TopicProduceData(name=topic, partition_data=[PartitionProduceData(index=0, records=batch(value))])],
    )


async def test_pipelined_batches_are_answered_in_order_and_those_without_acks_are_not(replicas: Replicas) -> None:
    async with server(replicas) as running:
        client = await running.client()
        for number in range(100):
            client.send(produce_request(b"%d" % number, acks=0 if number % 10 == 3 else 1), 9, correlation_id=number)
        for number in range(100):
            if number % 10 != 3:
                correlation_id, response = await client.receive(ProduceResponse, 9)
                (partition,) = response.responses[0].partition_responses
                assert (correlation_id, partition.error_code, partition.base_offset) == (number, 0, number)
    assert replicas.partition("t").log.log_end_offset == 100


async def test_an_error_without_acks_closes_the_connection(replicas: Replicas) -> None:
    async with server(replicas) as running:
        client = await running.client()
        client.send(produce_request(b"a", acks=0, topic="nobody"), 9)
        assert await client.end() == b""


async def test_records_travel_by_sendfile_between_the_fields_of_the_answer(replicas: Replicas) -> None:
    large = bytes(range(256)) * 3000
    for index in (0, 1):
        for _ in range(3):
            replicas.append("t", large, index=index)
    async with server(replicas) as running:
        client = await running.client()
        for version in (4, 12, 12):
            client.send(fetch_request(fetch_topic("t", at(0, index=1), at(0)), max_bytes=10_000_000), version)
            _, response = await client.receive(FetchResponse, version)
            found = partitions_of(response)
            assert [offset for offset, _ in values_of(found["t", 1])] == [0]
            client.send(fetch_request(fetch_topic("t", at(1, max_bytes=10_000_000)), max_bytes=10_000_000), version)
            _, response = await client.receive(FetchResponse, version)
            assert values_of(partitions_of(response)["t", 0]) == [(1, large), (2, large)]


async def test_a_parked_fetch_is_answered_when_another_client_produces(replicas: Replicas) -> None:
    async with server(replicas) as running:
        consumer, producer = await running.client(), await running.client()
        consumer.send(fetch_request(fetch_topic("t", at(0)), max_wait_ms=60_000, session=(0, 0)), 12)
        await asyncio.wait_for(replicas.timers.armed.wait(), 60)
        assert replicas.partition("t").listeners
        producer.send(produce_request(b"a"), 9)
        await producer.receive(ProduceResponse, 9)
        _, response = await consumer.receive(FetchResponse, 12)
        assert values_of(partitions_of(response)["t", 0]) == [(0, b"a")]


async def test_a_client_that_goes_away_leaves_no_fetch_behind(replicas: Replicas) -> None:
    async with server(replicas) as running:
        client = await running.client()
        client.send(fetch_request(fetch_topic("t", at(0)), max_wait_ms=60_000), 12)
        await asyncio.wait_for(replicas.timers.armed.wait(), 60)
        assert replicas.partition("t").listeners
        client.writer.close()
        await asyncio.wait_for(replicas.timers.cancelled.wait(), 60)
        assert not replicas.partition("t").listeners


async def test_a_parked_fetch_is_answered_in_the_turn_of_the_produce_that_wakes_it(replicas: Replicas) -> None:
    turn = Turn()
    replicas.fetch_handler = FetchHandler(
        replicas.manager, replicas.sessions, replicas.clock, replicas.timers, fetch_max_bytes=1_000_000, turn=turn
    )
    frame = request_frame(produce_request(b"a"), 9)
    async with server(replicas, turn) as running:
        client = await running.client()
        client.send_bytes(frame)
        await client.receive(ProduceResponse, 9)
        (producer,) = running.listeners.connections
        consumer = await running.client()
        consumer.send(fetch_request(fetch_topic("t", at(1)), max_wait_ms=60_000), 12)
        await asyncio.wait_for(replicas.timers.armed.wait(), 10)
        (parked,) = set(running.listeners.connections) - {producer}
        waiting = [parked.is_waiting]
        producer.get_buffer()[: len(frame)] = frame
        producer.buffer_updated(len(frame))
        waiting.append(parked.is_waiting)
        assert waiting == [True, False]
        _, response = await consumer.receive(FetchResponse, 12)
        assert values_of(partitions_of(response)["t", 0]) == [(1, b"a")]
        for one in (client, consumer):
            await one.close()
