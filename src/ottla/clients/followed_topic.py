"""A topic that a program follows for as long as it runs: read from its beginning, and then whatever comes.

What reads has a client of its own: a fetch that waits holds up its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from ottla.clients.consumer import (
    READ_UNCOMMITTED,
    PartitionReader,
    TopicPartition,
    earliest_offsets,
    latest_offsets,
)
from ottla.clients.errors import ClientError
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord

_log = logging.getLogger(__name__)

READ_WAIT_MS: Final = 1_000
RETRY_S: Final = 0.5


class FollowedTopic:
    """`apply` gets what each fetch brings, in order within a partition; what it raises ends the reading.

    `positions` are those up to which all is applied; an owner that applied something itself moves them on.
    """

    def __init__(
        self,
        client: KafkaClient,
        reading: KafkaClient,
        apply: Callable[[Sequence[ConsumedRecord]], Awaitable[None]],
        *,
        isolation_level: int = READ_UNCOMMITTED,
    ) -> None:
        self.positions: dict[TopicPartition, int] = {}
        self._client = client
        self._reading = reading
        self._apply = apply
        self._isolation_level = isolation_level
        self._reader: PartitionReader | None = None
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self, wheres: Sequence[TopicPartition]) -> None:
        """From the beginning of each partition. `KafkaError`, `ClientError`."""
        self.positions = await earliest_offsets(self._client, wheres)
        self._reader = PartitionReader(
            self._reading, dict(self.positions), max_wait_ms=READ_WAIT_MS, isolation_level=self._isolation_level
        )
        self._task = asyncio.get_running_loop().create_task(self._read_forever(self._reader))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def read_to_end(self, timeout_s: float) -> None:
        """Returns when all is applied that was there at the call, be it committed or not yet decided.

        `KafkaError`, `ClientError`: nobody says where the end is; `TimeoutError`.
        """
        ends = await latest_offsets(self._client, self.positions)

        async with asyncio.timeout(timeout_s):
            while any(self.positions[where] < end for where, end in ends.items()):
                await self._moved.wait()

    async def _read_forever(self, reader: PartitionReader) -> None:
        while True:
            try:
                records = await reader.poll()
            except (KafkaError, ClientError) as error:
                raise_if_cancelled()
                topics = ", ".join(sorted({where.topic for where in self.positions}))
                _log.warning("cannot read topic %s: %s", topics, error)
                await self._find_place(reader, error)
                continue
            await self._apply(records)
            for where, position in reader.positions.items():
                self.positions[where] = max(self.positions[where], position)
            self._moved.set()
            self._moved.clear()

    async def _find_place(self, reader: PartitionReader, error: Exception) -> None:
        """Where what was to be read next was compacted or deleted meanwhile, it goes on at the beginning."""
        await asyncio.sleep(RETRY_S)
        if isinstance(error, KafkaError) and error.code is ErrorCode.OFFSET_OUT_OF_RANGE:
            with contextlib.suppress(KafkaError, ClientError):
                starts = await earliest_offsets(self._client, self.positions)
                for where, start in starts.items():
                    reader.positions[where] = max(self.positions[where], start)
