"""A small topic that holds a program's state, read from its beginning to its end: Kafka Connect's `KafkaBasedLog`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.clients.consumer import (
    READ_UNCOMMITTED,
    PartitionReader,
    TopicPartition,
    earliest_offsets,
    latest_offsets,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord

_READ_ROUND_MS = 100


class TopicLog:
    """`await log.open()`, then `read()` until it gives nothing and `at_end` is true; later reads give what is new."""

    def __init__(
        self,
        client: KafkaClient,
        topic: str,
        *,
        partition: int | None = None,
        isolation_level: int = READ_UNCOMMITTED,
    ) -> None:
        self._client = client
        self._topic = topic
        self._partition = partition
        self._isolation_level = isolation_level
        self._reader: PartitionReader | None = None
        self._ends: dict[TopicPartition, int] = {}

    async def open(self) -> None:
        """`KafkaError(UNKNOWN_TOPIC_OR_PARTITION)` if there is no such topic."""
        metadata = await self._client.topic(self._topic)
        wheres = [TopicPartition(self._topic, index) for index in metadata.partitions]
        if self._partition is not None:
            wheres = [TopicPartition(self._topic, self._partition)]
        positions = await earliest_offsets(self._client, wheres)
        self._ends = await latest_offsets(self._client, wheres, isolation_level=self._isolation_level)
        self._reader = PartitionReader(
            self._client, positions, max_wait_ms=_READ_ROUND_MS, isolation_level=self._isolation_level
        )

    @property
    def at_end(self) -> bool:
        """Whether all was read that was there when the log was opened."""
        assert self._reader is not None, "the log is not open"
        return all(self._reader.positions[where] >= end for where, end in self._ends.items())

    async def read(self) -> list[ConsumedRecord]:
        """What one round brings. Where the beginning was compacted or deleted meanwhile, it goes on at the new one."""
        assert self._reader is not None, "the log is not open"
        try:
            return await self._reader.poll()
        except KafkaError as error:
            if error.code is not ErrorCode.OFFSET_OUT_OF_RANGE:
                raise
        positions = self._reader.positions
        positions.update(await earliest_offsets(self._client, positions))
        return []


async def read_topic(
    client: KafkaClient, topic: str, *, partition: int | None = None, isolation_level: int = READ_UNCOMMITTED
) -> AsyncIterator[ConsumedRecord]:
    """Every record that is there now, in order within a partition."""
    log = TopicLog(client, topic, partition=partition, isolation_level=isolation_level)
    await log.open()
    while not log.at_end:
        for record in await log.read():
            yield record
