"""Another node, over real sockets: connected when it is needed, lost, refused, silent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.wire import Server

from ottla.broker.peer.connection import PeerError
from ottla.broker.peer.peer import MAX_QUEUED, Peer, PeerContext
from ottla.protocol.api.api_versions import ApiVersion, ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api_keys import ApiKey
from ottla.runtime.clock import LoopTimers, SystemClock
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ottla.broker.request_context import RequestContext

TIMEOUT_MS = 30_000.0


class Heartbeats:
    """Answers heartbeats: by generation, or never (generation -1)."""

    def __init__(self) -> None:
        self.versions: list[int] = []
        self.arrived = asyncio.Event()

    def __call__(
        self, context: RequestContext, request: HeartbeatRequest
    ) -> HeartbeatResponse | asyncio.Future[HeartbeatResponse]:
        self.versions.append(context.api_version)
        self.arrived.set()
        if request.generation_id < 0:
            return asyncio.get_running_loop().create_future()
        return HeartbeatResponse(error_code=request.generation_id)


def server(heartbeats: Heartbeats) -> Server:
    def versions(context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
        spoken = [ApiVersion(api_key=ApiKey.HEARTBEAT, min_version=0, max_version=3)]
        return ApiVersionsResponse(error_code=0, api_keys=spoken)

    return Server({ApiKey.API_VERSIONS: versions, ApiKey.HEARTBEAT: heartbeats})


@pytest.fixture
async def context() -> AsyncIterator[PeerContext]:
    loop = asyncio.get_running_loop()
    network = SocketNetwork(loop)
    yield PeerContext(network, SystemClock(), LoopTimers(loop), "test")
    network.close()


def heartbeat(generation_id: int) -> HeartbeatRequest:
    return HeartbeatRequest(group_id="g", generation_id=generation_id, member_id="m")


async def test_requests_wait_for_the_connection_and_are_answered_in_order(context: PeerContext) -> None:
    heartbeats = Heartbeats()
    async with server(heartbeats) as running:
        peer = Peer(context, ("127.0.0.1", running.port))
        futures = [peer.send(heartbeat(n), HeartbeatResponse, timeout_ms=TIMEOUT_MS) for n in range(20)]
        assert [(await future).error_code for future in futures] == list(range(20))
        assert set(heartbeats.versions) == {3}, "the newest that both sides speak"
        assert len(running.listeners.connections) == 1
        peer.close()


async def test_what_the_other_side_does_not_speak_fails_by_itself(context: PeerContext) -> None:
    async with server(Heartbeats()) as running:
        peer = Peer(context, ("127.0.0.1", running.port))
        request = EndTxnRequest(transactional_id="t", producer_id=1, producer_epoch=0, committed=True)
        with pytest.raises(PeerError, match="END_TXN"):
            await peer.send(request, EndTxnResponse, timeout_ms=TIMEOUT_MS)
        assert (await peer.send(heartbeat(7), HeartbeatResponse, timeout_ms=TIMEOUT_MS)).error_code == 7
        peer.close()


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
async def test_a_host_that_is_none_fails_what_waits_and_is_backed_off_from(context: PeerContext, host: str) -> None:
    peer = Peer(context, (host, 9092))
    for _ in range(2):
        with pytest.raises(PeerError):
            await asyncio.wait_for(peer.send(heartbeat(1), HeartbeatResponse, timeout_ms=TIMEOUT_MS), 10)
    assert peer.retry_after_ms > 0
    peer.close()


async def test_a_refused_connection_is_told_from_other_failures_and_backed_off_from(context: PeerContext) -> None:
    async with server(Heartbeats()) as running:
        port = running.port
    peer = Peer(context, ("127.0.0.1", port))
    with pytest.raises(PeerError) as failed:
        await peer.send(heartbeat(1), HeartbeatResponse, timeout_ms=TIMEOUT_MS)
    assert failed.value.refused
    assert peer.retry_after_ms > 0
    with pytest.raises(PeerError):
        await peer.connect()


async def test_a_lost_connection_is_told_of_once_and_fails_who_waits(context: PeerContext) -> None:
    heartbeats = Heartbeats()
    lost: list[int] = []
    async with server(heartbeats) as running:
        peer = Peer(context, ("127.0.0.1", running.port), on_lost=lambda: lost.append(1))
        waiting = peer.send(heartbeat(-1), HeartbeatResponse, timeout_ms=TIMEOUT_MS)
        await heartbeats.arrived.wait()
        for connection in running.listeners.connections:
            connection.close(abort=True)
        with pytest.raises(PeerError) as failed:
            await waiting
        assert not failed.value.refused
        assert lost == [1]
        assert (await peer.send(heartbeat(2), HeartbeatResponse, timeout_ms=TIMEOUT_MS)).error_code == 2
        peer.close()
    assert lost == [1], "closing it oneself is no loss"


async def test_silence_ends_the_connection_for_all_who_wait(context: PeerContext) -> None:
    async with server(Heartbeats()) as running:
        peer = Peer(context, ("127.0.0.1", running.port))
        await peer.connect()
        silent = peer.send(heartbeat(-1), HeartbeatResponse, timeout_ms=20)
        behind = peer.send(heartbeat(1), HeartbeatResponse, timeout_ms=TIMEOUT_MS)
        for future in (silent, behind):
            with pytest.raises(PeerError, match="HEARTBEAT within 20 ms"):
                await future
        assert peer.connection is None
        peer.close()


async def test_the_queue_before_the_connection_is_bounded(context: PeerContext) -> None:
    async with server(Heartbeats()) as running:
        peer = Peer(context, ("127.0.0.1", running.port))
        futures = [peer.send(heartbeat(3), HeartbeatResponse, timeout_ms=TIMEOUT_MS) for _ in range(MAX_QUEUED + 1)]
        with pytest.raises(PeerError, match="wait for the connection"):
            await futures.pop()
        assert {response.error_code for response in await asyncio.gather(*futures)} == {3}
        peer.close()
