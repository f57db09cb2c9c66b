"""Connections over real sockets, against tiny tables."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import TYPE_CHECKING, cast

import pytest
from tests.unit.broker.wire import LIMITS, Client, Server, framed, request_frame

from ottla.broker import connection as connection_module
from ottla.broker.listeners import ConnectionLimits
from ottla.protocol.api.api_versions import ApiVersionsRequest
from ottla.protocol.api.fetch import (
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    PartitionData,
)
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.api.produce import ProduceRequest, ProduceResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.files import FileRegion

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from ottla.broker.request_context import RequestContext
    from ottla.protocol.message import Response
    from ottla.runtime.files import File


def heartbeat(group_id: str = "g") -> HeartbeatRequest:
    return HeartbeatRequest(group_id=group_id, generation_id=1, member_id="m")


def answer(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    """The generation comes back as the throttle time: answers can be told apart."""
    return HeartbeatResponse(throttle_time_ms=request.generation_id, error_code=ErrorCode.NONE)


def produce(acks: int) -> ProduceRequest:
    return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=[])


class Parking:
    """A handler whose answers come when the test says so."""

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[Response | None]] = []
        self.arrived = asyncio.Event()

    def __call__(self, context: RequestContext, request: object) -> Awaitable[Response | None]:
        self.futures.append(asyncio.get_running_loop().create_future())
        self.arrived.set()
        return self.futures[-1]

    async def until(self, count: int) -> None:
        while len(self.futures) < count:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 60)


async def test_pipelined_requests_are_answered_in_order_by_few_writes() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}) as server:
        client = await server.client()
        count = 500
        frames = [
            request_frame(HeartbeatRequest(group_id="g", generation_id=n, member_id="m"), n % 5, n)
            for n in range(count)
        ]
        client.send_bytes(b"".join(frames))
        for n in range(count):
            correlation_id, response = await client.receive(HeartbeatResponse, n % 5)
            assert correlation_id == n
            assert response.throttle_time_ms == (n if n % 5 else 0)  # version 0 has none
        await client.close()


async def test_the_context_says_who_asks() -> None:
    seen: list[RequestContext] = []

    def handler(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
        seen.append(context)
        return answer(context, request)

    async with Server({ApiKey.HEARTBEAT: handler}) as server:
        client = await server.client()
        for version, client_id in ((0, None), (4, "Đorđe"), (4, "")):
            client.send(heartbeat(), version, 7, client_id)
            await client.receive(HeartbeatResponse, version)
        assert [(context.api_version, context.client_id) for context in seen] == [(0, None), (4, "Đorđe"), (4, "")]
        assert {context.client_host for context in seen} == {"127.0.0.1"}
        assert (seen[0].listener, seen[0].principal, seen[0].api_key) == ("PLAINTEXT", "User:ANONYMOUS", 12)
        await client.close()


async def test_frames_may_come_byte_by_byte() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}) as server:
        client = await server.client()
        for byte in request_frame(heartbeat(), 4):
            client.send_bytes(bytes((byte,)))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.receive(HeartbeatResponse, 4))[0] == 1
        await client.close()


async def test_unknown_tagged_fields_of_a_header_are_skipped() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}) as server:
        client = await server.client()
        body = heartbeat().encode(4)
        header = struct.pack(">hhih", 12, 4, 9, 1) + b"c" + b"\x02" + b"\x05\x03abc" + b"\x81\x01\x00"
        client.send_bytes(framed(header + body))
        assert (await client.receive(HeartbeatResponse, 4))[0] == 9
        await client.close()


HEADER = struct.pack(">hhih", 12, 4, 9, 1) + b"c"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(struct.pack(">i", -1), id="negative size"),
        pytest.param(struct.pack(">i", LIMITS.max_request_bytes + 1), id="oversized"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n", id="not Kafka"),
        pytest.param(framed(b""), id="empty frame"),
        pytest.param(framed(b"\0\x0c\0\4"), id="half a header"),
        pytest.param(framed(struct.pack(">hhih", 12, 4, 9, 30000)), id="client id beyond the frame"),
        pytest.param(framed(struct.pack(">hhih", 12, 4, 9, 2) + b"\xff\xff\0"), id="client id is not UTF-8"),
        pytest.param(framed(HEADER), id="no tag section"),
        pytest.param(framed(HEADER + b"\x01"), id="tag section cut"),
        pytest.param(framed(HEADER + b"\x01\x01\x7f"), id="tag beyond the frame"),
        pytest.param(framed(HEADER + b"\xff\xff\xff\xff\x0f"), id="four billion tags"),
        pytest.param(framed(HEADER + b"\xff\xff\xff\xff\xff\xff"), id="endless varint"),
        pytest.param(framed(HEADER + b"\0" + b"\x02g"), id="body cut"),
        pytest.param(framed(HEADER + b"\0" + b"\xff\xff\xff\xff\x0fg"), id="string beyond the body"),
        pytest.param(framed(struct.pack(">hhih", 12, 5, 9, -1) + b"\0"), id="version of the future"),
        pytest.param(framed(struct.pack(">hhih", 12, -1, 9, -1)), id="negative version"),
        pytest.param(framed(struct.pack(">hhih", 3, 0, 9, -1)), id="API without a handler"),
        pytest.param(framed(struct.pack(">hhih", 999, 0, 9, -1)), id="API that does not exist"),
        pytest.param(framed(struct.pack(">hhih", -1, 0, 9, -1)), id="negative API"),
    ],
)
async def test_what_cannot_be_answered_closes_that_connection_alone(data: bytes) -> None:
    async with Server({ApiKey.HEARTBEAT: answer}) as server:
        bystander, client = await server.client(), await server.client()
        client.send(heartbeat(), 4, 1)
        client.send_bytes(data + bytes(16))
        assert (await client.receive(HeartbeatResponse, 4))[0] == 1  # what came before is answered
        assert await client.end() == b""
        bystander.send(heartbeat(), 4, 2)
        assert (await bystander.receive(HeartbeatResponse, 4))[0] == 2
        await bystander.close()


async def test_a_handler_that_fails_is_answered_where_there_is_a_place(caplog: pytest.LogCaptureFixture) -> None:
    def broken(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
        raise RuntimeError("a bug")

    async with Server({ApiKey.HEARTBEAT: broken}) as server:
        client = await server.client()
        client.send(heartbeat(), 4)
        _, response = await client.receive(HeartbeatResponse, 4)
        assert response.error_code == ErrorCode.UNKNOWN_SERVER_ERROR
        assert [record.exc_info is not None for record in caplog.records] == [True]
        assert "client id 'test'" in caplog.text
        await client.close()


async def test_a_handler_that_fails_late_is_answered_too() -> None:
    async def broken(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
        await asyncio.sleep(0)
        raise KafkaError(ErrorCode.NOT_COORDINATOR, "moved")

    async with Server({ApiKey.HEARTBEAT: broken}) as server:
        client = await server.client()
        client.send(heartbeat(), 4)
        _, response = await client.receive(HeartbeatResponse, 4)
        assert response.error_code == ErrorCode.NOT_COORDINATOR
        await client.close()


async def test_a_failure_that_cannot_be_told_closes_the_connection() -> None:
    def broken(context: RequestContext, request: MetadataRequest) -> MetadataResponse:
        raise RuntimeError("a bug")

    async with Server({ApiKey.METADATA: broken}) as server:
        client = await server.client()
        client.send(MetadataRequest(topics=None), 9)
        assert await client.end() == b""


async def test_a_parked_request_holds_back_those_behind_it() -> None:
    parking = Parking()
    served: list[int] = []

    def fetch(context: RequestContext, request: HeartbeatRequest) -> object:
        served.append(context.correlation_id)
        return parking(context, request) if context.correlation_id == 1 else answer(context, request)

    async with Server({ApiKey.HEARTBEAT: fetch}) as server:  # type: ignore[dict-item]  # both kinds of answers
        client = await server.client()
        client.send_bytes(b"".join(request_frame(heartbeat(), 4, n) for n in (1, 2, 3)))
        await parking.until(1)
        assert served == [1]
        parking.futures[0].set_result(HeartbeatResponse(error_code=ErrorCode.NONE))
        assert [(await client.receive(HeartbeatResponse, 4))[0] for _ in range(3)] == [1, 2, 3]
        await client.close()


async def test_produce_pipelines_and_is_answered_in_order() -> None:
    parking = Parking()
    async with Server({ApiKey.PRODUCE: parking, ApiKey.HEARTBEAT: answer}) as server:
        client = await server.client()
        client.send_bytes(request_frame(produce(-1), 9, 1) + request_frame(produce(-1), 9, 2))
        client.send(heartbeat(), 4, 3)
        await parking.until(2)
        parking.futures[1].set_result(ProduceResponse(responses=[]))
        await asyncio.sleep(0)
        parking.futures[0].set_result(ProduceResponse(responses=[]))
        assert (await client.receive(ProduceResponse, 9))[0] == 1
        assert (await client.receive(ProduceResponse, 9))[0] == 2
        assert (await client.receive(HeartbeatResponse, 4))[0] == 3
        await client.close()


async def test_no_more_than_a_bound_of_produce_requests_are_under_way() -> None:
    parking = Parking()
    bound = connection_module.MAX_PIPELINED_REQUESTS
    async with Server({ApiKey.PRODUCE: parking}) as server:
        client = await server.client()
        client.send_bytes(b"".join(request_frame(produce(-1), 9, n) for n in range(bound + 8)))
        await parking.until(bound)
        await asyncio.sleep(0.01)
        assert len(parking.futures) == bound
        for future in parking.futures[:8]:
            future.set_result(ProduceResponse(responses=[]))
        await parking.until(bound + 8)
        for future in parking.futures[8:]:
            future.set_result(ProduceResponse(responses=[]))
        assert [(await client.receive(ProduceResponse, 9))[0] for _ in range(bound + 8)] == list(range(bound + 8))
        await client.close()


async def test_acks_0_has_no_answer() -> None:
    def silent(context: RequestContext, request: ProduceRequest) -> ProduceResponse | None:
        return None if request.acks == 0 else ProduceResponse(responses=[])

    async with Server({ApiKey.PRODUCE: silent}) as server:
        client = await server.client()
        for correlation_id, acks in enumerate((0, 0, 1, 0, 1)):
            client.send(produce(acks), 9, correlation_id)
        assert (await client.receive(ProduceResponse, 9))[0] == 2
        assert (await client.receive(ProduceResponse, 9))[0] == 4
        await client.close()


async def test_an_awaitable_may_have_no_answer_either() -> None:
    parking = Parking()
    async with Server({ApiKey.PRODUCE: parking, ApiKey.HEARTBEAT: answer}) as server:
        client = await server.client()
        client.send(produce(0), 9, 1)
        client.send(heartbeat(), 4, 2)
        await parking.until(1)
        parking.futures[0].set_result(None)
        assert (await client.receive(HeartbeatResponse, 4))[0] == 2
        await client.close()


async def test_parked_work_is_cancelled_when_the_client_goes() -> None:
    parking = Parking()
    async with Server({ApiKey.HEARTBEAT: parking}) as server:
        client = await server.client()
        client.send(heartbeat(), 4)
        await parking.until(1)
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(parking.futures[0], 60)
        assert server.listeners.connection_count == 0


class Disk:
    """Enough of a file for a region."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)

    def fileno(self) -> int:
        return self._fd


