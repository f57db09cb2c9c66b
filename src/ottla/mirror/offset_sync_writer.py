"""Writes offset syncs to their topic, as they come; a cluster that is away holds up nothing but this."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.clients.topics import create_compacted_topic
from ottla.mirror.state_writer import StateRecord, StateWriter

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient
    from ottla.mirror.flow_config import FlowConfig
    from ottla.mirror.offset_sync import OffsetSync
    from ottla.mirror.progress import FlowProgress

PENDING_SYNCS_MAX: Final = 10_000
"""With more, only the latest of each partition is kept: translation gets coarser, memory stays. (With more partitions
than that, twice as many as there are.)"""


class OffsetSyncWriter:
    def __init__(self, flow: FlowConfig, client: KafkaClient, progress: FlowProgress) -> None:
        self._flow = flow
        self._client = client
        self._progress = progress
        self._writer = StateWriter(client, flow.offset_syncs_topic)
        self._pending: list[OffsetSync] = []
        self._pending_max = PENDING_SYNCS_MAX
        self._queued = asyncio.Event()

    def queue(self, sync: OffsetSync) -> None:
        self._pending.append(sync)
        if len(self._pending) > self._pending_max:
            self._pending = list({each.where: each for each in self._pending}.values())
            self._pending_max = max(PENDING_SYNCS_MAX, 2 * len(self._pending))
        self._queued.set()

    async def create_topic(self) -> None:
        flow = self._flow
        await create_compacted_topic(self._client, flow.offset_syncs_topic, 1, flow.offset_syncs_replication_factor)

    async def run(self) -> None:
        while True:
            await self._queued.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what is queued; after a failure it still is."""
        self._queued.clear()
        pending, self._pending = self._pending, []
        if not pending:
            return
        try:
            await self._writer.write(StateRecord(sync.key(), sync.value()) for sync in pending)
        except BaseException:
            self._pending = pending + self._pending
            self._queued.set()
            raise
        self._progress.troubles.pop("offset syncs", None)
