"""Reads what a query needs of a topic, as far as the bounds allow: committed records only, as columns.

    fetched batches ─► Chunk ─────────────────► Columns ─► a table of Arrow
                         └─► Latest ─► Chunk ─────┘

Chunks are decoded in a thread, so that whoever else is served here does not wait.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.column_reader import ColumnReader
from ottla.clients.consumer import READ_COMMITTED, TopicPartition
from ottla.console.sql.chunk import Chunk
from ottla.console.sql.columns import Columns
from ottla.console.sql.latest import Latest
from ottla.console.sql.moment import QueryError
from ottla.console.sql.usage import sees
from ottla.protocol.record import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ottla.clients.client import KafkaClient
    from ottla.clients.column_reader import ConsumedBatch
    from ottla.console.sql.columns import Mask
    from ottla.console.sql.decoding import Decoder
    from ottla.console.sql.extent import Extent
    from ottla.console.sql.usage import Names

WAIT_MS: Final = 500


@dataclass(slots=True)
class Allowance:
    """What is left of the bounds of a query, over all of its topics."""

    records: int
    size_bytes: int

    def take(self, topic: str, records: int, size_bytes: int) -> None:
        self.records -= records
        self.size_bytes -= size_bytes
        if self.records < 0 or self.size_bytes < 0:
            option = "--max-records" if self.records < 0 else "--max-bytes"
            raise QueryError(
                f"{topic}: it is more than {option} allows. Ask for less (WHERE _partition, _offset or"
                f" _timestamp; BETWEEN), or allow more"
            )


@dataclass(slots=True)
class Scan:
    """`names`: what the query sees. `progress` is told of every round: how many records were read. Without a `mask`
    everything is shown."""

    client: KafkaClient
    allowance: Allowance
    key: Decoder
    value: Decoder
    names: Names
    progress: Callable[[int], None]
    mask: Mask | None = None
    read: int = 0

    async def table(self, extent: Extent) -> Any:
        """A `pyarrow.Table`."""
        topic = extent.reference.topic
        columns = Columns(topic, self.key, self.value, self.names, self.mask)
        if not extent.reference.latest:
            async for chunk in self._chunks(extent):
                await asyncio.to_thread(columns.add, chunk)
            return await asyncio.to_thread(columns.to_arrow)
        latest = Latest(topic, has_headers=sees(self.names, "_headers"))
        async for chunk in self._chunks(extent):
            await asyncio.to_thread(latest.add, chunk)
        return await asyncio.to_thread(_decoded, latest, columns)

    async def _chunks(self, extent: Extent) -> AsyncIterator[Chunk]:
        topic = extent.reference.topic
        ends = {TopicPartition(topic, each): end for each, (start, end) in extent.ranges.items() if start < end}
        positions = {where: extent.ranges[where.partition][0] for where in ends}
        reader = ColumnReader(self.client, positions, isolation_level=READ_COMMITTED, max_wait_ms=WAIT_MS, ends=ends)
        chunk = Chunk(topic)
        while positions:
            for batch in await reader.poll():
                count, size_bytes = len(batch.columns.offsets), _size_bytes(batch)
                self.read += count
                self.allowance.take(topic, count, size_bytes)
                chunk.add(batch, size_bytes)
                if chunk.is_full:
                    yield chunk
                    chunk = Chunk(topic)
            for where in [each for each, at in positions.items() if at >= ends[each]]:
                del positions[where]
            self.progress(self.read)
        if len(chunk):
            yield chunk


def _decoded(latest: Latest, columns: Columns) -> Any:
    for chunk in latest.chunks():
        columns.add(chunk)
    return columns.to_arrow()


def _size_bytes(batch: ConsumedBatch) -> int:
    """Of keys, values and headers."""
    _, _, keys, values, headers = batch.columns
    size = sum(map(len, filter(None, keys))) + sum(map(len, filter(None, values)))
    for each in headers:
        if each is not NO_HEADERS:
            size += sum(len(name) + len(value or b"") for name, value in each)
    return size
