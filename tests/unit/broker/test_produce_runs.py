"""Produce requests that are served together: every byte of the answers is what the ordinary way answers."""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, Replicas, at, batch, fetch_request, fetch_topic
from tests.unit.broker.wire import LIMITS, Server, framed, request_frame

from ottla.broker.listeners import ConnectionLimits
from ottla.broker.produce_runs import MAX_RUN_REQUESTS, ProduceRuns
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.runtime.disk import DiskFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ottla.log.log import Log
    from ottla.runtime.files import Buffer

VERSIONS = range(3, 14)
OTHER_NODE = 2
LARGE = ConnectionLimits(
    max_connections=10, max_connections_per_host=10, max_idle_ms=600_000, max_request_bytes=10_000_000
)


class Node:
    """Replicas behind a listener, with or without runs."""

    def __init__(self, directory: Path, *, runs: bool = True) -> None:
        self.replicas = Replicas(directory)
        self.topic_id = self.replicas.create_topic("t", 3)
        self.replicas.create_topic("compacted", configs={"cleanup.policy": "compact"})
        self.replicas.create_topic("shared", replicas=(NODE_ID, OTHER_NODE), isr=(NODE_ID,))
        self.server = Server(
            {ApiKey.PRODUCE: self.replicas.produce_handler, ApiKey.FETCH: self.replicas.fetch_handler}, LARGE
        )
        self.runs = ProduceRuns(self.replicas.manager, self.replicas.clock)
        if runs:
            self.server.dispatcher.serve_runs(self.runs)


def request(
    records: bytes | None,
    *,
    topic: str | bytes = "t",
    index: int = 0,
    acks: int = 1,
    transactional_id: str | None = None,
) -> ProduceRequest:
    data = TopicProduceData(partition_data=[PartitionProduceData(index=index, records=records)])
    if isinstance(topic, bytes):
        data.topic_id = topic
    else:
        data.name = topic
    return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=[data], transactional_id=transactional_id)