@pytest.mark.parametrize("size", [100, 300_000])
async def test_file_regions_are_spliced_into_answers(tmp_path: Path, size: int) -> None:
    content = os.urandom(2 * size)
    (tmp_path / "segment").write_bytes(content)
    disk = Disk(tmp_path / "segment")

    def fetch(context: RequestContext, request: FetchRequest) -> FetchResponse:
        partitions = [
            PartitionData(
                partition_index=index,
                error_code=ErrorCode.NONE,
                high_watermark=index,
                aborted_transactions=None,
                records=FileRegion(cast("File", disk), index * size, size),
            )
            for index in range(2)
        ]
        return FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=partitions)])

    request = FetchRequest(max_wait_ms=0, min_bytes=1, topics=[])
    async with Server({ApiKey.FETCH: fetch}) as server:
        client = await server.client()
        client.send_bytes(request_frame(request, 12, 1) + request_frame(request, 4, 2))
        for version, expected_id in ((12, 1), (4, 2)):
            correlation_id, response = await client.receive(FetchResponse, version)
            assert correlation_id == expected_id
            partitions = response.responses[0].partitions
            assert b"".join(cast("memoryview", partition.records) for partition in partitions) == content
        await client.close()


async def test_a_client_that_never_reads_is_not_read_from() -> None:
    served = 0
    big = "x" * 20_000

    def handler(context: RequestContext, request: HeartbeatRequest) -> MetadataResponse:
        nonlocal served
        served += 1
        return MetadataResponse(brokers=[], topics=[], cluster_id=big)

    async with Server({ApiKey.METADATA: handler}) as server:
        client, bystander = await server.client(), await server.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        frame = request_frame(MetadataRequest(topics=None), 9)
        sent = 0
        while sent - served < 2_000:  # the server stops taking them at some point
            client.send_bytes(frame * 100)
            sent += 100
            bystander.send(MetadataRequest(topics=None), 9)
            await bystander.frame()
        (held,) = (connection for connection in server.listeners.connections if connection._transport.pending_bytes > 0)
        assert held._transport.pending_bytes < connection_module.MAX_UNSENT_BYTES + 2 * connection_module.FLUSH_BYTES
        assert len(held._backlog) * len(frame) <= 256 * 1024
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a read transport
        for _ in range(sent):
            await client.frame()
        await client.close()
        await bystander.close()


