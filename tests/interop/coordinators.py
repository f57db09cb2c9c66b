"""Until every coordinator of a broker answers.

The first who asks for a coordinator has its internal topic created; then each partition is loaded by itself, in the
background. A scenario also asks about what is not there, on any partition: so all of them are waited for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.interop.connection import ANSWER_TIMEOUT_S

from ottla.coordinator.partitioner import partition_for
from ottla.protocol.api import read_share_group_state_summary as summing
from ottla.protocol.api.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.api.describe_transactions import DescribeTransactionsRequest, DescribeTransactionsResponse
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import uuid_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tests.interop.connection import Connection

GROUP, TRANSACTION, SHARE = range(3)
NOT_YET = {
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.NOT_COORDINATOR,
}


async def until_groups_have_coordinators(connection: Connection, partitions: int) -> None:
    """Of `__consumer_offsets` with this many partitions. TimeoutError when it takes too long, as with all here."""
    groups = one_name_a_partition(partitions)

    async def errors() -> list[int]:
        answer = await connection.ask(DescribeGroupsRequest(groups=groups), 5, DescribeGroupsResponse)
        return [each.error_code for each in answer.groups]

    await _until_there(connection, GROUP, groups, errors)


async def until_transactions_have_coordinators(connection: Connection, partitions: int) -> None:
    """Of `__transaction_state`."""
    ids = one_name_a_partition(partitions)

    async def errors() -> list[int]:
        request = DescribeTransactionsRequest(transactional_ids=ids)
        answer = await connection.ask(request, 0, DescribeTransactionsResponse)
        return [each.error_code for each in answer.transaction_states]

    await _until_there(connection, TRANSACTION, ids, errors)


async def until_share_partitions_have_coordinators(connection: Connection, topic_id: bytes, partitions: int) -> None:
    """Of `__share_group_state`, whose keys name a group and one of its share partitions, here 0 of the topic."""
    suffix = f":{uuid_text(topic_id)}:0"
    groups = one_name_a_partition(partitions, suffix)

    async def errors() -> list[int]:
        found: list[int] = []
        for group in groups:
            wanted = [summing.PartitionData(partition=0, leader_epoch=-1)]
            topic = summing.ReadStateSummaryData(topic_id=topic_id, partitions=wanted)
            request = summing.ReadShareGroupStateSummaryRequest(group_id=group, topics=[topic])
            answer = await connection.ask(request, 1, summing.ReadShareGroupStateSummaryResponse)
            found.append(answer.results[0].partitions[0].error_code)
        return found

    await _until_there(connection, SHARE, [f"{group}{suffix}" for group in groups], errors)


def one_name_a_partition(partitions: int, suffix: str = "") -> list[str]:
    """Names that nobody has: with the suffix each is a key on another partition."""
    names = {partition_for(f"nobodys-{number}{suffix}", partitions): f"nobodys-{number}" for number in range(1000)}
    assert len(names) == partitions
    return list(names.values())


async def _until_there(
    connection: Connection, key_type: int, keys: list[str], errors: Callable[[], Awaitable[Iterable[int]]]
) -> None:
    request = FindCoordinatorRequest(key_type=key_type, coordinator_keys=keys)
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            found = await connection.ask(request, 6, FindCoordinatorResponse)
            if not any(each.error_code for each in found.coordinators) and not NOT_YET.intersection(await errors()):
                return
            await asyncio.sleep(0.05)
