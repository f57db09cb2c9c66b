"""A page of messages: from the newest backwards or from the oldest onwards, over partitions by their timestamps.

Of each partition there is a window of offsets that nobody has seen yet. Chunks of it are read, at its end or its
beginning, and what matches is kept in order; the page takes from the partition whose next message is the newest (or the
oldest). What was read and not taken goes back into the window, so the windows are all that the next page has to know.

    window   first ──────────────────── last          newest: chunks from `last` down
                          [── chunk ──]               oldest: chunks from `first` up
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.consumer import READ_UNCOMMITTED, PartitionReader, TopicPartition
from ottla.console.web.message import bad_request
from ottla.console.web.messages.fields import CUT_LENGTH
from ottla.console.web.messages.filter import size_of
from ottla.runtime.base64url import base64url_from_text, base64url_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord
    from ottla.console.web.messages.filter import Matched, MessageFilter

NEWEST: Final = "newest"
OLDEST: Final = "oldest"
ORDERS: Final = (NEWEST, OLDEST)

RECORDS_MAX: Final = 100_000
SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
TIME_MAX_S: Final = 10.0
"""What one page may read: it ends with what it has, and the next goes on from there."""
HARD_TIME_MAX_S: Final = 30.0
CHUNK_MIN: Final = 10
CHUNK_FILTERED: Final = 200
CHUNK_MAX: Final = 20_000
"""Offsets of a partition that are read at once."""
ROUND_MAX: Final = 20_000
"""Offsets of all partitions that are read at once."""
CHUNK_BYTES: Final = 8 * 1024 * 1024
"""After which a chunk of one partition is not made longer."""
PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of the records of a page, each as far as it is shown: it ends with what it has."""
WAIT_MS: Final = 200
CURSOR_LENGTH_MAX: Final = 200_000


@dataclass(slots=True)
class Window:
    """Offsets from `first` up to, and without, `last`."""

    first: int
    last: int

    def __bool__(self) -> bool:
        return self.first < self.last


@dataclass(slots=True)
class Page:
    messages: list[dict[str, Any]]
    windows: dict[int, Window]
    ended: str
    """`limit`, `end`, `time`, `records` or `bytes`."""
    records: int
    size_bytes: int

    @property
    def cursor(self) -> str | None:
        left = {str(each): [window.first, window.last] for each, window in self.windows.items() if window}
        return encode_cursor(left) if left else None


@dataclass(slots=True)
class _Partition:
    window: Window
    found: deque[Matched] = field(default_factory=deque)
    """In the order in which they are shown."""
    chunk: int = CHUNK_MIN