async def test_a_thousand_idle_connections_are_no_burden() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}) as server:
        idle = [await server.client() for _ in range(400)]
        half = [await server.client() for _ in range(100)]
        for client in half:
            client.send_bytes(request_frame(heartbeat(), 4)[:10])
        client = await server.client()
        client.send(heartbeat(), 4)
        await client.receive(HeartbeatResponse, 4)
        assert server.listeners.connection_count == 501
        for other in (*idle, *half, client):
            await other.close()


def limits(**changes: object) -> ConnectionLimits:
    fields = {name: getattr(LIMITS, name) for name in ConnectionLimits.__slots__}
    return ConnectionLimits(**(fields | changes))


async def test_idle_connections_are_closed_and_waiting_ones_are_not() -> None:
    parking = Parking()
    async with Server({ApiKey.HEARTBEAT: parking}, limits(max_idle_ms=100)) as server:
        waiting, idle = await server.client(), await server.client()
        waiting.send(heartbeat(), 4)
        await parking.until(1)
        assert await idle.end() == b""
        assert server.listeners.connection_count == 1
        parking.futures[0].set_result(HeartbeatResponse(error_code=ErrorCode.NONE))
        await waiting.receive(HeartbeatResponse, 4)
        assert await waiting.end() == b""


async def test_connections_of_one_host_are_bounded() -> None:
    bounded = limits(max_connections_per_host=5, per_host_overrides={"127.0.0.1": 2})
    async with Server({ApiKey.HEARTBEAT: answer}, bounded) as server:
        first, second, third = [await server.client() for _ in range(3)]
        assert await third.end() == b""
        await first.close()
        second.send(heartbeat(), 4)
        await second.receive(HeartbeatResponse, 4)
        while server.listeners.connection_count > 1:  # noqa: ASYNC110  # the close is on its way
            await asyncio.sleep(0)
        fourth = await server.client()
        fourth.send(heartbeat(), 4)
        await fourth.receive(HeartbeatResponse, 4)
        for client in (second, fourth):
            await client.close()


