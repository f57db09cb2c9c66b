"""The offsets of one connector: in the worker's topic, or in one of its own (`ConnectorOffsetBackingStore`).

What is in the connector's topic counts; what is only in the worker's stands for it until then, so that a connector can
be given a topic of its own at any time. What is stored goes into the worker's, too, afterwards.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError
from ottla.connect.store.source_partition import partition_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.store.offset_store import Offset, OffsetStore
    from ottla.connect.store.transactional_writer import TransactionalWriter

_log = logging.getLogger(__name__)

Partition = dict[str, Any] | None


class ConnectorOffsetStore:
    def __init__(self, connector: str, primary: OffsetStore, secondary: OffsetStore | None = None) -> None:
        self._connector = connector
        self._primary = primary
        self._secondary = secondary

    async def refresh(self) -> None:
        """Returns when all is known that was stored before. `ConnectError`."""
        stores = (self._primary,) if self._secondary is None else (self._primary, self._secondary)
        await asyncio.gather(*(store.refresh() for store in stores))

    def get(self, partition: Mapping[str, Any] | None) -> Offset:
        found = self._primary.get(self._connector, partition)
        if found is None and self._secondary is not None:
            return self._secondary.get(self._connector, partition)
        return found

    def all_of(self) -> list[tuple[Partition, Offset]]:
        found = self._primary.all_of(self._connector)
        if self._secondary is None:
            return found
        known = {partition_identity(partition) for partition, _ in found}
        return found + [
            each for each in self._secondary.all_of(self._connector) if partition_identity(each[0]) not in known
        ]

    def key_of(self, partition: Mapping[str, Any] | None) -> bytes:
        """Of the record that says its offset, in the connector's own topic if it has one."""
        return self._primary.key_of(self._connector, partition)

    async def put(self, offsets: list[tuple[Partition, Offset]], writer: TransactionalWriter | None = None) -> None:
        """All at once with a `writer`. What is forgotten is forgotten in the worker's topic first. `ConnectError`."""
        forgotten = [each for each in offsets if each[1] is None]
        if self._secondary is not None and forgotten:
            await self._secondary.put(self._connector, forgotten)
        if writer is None:
            await self._primary.put(self._connector, offsets)
        else:
            await writer.begin()
            await writer.write(self._primary.records(self._connector, offsets))
        await self.put_aside([each for each in offsets if each[1] is not None])

    async def put_aside(self, offsets: list[tuple[Partition, Offset]]) -> None:
        """Into the worker's topic alone, if they are not there already; it is no harm if that fails."""
        if self._secondary is None or not offsets:
            return
        try:
            await self._secondary.put(self._connector, offsets)
        except ConnectError as error:
            _log.warning("the offsets of %s stand in its own topic alone: %s", self._connector, error)
