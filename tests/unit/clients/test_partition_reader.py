"""`PartitionReader`: what one partition's error does to the records of others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from ottla.clients import consumer
from ottla.clients.client import ClusterMetadata, PartitionMetadata, TopicMetadata
from ottla.clients.consumer import FetchedData, PartitionReader, TopicPartition
from ottla.protocol.api.fetch import PartitionData
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ottla.clients.client import KafkaClient

ERRORS = (ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR)


class KnowsLeaders:
    """Partition `n` of topic `t` is led by `leaders[n]`."""

    def __init__(self, *leaders: int) -> None:
        partitions = {index: PartitionMetadata(index, each, 0, (each,), (each,)) for index, each in enumerate(leaders)}
        self.metadata = ClusterMetadata(topics={"t": TopicMetadata("t", ZERO_UUID, False, partitions)})

    async def retry(self, attempt: Callable[[], Awaitable[object]]) -> object:
        return await attempt()


@pytest.mark.parametrize("leaders", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("error", ERRORS)
async def test_an_error_of_one_partition_loses_no_records_of_another(
    monkeypatch: pytest.MonkeyPatch, leaders: tuple[int, int], error: ErrorCode
) -> None:
    """Found by simulation: cluster-combined-disks, seed 1007."""

    async def fetch(
        _client: object, leader: int, positions: Mapping[TopicPartition, int], *_: object, **__: object
    ) -> list[FetchedData]:
        return [FetchedData(where, at, _data(where.partition, at, error)) for where, at in sorted(positions.items())]

    monkeypatch.setattr(consumer, "fetch", fetch)
    reader = PartitionReader(cast("KafkaClient", KnowsLeaders(*leaders)), {TopicPartition("t", n): 0 for n in (0, 1)})
    assert [record.value for record in await reader.poll()] == [b"a"]
    assert reader.positions == {TopicPartition("t", 0): 1, TopicPartition("t", 1): 0}
    if error.retriable:
        assert await reader.poll() == []
    else:
        with pytest.raises(KafkaError):
            await reader.poll()


async def test_a_poll_that_is_cancelled_has_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One leader has answered, another has not. Found by simulation: cluster-combined-without-power, seed 2207."""

    async def fetch(
        _client: object, leader: int, positions: Mapping[TopicPartition, int], *_: object, **__: object
    ) -> list[FetchedData]:
        if leader == 2:
            await asyncio.Event().wait()
        return [FetchedData(where, at, _data(where.partition, at, ErrorCode.NONE)) for where, at in positions.items()]

    monkeypatch.setattr(consumer, "fetch", fetch)
    reader = PartitionReader(cast("KafkaClient", KnowsLeaders(1, 2)), {TopicPartition("t", n): 0 for n in (0, 1)})
    polling = asyncio.ensure_future(reader.poll())
    await asyncio.sleep(0.01)
    assert reader.positions[TopicPartition("t", 0)] == 1
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling
    assert set(reader.positions.values()) == {0}


def _data(partition: int, offset: int, error: ErrorCode) -> PartitionData:
    """Partition 0 has one record, partition 1 fails."""
    builder = RecordBatchBuilder()
    builder.append(None, b"a", timestamp_ms=0)
    is_there = partition == 0 and offset == 0
    return PartitionData(
        partition_index=partition,
        error_code=ErrorCode.NONE if partition == 0 else error,
        high_watermark=1,
        aborted_transactions=[],
        records=memoryview(builder.build()) if is_there else None,
    )