class Writes:
    """What was written to disk, by one call each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        append = DiskFile.append

        def counted(file: DiskFile, buffers: Sequence[Buffer]) -> int:
            size = append(file, buffers)
            if len(buffers) > 1:  # a log's; other files are written whole
                self.sizes.append(size)
            return size

        monkeypatch.setattr(DiskFile, "append", counted)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    return Writes(monkeypatch)


def topic_of(node: Node, version: int) -> str | bytes:
    return node.topic_id if version >= 13 else "t"


async def exchanged(node: Node, frames: list[bytes], *, chunk: int = 1 << 20) -> bytes:
    """All that is answered to the frames, on a connection of their own, until the client ends it."""
    async with node.server:
        client = await node.server.client()
        data = b"".join(frames)
        for position in range(0, len(data), chunk):
            client.send_bytes(data[position : position + chunk])
            await client.writer.drain()
        client.writer.write_eof()
        return await client.end()


@pytest.mark.parametrize("acks", [1, -1])
@pytest.mark.parametrize("version", VERSIONS)
async def test_requests_of_one_recv_are_one_write(tmp_path: Path, writes: Writes, version: int, acks: int) -> None:
    node = Node(tmp_path)
    records = [batch(b"%d" % number) for number in range(60)]
    frames = [
        request_frame(request(one, topic=topic_of(node, version), acks=acks), version, 100 + number)
        for number, one in enumerate(records)
    ]
    async with node.server:
        client = await node.server.client()
        client.send_bytes(b"".join(frames))
        for number in range(60):
            correlation_id, response = await client.receive(ProduceResponse, version)
            (topic,) = response.responses
            (partition,) = topic.partition_responses
            assert (correlation_id, partition.error_code, partition.base_offset) == (100 + number, 0, number)
            assert topic.topic_id == (node.topic_id if version >= 13 else bytes(16))
            assert (topic.name, partition.index) == ("" if version >= 13 else "t", 0)
        await client.close()
    # The first is served the ordinary way; runs then grow: 1, 2, 4 … requests.
    assert len(writes.sizes) <= 8
    assert sum(writes.sizes) == sum(map(len, records))


def mixed(version: int, topic_id: bytes, seed: int) -> list[bytes]:
    """Requests in any order: many alike, and all that may stand between them."""
    random_ = random.Random(seed)
    topic: str | bytes = topic_id if version >= 13 else "t"
    sequences = itertools.count()
    frames = []
    for number in range(250):
        index = random_.choice([0, 0, 0, 0, 1, 7])
        good = batch(b"x" * random_.choice([1, 1, 1, 60, 200, 20_000]))
        sequence = random_.choice([next(sequences), 0, 1000])
        records = random_.choices(
            [
                good,
                good[:-1] + bytes([good[-1] ^ 1]),
                good + good,
                None,
                good[:40],
                batch(b"p", producer_id=5, producer_epoch=0, base_sequence=sequence),
                batch(b"z" * 100, compression=4),
                batch(b"t", producer_id=6, producer_epoch=0, base_sequence=0, transactional=True),
            ],
            [40, 1, 1, 1, 1, 4, 1, 1],
        )[0]
        one = request(
            records,
            topic=random_.choice([topic] * 20 + [b"?" * 16 if version >= 13 else "nobody"]),
            index=index,
            acks=random_.choice([1] * 9 + [-1, 5]),
            transactional_id=random_.choice([None] * 30 + ["tx"]),
        )
        kind = random_.random()
        if kind < 0.03:
            one.topic_data.append(one.topic_data[0])
        elif kind < 0.06 and version >= 9:
            one.topic_data[0].partition_data[0].unknown_tagged_fields = ((77, b"?"),)
        elif kind < 0.09 and version >= 9:
            one.unknown_tagged_fields = ((78, b""),)
        if kind > 0.97:
            frames.append(request_frame(fetch_request(fetch_topic("t", at(0, index=1))), 12, number))
        else:
            frames.append(request_frame(one, version, number, random_.choice(["test"] * 9 + ["other", None, ""])))
    return frames


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("version", [3, 6, 8, 9, 12, 13])
async def test_answers_and_logs_are_those_of_the_ordinary_way(tmp_path: Path, version: int, seed: int) -> None:
    nodes = [Node(tmp_path / str(runs), runs=runs) for runs in (False, True)]
    answers, logs = [], []
    for node in nodes:
        frames = mixed(version, node.topic_id, seed)
        answers.append(await exchanged(node, frames, chunk=random.Random(seed).choice([700, 5000, 1 << 20])))
        logs.append([log_bytes(node.replicas.partition("t", index).log) for index in range(3)])
    assert answers[1] == answers[0]
    assert len(answers[0]) > 3000
    assert logs[1] == logs[0]


def log_bytes(log: Log) -> bytes:
    region = log.read(0, 1 << 30).region
    return b"" if region is None else region.file.read(region.position, region.size)


async def test_without_acks_nothing_is_answered_until_one_is_refused(tmp_path: Path) -> None:
    node = Node(tmp_path)
    frames = [request_frame(request(batch(b"a"), acks=0), 9, number) for number in range(20)]
    frames.append(request_frame(request(batch(b"b"), acks=1), 9, 20))
    async with node.server:
        client = await node.server.client()
        client.send_bytes(b"".join(frames))
        correlation_id, response = await client.receive(ProduceResponse, 9)
        assert (correlation_id, response.responses[0].partition_responses[0].base_offset) == (20, 20)
        client.send_bytes(request_frame(request(b"", acks=0), 9, 21))
        assert await client.end() == b""
    assert node.replicas.partition("t").log.log_end_offset == 21


async def test_a_repeated_batch_among_others_is_answered_with_its_offset(tmp_path: Path) -> None:
    node = Node(tmp_path)
    records = [batch(b"a", producer_id=5, producer_epoch=0, base_sequence=sequence) for sequence in (0, 1, 2, 1, 3, 4)]
    async with node.server:
        client = await node.server.client()
        client.send_bytes(b"".join(request_frame(request(one, acks=-1), 9) for one in records))
        offsets = []
        for _ in records:
            _, response = await client.receive(ProduceResponse, 9)
            offsets.append(response.responses[0].partition_responses[0].base_offset)
        await client.close()
    assert offsets == [0, 1, 2, 1, 3, 4]
    assert node.replicas.partition("t").log.log_end_offset == 5


async def offset_after(node: Node, frames: list[bytes], version: int = 9) -> list[tuple[int, int]]:
    """(error code, base offset) of each answer."""
    client = await node.server.client()
    client.send_bytes(b"".join(frames))
    found = []
    for _ in frames:
        _, response = await client.receive(ProduceResponse, version)
        (partition,) = response.responses[0].partition_responses
        found.append((partition.error_code, partition.base_offset))
    await client.close()
    return found


async def test_a_topic_that_was_deleted_and_made_anew_is_the_new_one(tmp_path: Path) -> None:
    node = Node(tmp_path)
    frame = request_frame(request(batch(b"a")), 9)
    async with node.server:
        client = await node.server.client()
        for expected in (0, 1, 2):
            client.send_bytes(frame)
            assert (await client.receive(ProduceResponse, 9))[1].responses[0].partition_responses[
                0
            ].base_offset == expected
        node.replicas.delete_topic(node.topic_id)
        client.send_bytes(frame)
        _, response = await client.receive(ProduceResponse, 9)
        code = response.responses[0].partition_responses[0].error_code
        assert code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        node.replicas.create_topic("t")
        for expected in (0, 1, 2):
            client.send_bytes(frame)
            _, response = await client.receive(ProduceResponse, 9)
            assert response.responses[0].partition_responses[0].base_offset == expected
        await client.close()


async def test_a_leader_that_is_one_no_more_and_a_log_start_that_moved_are_seen(tmp_path: Path) -> None:
    node = Node(tmp_path)
    frames = [request_frame(request(batch(b"a")), 9)] * 5
    async with node.server:
        assert await offset_after(node, frames) == [(0, offset) for offset in range(5)]
        node.replicas.partition("t").delete_records(3)
        client = await node.server.client()
        for _ in range(3):
            client.send_bytes(frames[0])
            _, response = await client.receive(ProduceResponse, 9)
            assert response.responses[0].partition_responses[0].log_start_offset == 3
        await client.close()
        node.replicas.change(node.topic_id, leader=OTHER_NODE)
        assert await offset_after(node, frames[:2]) == [(ErrorCode.NOT_LEADER_OR_FOLLOWER, -1)] * 2


async def test_with_more_replicas_acks_all_waits_as_ever(tmp_path: Path) -> None:
    node = Node(tmp_path)
    frames = [request_frame(request(batch(b"a"), topic="shared", acks=acks), 9) for acks in (1, 1, 1)]
    async with node.server:
        assert await offset_after(node, frames) == [(0, 0), (0, 1), (0, 2)]
        node.replicas.configure("shared", "min.insync.replicas", "2")
        refused = [request_frame(request(batch(b"a"), topic="shared", acks=-1), 9)] * 3
        assert await offset_after(node, refused) == [(ErrorCode.NOT_ENOUGH_REPLICAS, -1)] * 3


async def test_a_failing_disk_is_told_to_every_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(tmp_path)
    frames = [request_frame(request(batch(b"a")), 9)] * 10
    async with node.server:
        assert (await offset_after(node, frames))[-1] == (0, 9)

        def broken(*_: object) -> int:
            raise OSError(5, "the disk is broken")

        monkeypatch.setattr(DiskFile, "append", broken)
        assert await offset_after(node, frames) == [(ErrorCode.KAFKA_STORAGE_ERROR, -1)] * 10


async def test_a_waking_fetch_gets_what_was_produced_together(tmp_path: Path) -> None:
    node = Node(tmp_path)
    frames = [request_frame(request(batch(b"a")), 9)] * 10
    async with node.server:
        await offset_after(node, frames)
        waiting = node.replicas.fetch(fetch_request(fetch_topic("t", at(10)), max_wait_ms=1000))
        assert isinstance(waiting, asyncio.Future)
        await offset_after(node, frames)
        response = await asyncio.wait_for(waiting, 10)
        assert response.responses[0].partitions[0].high_watermark > 10


async def test_a_batch_that_needs_the_ordinary_way_costs_no_look_at_all_behind_it(tmp_path: Path) -> None:
    """Compaction wants the keys of every record seen: none is plain, and looking ahead would be quadratic."""
    node = Node(tmp_path)
    frames = [request_frame(request(batch(b"a"), topic="compacted"), 9)] * 3
    async with node.server:
        client = await node.server.client()
        client.send_bytes(b"".join(frames))
        for _ in frames:
            await client.receive(ProduceResponse, 9)
        (connection,) = node.server.listeners.connections
        assert connection._client.run_requests == 1
        client.send_bytes(b"".join([request_frame(request(batch(b"a")), 9)] * (2 * MAX_RUN_REQUESTS)))
        for _ in range(2 * MAX_RUN_REQUESTS):
            await client.receive(ProduceResponse, 9)
        assert 1 < connection._client.run_requests <= MAX_RUN_REQUESTS
        await client.close()


async def test_what_stands_around_the_handlers_sees_every_request(tmp_path: Path) -> None:
    node = Node(tmp_path)
    seen = []

    def around(key: ApiKey, handler: object) -> object:
        def serve(context: object, one: object) -> object:
            seen.append(key)
            return handler(context, one)  # type: ignore[operator]  # a handler

        return serve

    frames = [request_frame(request(batch(b"a")), 9)] * 5
    async with node.server:
        await offset_after(node, frames)
        node.server.dispatcher.put_around(around)  # type: ignore[arg-type]  # as above
        await offset_after(node, frames)
        assert len(seen) == 5
        node.server.dispatcher.put_around(None)
        assert (await offset_after(node, frames))[-1] == (0, 14)
        assert len(seen) == 5


@pytest.mark.parametrize("cut", [1, 3, 20])
async def test_a_frame_that_is_too_short_for_its_envelope_closes_the_connection(tmp_path: Path, cut: int) -> None:
    node = Node(tmp_path)
    frame = request_frame(request(batch(b"a")), 9)
    async with node.server:
        client = await node.server.client()
        client.send_bytes(frame)
        await client.receive(ProduceResponse, 9)
        client.send_bytes(framed(frame[4 : len(frame) - cut]))
        assert await client.end() == b""
    assert struct.unpack(">i", frame[:4])[0] == len(frame) - 4
    assert node.replicas.partition("t").log.log_end_offset == 1
    assert LIMITS.max_request_bytes > len(frame)
