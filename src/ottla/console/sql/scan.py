"""Reads what a query needs of a topic, as far as the bounds allow: committed records only, decoded, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.clients.consumer import READ_COMMITTED, PartitionReader, TopicPartition
from ottla.console.sql.columns import Columns
from ottla.console.sql.moment import QueryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord
    from ottla.console.sql.decoding import Decoder
    from ottla.console.sql.extent import Extent

WAIT_MS: Final = 500


@dataclass(slots=True)
class Allowance:
    """What is left of the bounds of a query, over all of its topics."""

    records: int
    size_bytes: int

    def take(self, extent: Extent, record: ConsumedRecord) -> None:
        self.records -= 1
        self.size_bytes -= len(record.key or b"") + len(record.value or b"")
        self.size_bytes -= sum(len(name) + len(value or b"") for name, value in record.headers)
        if self.records < 0 or self.size_bytes < 0:
            option = "--max-records" if self.records < 0 else "--max-bytes"
            raise QueryError(
                f"{extent.reference.topic}: it is more than {option} allows. Ask for less (WHERE _partition, _offset or"
                f" _timestamp; BETWEEN), or allow more"
            )


class Mask(Protocol):
    """Hides what whoever asks may not see; see `console.web.access.masking`."""

    def apply(self, topic: str, part: str, value: Any) -> tuple[Any, bool]: ...

    def header(self, topic: str, name: str, value: bytes | None) -> tuple[str | None, bool]: ...


@dataclass(slots=True)
class Scan:
    """`progress` is told of every round: how many records were read. Without a `mask` everything is shown."""

    client: KafkaClient
    allowance: Allowance
    key: Decoder
    value: Decoder
    progress: Callable[[int], None]
    mask: Mask | None = None
    read: int = 0

    async def columns(self, extent: Extent) -> Columns:
        columns = Columns()
        records = self._latest(extent) if extent.reference.latest else self._records(extent)
        async for record in records:
            if self.mask is None:
                columns.add(record, self.key(record), self.value(record))
            else:
                self._add_masked(columns, record, self.mask)
        return columns

    def _add_masked(self, columns: Columns, record: ConsumedRecord, mask: Mask) -> None:
        key, _ = mask.apply(record.topic, "key", self.key(record))
        value, _ = mask.apply(record.topic, "value", self.value(record))
        headers: list[tuple[str, bytes | None]] = []
        for name, held in record.headers:
            shown, hidden = mask.header(record.topic, name, held)
            headers.append((name, (shown or "").encode() if hidden else held))
        columns.add(record._replace(headers=headers), key, value)

    async def _latest(self, extent: Extent) -> AsyncIterator[ConsumedRecord]:
        """The last record of each key, in the order of their offsets; tombstones and records without a key are none.

        Keys are those of the bytes, within their partition: as compaction sees them.
        """
        last: dict[tuple[int, bytes], ConsumedRecord] = {}
        async for record in self._records(extent):
            if record.key is None:
                continue
            last.pop((record.partition, record.key), None)
            if record.value is not None:
                last[record.partition, record.key] = record
        for record in last.values():
            yield record

    async def _records(self, extent: Extent) -> AsyncIterator[ConsumedRecord]:
        topic = extent.reference.topic
        ends = {TopicPartition(topic, each): end for each, (start, end) in extent.ranges.items() if start < end}
        positions = {where: extent.ranges[where.partition][0] for where in ends}
        reader = PartitionReader(self.client, positions, isolation_level=READ_COMMITTED, max_wait_ms=WAIT_MS)
        while positions:
            for record in await reader.poll():
                where = TopicPartition(topic, record.partition)
                if record.offset < ends[where]:
                    self.read += 1
                    self.allowance.take(extent, record)
                    yield record
            for where in [each for each, at in positions.items() if at >= ends[each]]:
                del positions[where]
            self.progress(self.read)
