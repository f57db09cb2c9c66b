"""The way to the active controller over real sockets: here, elsewhere, moved, away; what is forwarded through it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import context as sent_by
from tests.unit.broker.wire import Server

from ottla.broker.controller_channel import ControllerChannel
from ottla.broker.forwarding import Forwarding, ForwardingHandler
from ottla.broker.peer.peer import PeerContext
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from ottla.protocol.api.api_versions import ApiVersion, ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from ottla.protocol.api.envelope import DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decoder
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.header import RequestHeader, ResponseHeader
from ottla.runtime.clock import LoopTimers, SystemClock
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ottla.broker.peer.peer import Address
    from ottla.broker.request_context import Handler, RequestContext
    from ottla.protocol.message import Request, Response

SELF, OTHER, THIRD = 1, 2, 3
IDS = AllocateProducerIdsRequest(broker_id=SELF, broker_epoch=7)


class Leader:
    """Who leads, as a test says."""

    def __init__(self) -> None:
        self.leader_id = -1
        self.address: Address | None = None
        self._subscribers: list[Callable[[int, int], None]] = []

    def leader_endpoint(self) -> Address | None:
        return self.address

    def on_leader_changed(self, subscriber: Callable[[int, int], None]) -> None:
        self._subscribers.append(subscriber)

    def becomes(self, leader_id: int, port: int | None = None) -> None:
        self.leader_id = leader_id
        self.address = None if port is None else ("127.0.0.1", port)
        for subscriber in self._subscribers:
            subscriber(leader_id, 1)


class Here:
    def __init__(self, *, is_active: bool) -> None:
        self.is_active = is_active
        self.asked: list[Request] = []

    async def serve(self, request: Request) -> Response:
        self.asked.append(request)
        return AllocateProducerIdsResponse(error_code=0, producer_id_start=1000, producer_id_len=1)


class Elsewhere:
    """A controller on a socket; `ids` are answered, or an error, or nothing."""

    def __init__(self, error: ErrorCode = ErrorCode.NONE, *, silent: bool = False) -> None:
        self.error = error
        self.silent = silent
        self.asked = asyncio.Event()
        self.envelopes: list[EnvelopeRequest] = []
        table: dict[ApiKey, Handler] = {
            ApiKey.API_VERSIONS: self._versions,
            ApiKey.ALLOCATE_PRODUCER_IDS: self._ids,
            ApiKey.ENVELOPE: self._envelope,
        }
        self.server = Server(table)

    def _versions(self, context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
        keys = [ApiKey.ALLOCATE_PRODUCER_IDS, ApiKey.ENVELOPE]
        return ApiVersionsResponse(
            error_code=0, api_keys=[ApiVersion(api_key=key, min_version=0, max_version=0) for key in keys]
        )

    def _ids(
        self, context: RequestContext, request: AllocateProducerIdsRequest
    ) -> AllocateProducerIdsResponse | Awaitable[AllocateProducerIdsResponse]:
        self.asked.set()
        if self.silent:
            return asyncio.get_running_loop().create_future()
        return AllocateProducerIdsResponse(error_code=self.error, producer_id_start=5000, producer_id_len=1)

    def _envelope(self, context: RequestContext, request: EnvelopeRequest) -> EnvelopeResponse:
        self.envelopes.append(request)
        if self.error is not ErrorCode.NONE:
            return EnvelopeResponse(error_code=self.error)
        data = memoryview(bytes(request.request_data))
        header, offset = decoder(RequestHeader, 2)(data, 0)
        wanted = CreatePartitionsRequest.decode(data, header.request_api_version, offset)
        results = [
            CreatePartitionsTopicResult(name=topic.name, error_code=0, error_message=None) for topic in wanted.topics
        ]
        answer = CreatePartitionsResponse(results=results).encode(header.request_api_version)
        head = ResponseHeader(correlation_id=header.correlation_id).encode(1)
        return EnvelopeResponse(response_data=head + answer, error_code=0)


@pytest.fixture
async def context() -> AsyncIterator[PeerContext]:
    loop = asyncio.get_running_loop()
    network = SocketNetwork(loop)
    yield PeerContext(network, SystemClock(), LoopTimers(loop), "test")
    network.close()


async def test_the_controller_of_this_process_is_called(context: PeerContext) -> None:
    leader, here = Leader(), Here(is_active=True)
    channel = ControllerChannel(leader, context, SELF, here)
    leader.becomes(SELF)
    assert (await channel.send(IDS, AllocateProducerIdsResponse)).producer_id_start == 1000
    assert here.asked == [IDS]


async def test_a_request_waits_until_somebody_leads(context: PeerContext) -> None:
    leader, elsewhere = Leader(), Elsewhere()
    async with elsewhere.server as server:
        channel = ControllerChannel(leader, context, SELF, Here(is_active=False))
        asking = asyncio.ensure_future(channel.send(IDS, AllocateProducerIdsResponse))
        await asyncio.sleep(0)
        assert not asking.done()
        leader.becomes(OTHER, server.port)
        assert (await asking).producer_id_start == 5000
        channel.close()


async def test_who_leads_no_more_is_asked_no_more(context: PeerContext) -> None:
    leader, old, new = Leader(), Elsewhere(ErrorCode.NOT_CONTROLLER), Elsewhere()
    async with old.server as first, new.server as second:
        channel = ControllerChannel(leader, context, SELF)
        leader.becomes(OTHER, first.port)
        asking = asyncio.ensure_future(channel.send(IDS, AllocateProducerIdsResponse))
        await old.asked.wait()
        leader.becomes(THIRD, second.port)
        assert (await asking).producer_id_start == 5000
        channel.close()


async def test_a_leader_that_falls_silent_is_left_for_its_successor(context: PeerContext) -> None:
    leader, old, new = Leader(), Elsewhere(silent=True), Elsewhere()
    async with old.server as first, new.server as second:
        channel = ControllerChannel(leader, context, SELF)
        leader.becomes(OTHER, first.port)
        asking = asyncio.ensure_future(channel.send(IDS, AllocateProducerIdsResponse))
        await old.asked.wait()
        leader.becomes(THIRD, second.port)
        assert (await asking).producer_id_start == 5000
        channel.close()


async def test_nothing_is_kept_of_who_has_gone_away(context: PeerContext) -> None:
    leader, elsewhere = Leader(), Elsewhere(silent=True)
    async with elsewhere.server as server:
        channel = ControllerChannel(leader, context, SELF)
        leader.becomes(OTHER, server.port)
        asking = asyncio.ensure_future(channel.send(IDS, AllocateProducerIdsResponse))
        await elsewhere.asked.wait()
        assert len(channel._changed) == 1
        asking.cancel()
        await asyncio.wait((asking,))
        await asyncio.sleep(0)
        assert not channel._changed
        channel.close()


async def test_other_errors_are_answers(context: PeerContext) -> None:
    leader, elsewhere = Leader(), Elsewhere(ErrorCode.STALE_BROKER_EPOCH)
    async with elsewhere.server as server:
        channel = ControllerChannel(leader, context, SELF)
        leader.becomes(OTHER, server.port)
        answer = await channel.send(IDS, AllocateProducerIdsResponse)
        assert answer.error_code == ErrorCode.STALE_BROKER_EPOCH
        channel.close()


async def test_time_ends(context: PeerContext) -> None:
    channel = ControllerChannel(Leader(), context, SELF)
    with pytest.raises(KafkaError) as failed:
        await channel.send(IDS, AllocateProducerIdsResponse, timeout_ms=20)
    assert failed.value.code is ErrorCode.REQUEST_TIMED_OUT


async def test_closing_lets_nobody_wait(context: PeerContext) -> None:
    channel = ControllerChannel(Leader(), context, SELF)
    asking = asyncio.ensure_future(channel.send(IDS, AllocateProducerIdsResponse))
    await asyncio.sleep(0)
    channel.close()
    with pytest.raises(KafkaError) as failed:
        await asking
    assert failed.value.code is ErrorCode.BROKER_NOT_AVAILABLE


# -- forwarding


WIDER = CreatePartitionsRequest(
    topics=[CreatePartitionsTopic(name="t", count=3, assignments=None)], timeout_ms=1000, validate_only=False
)


def local(context: RequestContext, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    result = CreatePartitionsTopicResult(name="t", error_code=ErrorCode.NOT_CONTROLLER, error_message=None)
    return CreatePartitionsResponse(results=[result])


async def forwarded(handler: ForwardingHandler) -> int:
    answer = handler(sent_by(WIDER, 3), WIDER)
    if answer is not None and not isinstance(answer, CreatePartitionsResponse):
        answer = await answer  # type: ignore[misc]  # only responses and awaitables are left
    assert isinstance(answer, CreatePartitionsResponse)
    return answer.results[0].error_code


async def test_a_request_is_forwarded_with_its_sender(context: PeerContext) -> None:
    leader, elsewhere = Leader(), Elsewhere()
    async with elsewhere.server as server:
        channel = ControllerChannel(leader, context, SELF)
        leader.becomes(OTHER, server.port)
        assert await forwarded(ForwardingHandler(local, Forwarding(channel))) == ErrorCode.NONE
        channel.close()
    (envelope,) = elsewhere.envelopes
    principal = bytes(envelope.request_principal or b"")
    assert principal[:2] == b"\0\0"
    data, _ = decoder(DefaultPrincipalData, 0)(memoryview(principal), 2)
    assert (data.type, data.name, data.token_authenticated) == ("User", "ANONYMOUS", False)
    assert bytes(envelope.client_host_address) == bytes([127, 0, 0, 1])


async def test_nothing_is_forwarded_while_the_controller_is_here(context: PeerContext) -> None:
    channel = ControllerChannel(Leader(), context, SELF, Here(is_active=True))
    assert await forwarded(ForwardingHandler(local, Forwarding(channel))) == ErrorCode.NOT_CONTROLLER


async def test_an_envelope_that_is_refused_is_our_own_error(context: PeerContext) -> None:
    leader, elsewhere = Leader(), Elsewhere(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    async with elsewhere.server as server:
        channel = ControllerChannel(leader, context, SELF)
        leader.becomes(OTHER, server.port)
        with pytest.raises(KafkaError) as failed:
            await forwarded(ForwardingHandler(local, Forwarding(channel)))
        assert failed.value.code is ErrorCode.UNKNOWN_SERVER_ERROR
        channel.close()