class Search:
    """`await run()` once."""

    def __init__(
        self,
        client: KafkaClient,
        topic: str,
        windows: Mapping[int, Window],
        keep: MessageFilter,
        *,
        order: str,
        limit: int,
        filtered: bool,
        isolation_level: int = READ_UNCOMMITTED,
    ) -> None:
        self._client = client
        self._topic = topic
        self._keep = keep
        self._newest = order == NEWEST
        self._limit = limit
        self._isolation_level = isolation_level
        # Of one partition exactly what is wanted; of several a few more, as their shares are not the same.
        share = limit if len(windows) == 1 else limit // max(1, len(windows)) + CHUNK_MIN
        chunk = CHUNK_FILTERED if filtered else min(share, CHUNK_MAX)
        self._partitions = {
            index: _Partition(Window(window.first, window.last), chunk=chunk) for index, window in windows.items()
        }
        self._records = 0
        self._size_bytes = 0

    async def run(self) -> Page:
        """`KafkaError`, `TimeoutError`."""
        deadline = time.monotonic() + TIME_MAX_S
        taken: list[Matched] = []
        shown_bytes = 0
        async with asyncio.timeout(HARD_TIME_MAX_S):
            while True:
                empty = [index for index, each in self._partitions.items() if each.window and not each.found]
                if empty:
                    ended = self._bound(deadline)
                    if ended is not None:
                        break
                    await self._read(empty)
                    continue
                best = self._best()
                if best is None:
                    ended = "end"
                    break
                taken.append(best.found.popleft())
                shown_bytes += min(taken[-1].shown["size_bytes"], 2 * CUT_LENGTH)
                if len(taken) == self._limit:
                    ended = "limit"
                    break
                if shown_bytes >= PAGE_BYTES_MAX:
                    ended = "bytes"
                    break
        for each in self._partitions.values():
            self._give_back(each)
        windows = {index: each.window for index, each in self._partitions.items()}
        if not any(windows.values()):
            ended = "end"
        return Page([each.shown for each in taken], windows, ended, self._records, self._size_bytes)

    def _bound(self, deadline: float) -> str | None:
        if self._records >= RECORDS_MAX:
            return "records"
        if self._size_bytes >= SIZE_BYTES_MAX:
            return "bytes"
        return "time" if self._records and time.monotonic() >= deadline else None

    def _best(self) -> _Partition | None:
        there = [each for each in self._partitions.values() if each.found]
        if not there:
            return None
        choose = max if self._newest else min
        return choose(there, key=lambda each: (each.found[0].timestamp_ms, each.found[0].partition))

    def _give_back(self, partition: _Partition) -> None:
        if partition.found:
            offset = partition.found[0].offset
            if self._newest:
                partition.window.last = offset + 1
            else:
                partition.window.first = offset
            partition.found.clear()

    async def _read(self, indexes: Sequence[int]) -> None:
        """A chunk of each of these partitions, at the end of its window that is next."""
        longest = max(CHUNK_MIN, ROUND_MAX // len(indexes))
        chunks: dict[int, Window] = {}
        for index in indexes:
            partition = self._partitions[index]
            window, count = partition.window, min(partition.chunk, longest)
            partition.chunk = min(2 * count, CHUNK_MAX)
            if self._newest:
                chunks[index] = Window(max(window.first, window.last - count), window.last)
            else:
                chunks[index] = Window(window.first, min(window.last, window.first + count))
        reader = ChunkReader(self._client, self._topic, chunks, self._isolation_level, keeps_last=self._newest)
        records = await reader.read()
        self._records += reader.records
        self._size_bytes += reader.size_bytes
        found = await asyncio.to_thread(self._keep.matches, [record for each in records.values() for record in each])
        for index, chunk in chunks.items():
            partition = self._partitions[index]
            if reader.sizes[index]:  # large messages make small chunks
                average = reader.sizes[index] // len(records[index])
                partition.chunk = max(1, min(partition.chunk, CHUNK_BYTES // max(1, average)))
            if self._newest:
                partition.window.last = chunk.first
            else:
                partition.window.first = chunk.last
        for matched in reversed(found) if self._newest else found:
            self._partitions[matched.partition].found.append(matched)


class ChunkReader:
    """Reads a window of each partition. One that has more bytes than `CHUNK_BYTES` is made shorter: `chunks` say what
    was read in the end, the last part of each with `keeps_last`, else the first."""

    def __init__(
        self,
        client: KafkaClient,
        topic: str,
        chunks: dict[int, Window],
        isolation_level: int,
        *,
        keeps_last: bool,
    ) -> None:
        self.records = 0
        self.size_bytes = 0
        self.sizes = dict.fromkeys(chunks, 0)
        """Bytes of what is kept of each partition."""
        self._client = client
        self._topic = topic
        self._chunks = chunks
        self._isolation_level = isolation_level
        self._keeps_last = keeps_last

    async def read(self) -> dict[int, list[ConsumedRecord]]:
        """By partition, in order of their offsets."""
        kept: dict[int, list[ConsumedRecord]] = {index: [] for index in self._chunks}
        positions = {TopicPartition(self._topic, index): chunk.first for index, chunk in self._chunks.items()}
        reader = PartitionReader(
            self._client,
            positions,
            isolation_level=self._isolation_level,
            max_wait_ms=WAIT_MS,
            ends={TopicPartition(self._topic, index): chunk.last for index, chunk in self._chunks.items()},
        )
        while positions:
            for record in await reader.poll():
                self._take(record, kept, positions)
            for where in [each for each, at in positions.items() if at >= self._chunks[each.partition].last]:
                del positions[where]
        return kept

    def _take(
        self,
        record: ConsumedRecord,
        kept: dict[int, list[ConsumedRecord]],
        positions: dict[TopicPartition, int],
    ) -> None:
        chunk, mine = self._chunks[record.partition], kept[record.partition]
        if record.offset >= chunk.last:
            return
        size = size_of(record)
        self.records += 1
        self.size_bytes += size
        mine.append(record)
        self.sizes[record.partition] += size
        if self.sizes[record.partition] <= CHUNK_BYTES:
            return
        if self._keeps_last:  # the first of them are left for the next chunk
            while len(mine) > 1 and self.sizes[record.partition] > CHUNK_BYTES:
                self.sizes[record.partition] -= size_of(mine.pop(0))
            chunk.first = mine[0].offset
        else:
            chunk.last = record.offset + 1
            positions.pop(TopicPartition(self._topic, record.partition), None)


def encode_cursor(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64url_text(text.encode())


def decode_windows(cursor: str) -> dict[int, Window]:
    """`ApiError`: it is none of ours."""
    value = decode_cursor(cursor)
    windows: dict[int, Window] = {}
    for index, ends in value.items():
        if not index.isdecimal() or not isinstance(ends, list) or len(ends) != 2 or not all(map(_is_offset, ends)):
            raise bad_request("the cursor is none of this console's")
        windows[int(index)] = Window(*ends)
    return windows


def decode_positions(cursor: str) -> dict[int, int]:
    """`ApiError`: it is none of ours."""
    value = decode_cursor(cursor)
    if not all(index.isdecimal() and _is_offset(offset) for index, offset in value.items()):
        raise bad_request("the cursor is none of this console's")
    return {int(index): offset for index, offset in value.items()}


def decode_cursor(cursor: str) -> dict[str, Any]:
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise ValueError("too long")
        value = json.loads(base64url_from_text(cursor))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise bad_request("the cursor is none of this console's")
    return value


def _is_offset(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
