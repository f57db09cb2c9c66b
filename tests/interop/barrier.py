"""A barrier between a change and whoever asks about it.

A controller of Apache Kafka acknowledges a change before its broker has applied it: a request that comes at once may
still meet the state before. One thread of the broker hands each update of the metadata to its publishers, one after the
other (`MetadataLoader`, `BrokerMetadataPublisher`), so a later update that shows anywhere proves that every earlier one
was handed to all of them. The barrier makes two updates that show: the second proves the first, whose publishers may
have been in the middle when it showed, and so all that came before both. Coordinators take metadata in through the
queue that their requests stand in, and are covered, too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ottla.protocol.api.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
)
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from tests.interop.connection import Connection

DEADLINE_S: Final = 60.0
INTERVAL_S: Final = 0.005
GROUP_RESOURCE: Final = 32
DYNAMIC_GROUP_CONFIG: Final = 8
KEY: Final = "consumer.session.timeout.ms"
SET, DELETE = 0, 1


async def until_applied(connection: Connection) -> None:
    """Return when the broker has applied what its controller acknowledged before; nothing of it stays behind.

    The connection's user may describe and alter configs of groups. TimeoutError after `DEADLINE_S`.
    """
    marker = f"barrier-{uuid4().hex}"
    async with asyncio.timeout(DEADLINE_S):
        for operation, value in ((SET, "45000"), (DELETE, None)):
            await _alter(connection, marker, operation, value)
            while await _is_set(connection, marker) != (operation == SET):  # noqa: ASYNC110  # another process
                await asyncio.sleep(INTERVAL_S)


async def _alter(connection: Connection, marker: str, operation: int, value: str | None) -> None:
    config = AlterableConfig(name=KEY, config_operation=operation, value=value)
    resource = AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name=marker, configs=[config])
    request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
    error = ErrorCode.REQUEST_TIMED_OUT
    while error is ErrorCode.REQUEST_TIMED_OUT:  # of a controller that is very busy
        answer = await connection.ask(request, 1, IncrementalAlterConfigsResponse)
        error = ErrorCode(answer.responses[0].error_code)
    assert error is ErrorCode.NONE


async def _is_set(connection: Connection, marker: str) -> bool:
    resource = DescribeConfigsResource(resource_type=GROUP_RESOURCE, resource_name=marker, configuration_keys=[KEY])
    answer = await connection.ask(DescribeConfigsRequest(resources=[resource]), 4, DescribeConfigsResponse)
    assert answer.results[0].error_code == ErrorCode.NONE, answer
    return any(config.config_source == DYNAMIC_GROUP_CONFIG for config in answer.results[0].configs)
