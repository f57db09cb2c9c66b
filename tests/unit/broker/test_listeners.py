"""Bounds on connections that change while clients are there, and how many may come in a second."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.broker.replicas import ManualClock, ManualTimers
from tests.unit.broker.wire import LIMITS, Client, Server

from ottla.broker.listeners import Listeners
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.request_context import RequestContext


def answer(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    return HeartbeatResponse(error_code=ErrorCode.NONE)


async def ask(client: Client) -> None:
    client.send(HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 4)
    await client.receive(HeartbeatResponse, 4)


async def test_further_connections_of_a_second_wait_for_the_next() -> None:
    server = Server({ApiKey.HEARTBEAT: answer})
    timers = ManualTimers(ManualClock())
    server.listeners = Listeners(server.network, timers, replace(LIMITS, max_creation_rate=2))
    async with server:
        first, second, third = [await server.client() for _ in range(3)]
        await ask(first)
        await ask(second)
        await asyncio.sleep(0.01)
        assert server.listeners.connection_count == 2
        await first.close()
        await ask(second)
        assert server.listeners.connection_count <= 2  # one less inside does not make the second longer
        timers.advance(1000)
        await ask(third)
        timers.advance(1000)
        fourth = await server.client()
        await ask(fourth)


async def test_bounds_that_change_let_in_those_who_wait_and_throw_nobody_out() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}, replace(LIMITS, max_connections=1)) as server:
        first, second = await server.client(), await server.client()
        await ask(first)
        await asyncio.sleep(0.01)
        assert server.listeners.connection_count == 1
        server.listeners.set_limits(replace(LIMITS, max_connections=2))
        await ask(second)
        server.listeners.set_limits(replace(LIMITS, max_connections=1, max_connections_per_host=1))
        await ask(first)
        await ask(second)
