"""Bounds on the connections of a listener and a host, changed while a node runs: who waits, who is turned away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest
from tests.interop.barrier import until_applied
from tests.interop.connection import Connection

from ottla.protocol.api.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasRequestEntryData,
    AlterClientQuotasResponse,
    EntityData,
    OpData,
)
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

BROKER: Final = 4
SET: Final = 0
OUTSIDE_S: Final = 0.5
ANSWER_S: Final = 60.0


async def alter(connection: Connection, key: str, value: str, broker: str = "1") -> None:
    config = AlterableConfig(name=key, config_operation=SET, value=value)
    resource = AlterConfigsResource(resource_type=BROKER, resource_name=broker, configs=[config])
    request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
    error = ErrorCode.REQUEST_TIMED_OUT
    while error is ErrorCode.REQUEST_TIMED_OUT:  # of a controller that is very busy
        answer = await connection.ask(request, 1, IncrementalAlterConfigsResponse)
        error = ErrorCode(answer.responses[0].error_code)
    assert error is ErrorCode.NONE
    await until_applied(connection)


async def greet(connection: Connection) -> None:
    request = ApiVersionsRequest(client_software_name="tests", client_software_version="1")
    answer = await connection.ask(request, 3, ApiVersionsResponse)
    assert answer.error_code == 0


async def stays_outside(connection: Connection) -> asyncio.Task[None]:
    """What it asked is not answered yet."""
    asking = asyncio.create_task(greet(connection))
    _, pending = await asyncio.wait([asking], timeout=OUTSIDE_S)
    assert pending, "it came in"
    return asking


@pytest.mark.parametrize("key", ["max.connections", "listener.name.plaintext.max.connections"])
def test_who_comes_when_all_is_full_waits_until_somebody_leaves(own_node: NodeFactory, key: str) -> None:
    async def run(node: NodeProcess) -> None:
        admin = await Connection.open(node.address)
        await alter(admin, key, "2")
        inside = await Connection.open(node.address)
        await greet(inside)
        first, second = [await Connection.open(node.address) for _ in range(2)]
        waiting = await stays_outside(first)
        inside.close()
        await asyncio.wait_for(waiting, ANSWER_S)
        waiting = await stays_outside(second)
        await alter(admin, key, "3")
        await asyncio.wait_for(waiting, ANSWER_S)
        for each in (admin, first, second):
            each.close()

    asyncio.run(run(own_node()))


@pytest.mark.parametrize("key", ["max.connections.per.ip", "max.connections.per.ip.overrides"])
def test_who_has_too_many_is_turned_away(own_node: NodeFactory, key: str) -> None:
    async def run(node: NodeProcess) -> None:
        admin = await Connection.open(node.address)
        await alter(admin, key, "127.0.0.1:2" if key.endswith("overrides") else "2", "")
        inside, outside = await Connection.open(node.address), await Connection.open(node.address)
        await greet(inside)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(greet(outside), ANSWER_S)
        inside.close()
        async with asyncio.timeout(ANSWER_S):
            while not await comes_in(node):  # noqa: ASYNC110  # as soon as the node has noticed
                await asyncio.sleep(0.01)
        admin.close()

    asyncio.run(run(own_node()))


def test_a_host_that_comes_too_often_is_turned_away(own_node: NodeFactory) -> None:
    async def run(node: NodeProcess) -> None:
        admin = await Connection.open(node.address)
        await set_creation_rate(admin, 1.0)
        while await comes_in(node):
            pass
        await set_creation_rate(admin, None)
        for _ in range(5):
            assert await comes_in(node)
        admin.close()

    asyncio.run(run(own_node()))


async def set_creation_rate(connection: Connection, per_second: float | None) -> None:
    entry = AlterClientQuotasRequestEntryData(
        entity=[EntityData(entity_type="ip", entity_name="127.0.0.1")],
        ops=[OpData(key="connection_creation_rate", value=per_second or 0.0, remove=per_second is None)],
    )
    request = AlterClientQuotasRequest(entries=[entry], validate_only=False)
    answer = await connection.ask(request, 1, AlterClientQuotasResponse)
    assert answer.entries[0].error_code == 0, answer
    await until_applied(connection)


async def comes_in(node: NodeProcess) -> bool:
    connection = await Connection.open(node.address)
    try:
        await asyncio.wait_for(greet(connection), ANSWER_S)
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    finally:
        connection.close()
    return True