async def test_beyond_max_connections_new_ones_wait() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}, limits(max_connections=1)) as server:
        first: Client = await server.client()
        first.send(heartbeat(), 4)
        await first.receive(HeartbeatResponse, 4)
        second = await server.client()  # the system's backlog takes it
        second.send(heartbeat(), 4, 5)
        await asyncio.sleep(0.01)
        assert server.listeners.connection_count == 1
        await first.close()
        assert (await second.receive(HeartbeatResponse, 4))[0] == 5
        await second.close()


async def test_api_versions_of_the_future_gets_to_its_handler() -> None:
    from ottla.broker.apis.api_versions import ApiVersionsHandler
    from ottla.metadata.image import EMPTY_IMAGE
    from ottla.protocol.api.api_versions import ApiVersionsResponse

    table: dict[ApiKey, object] = {ApiKey.HEARTBEAT: answer}
    table[ApiKey.API_VERSIONS] = ApiVersionsHandler(table, lambda: EMPTY_IMAGE)
    async with Server(table) as server:  # type: ignore[arg-type]  # handlers, each of its own request
        client = await server.client()
        for version in (5, 99, 32767):
            client.send_bytes(framed(struct.pack(">hhih", 18, version, 3, 1) + b"c" + b"\xff whatever \xff"))
            correlation_id, refused = await client.receive(ApiVersionsResponse, 0)
            assert (correlation_id, refused.error_code) == (3, ErrorCode.UNSUPPORTED_VERSION)
            assert [(api.api_key, api.min_version, api.max_version) for api in refused.api_keys] == [(18, 0, 4)]
        client.send(ApiVersionsRequest(client_software_name="t", client_software_version="1"), 4)
        _, served = await client.receive(ApiVersionsResponse, 4)
        assert [(api.api_key, api.min_version, api.max_version) for api in served.api_keys] == [(12, 0, 4), (18, 0, 4)]
        await client.close()
