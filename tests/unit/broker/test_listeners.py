"""Bounds on connections: by listener, by host and by second, also while they change and clients are there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.broker.replicas import ManualClock, ManualTimers
from tests.unit.broker.wire import LIMITS, Client, Server

from ottla.broker.connection_quotas import ConnectionLimits, ListenerLimits
from ottla.broker.listeners import Listeners
from ottla.broker.settings import connection_limits
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from ottla.broker.request_context import RequestContext

INTERNAL = "INTERNAL"
BY_SECOND = replace(LIMITS, rate_windows=2, inter_broker_listener=INTERNAL)
"""The mean of one second at least counts."""


def answer(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    return HeartbeatResponse(error_code=ErrorCode.NONE)


async def ask(client: Client) -> None:
    client.send(HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 4)
    await client.receive(HeartbeatResponse, 4)


class TwoListeners(Server):
    """One for clients, one for brokers; time stands still until the test moves it."""

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__({ApiKey.HEARTBEAT: answer})
        clock = ManualClock()
        self.timers = ManualTimers(clock)
        self.listeners = Listeners(self.network, self.timers, limits, clock)
        self.internal_port = 0

    async def __aenter__(self) -> TwoListeners:
        await super().__aenter__()
        self.internal_port = (await self.listeners.open(INTERNAL, "127.0.0.1", 0, self.dispatcher)).port
        return self

    async def broker(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.internal_port))

    async def stay_outside(self, client: Client) -> None:
        """It has connected, to the system's backlog; whoever comes in would be counted by now."""
        before = self.listeners.connection_count
        for _ in range(10):
            await asyncio.sleep(0)
        assert self.listeners.connection_count == before


async def test_a_second_has_room_for_so_many_new_connections() -> None:
    async with TwoListeners(replace(BY_SECOND, max_creation_rate=2)) as server:
        first, second, third = [await server.client() for _ in range(3)]
        await ask(first)
        await ask(second)
        await server.stay_outside(third)
        await first.close()
        await ask(second)
        await server.stay_outside(third)  # one less inside does not make the second longer
        broker = await server.broker()
        await ask(broker)  # that of brokers is no part of it
        server.timers.advance(500)
        await ask(third)
        fourth = await server.client()
        await server.stay_outside(fourth)
        server.timers.advance(1000)
        await ask(fourth)


async def test_a_listener_has_a_rate_of_its_own() -> None:
    limits = replace(BY_SECOND, by_listener={INTERNAL: ListenerLimits(max_creation_rate=1)})
    async with TwoListeners(limits) as server:
        first, second = await server.broker(), await server.broker()
        await ask(first)
        await server.stay_outside(second)
        for client in [await server.client() for _ in range(5)]:
            await ask(client)
        server.timers.advance(1000)
        await ask(second)


async def test_a_listener_has_a_bound_of_its_own() -> None:
    limits = replace(BY_SECOND, max_connections=3, by_listener={"PLAINTEXT": ListenerLimits(max_connections=1)})
    async with TwoListeners(limits) as server:
        first, second, broker = await server.client(), await server.client(), await server.broker()
        await ask(first)
        await ask(broker)
        await server.stay_outside(second)
        await first.close()
        await ask(second)
        assert server.listeners.connection_count == 2


async def test_brokers_come_in_when_all_is_full_and_who_was_silent_for_longest_goes() -> None:
    async with TwoListeners(replace(BY_SECOND, max_connections=2)) as server:
        silent, busy = await server.client(), await server.client()
        await ask(silent)
        server.timers.advance(LIMITS.max_idle_ms // 8)
        await ask(busy)
        outside = await server.client()
        broker = await server.broker()
        await ask(broker)
        assert await silent.end() == b""
        await ask(busy)
        await server.stay_outside(outside)
        other = await server.broker()
        await ask(other)
        assert await busy.end() == b""
        last = await server.broker()
        await ask(last)  # nobody is left who could go
        assert server.listeners.connection_count == 3


async def test_an_only_listener_is_not_protected() -> None:
    limits = replace(LIMITS, max_connections=1, inter_broker_listener="PLAINTEXT")
    async with Server({ApiKey.HEARTBEAT: answer}, limits) as server:
        first, second = await server.client(), await server.client()
        await ask(first)
        await ask(first)
        assert server.listeners.connection_count == 1
        await first.close()
        await ask(second)


async def test_bounds_that_change_let_in_those_who_wait_and_throw_nobody_out() -> None:
    async with Server({ApiKey.HEARTBEAT: answer}, replace(LIMITS, max_connections=1)) as server:
        first, second = await server.client(), await server.client()
        await ask(first)
        await ask(first)
        assert server.listeners.connection_count == 1
        server.listeners.set_limits(replace(LIMITS, max_connections=2))
        await ask(second)
        server.listeners.set_limits(replace(LIMITS, max_connections=1, max_connections_per_host=1))
        await ask(first)
        await ask(second)


async def test_a_host_that_comes_too_often_is_turned_away() -> None:
    async with TwoListeners(BY_SECOND) as server:
        server.listeners.set_host_rates({None: 1_000_000.0, "127.0.0.1": 2.0})
        first, second, third = [await server.client() for _ in range(3)]
        await ask(first)
        await ask(second)
        assert await third.end() == b""
        server.timers.advance(2000)
        fourth = await server.client()
        await ask(fourth)
        server.listeners.set_host_rates({})
        for client in [await server.client() for _ in range(5)]:
            await ask(client)


def test_what_one_listener_may_stands_behind_its_name() -> None:
    config = server_config_of(
        {
            "listeners": "PLAINTEXT://127.0.0.1:9092,INTERNAL://127.0.0.1:9093",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL",
            "max.connections": "100",
            "listener.name.plaintext.max.connections": "7",
            "listener.name.internal.max.connection.creation.rate": "3",
        }
    )
    limits = connection_limits(config)
    assert limits.inter_broker_listener == "INTERNAL"
    assert limits.of_listener("PLAINTEXT") == ListenerLimits(7, 2**31 - 1)
    assert limits.of_listener("INTERNAL") == ListenerLimits(100, 3)
    changed = config.with_dynamic({}, {"listener.name.plaintext.max.connections": "8", "max.connections": "50"})
    limits = connection_limits(changed)
    assert (limits.max_connections, limits.of_listener("PLAINTEXT").max_connections) == (50, 8)
    assert limits.of_listener("INTERNAL").max_connections == 50
    assert config.ineffective_keys == []
