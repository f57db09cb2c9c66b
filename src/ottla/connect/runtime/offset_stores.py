"""Where the offsets of each source stand: the worker's store, and those of connectors with topics of their own."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ottla.connect.runtime import exactly_once
from ottla.connect.store.connector_offset_store import ConnectorOffsetStore
from ottla.connect.store.offset_store import OffsetStore
from ottla.connect.store.topic_log import TopicLog
from ottla.connect.store.transactional_writer import TransactionalWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.runtime.connector_clients import ConnectorClients

OWN_STORES_MAX: Final = 50
"""Topics of connectors that are followed; the one that was asked for longest ago gives way."""


class OffsetStores:
    """A worker by itself has one store (`OffsetStores(store)`), and topics of connectors do not count."""

    def __init__(self, shared: OffsetStore) -> None:
        self._shared = shared

    async def start(self) -> None:
        await self._shared.start()

    async def stop(self) -> None:
        await self._shared.stop()

    async def of(self, name: str, _connector: Mapping[str, str]) -> ConnectorOffsetStore:
        """`ConnectError`."""
        return ConnectorOffsetStore(name, self._shared)

    async def writer(self, _name: str, _connector: Mapping[str, str]) -> TransactionalWriter | None:
        """What writes offsets of a connector in transactions; `None` where there are none."""
        return None


class TopicOffsetStores(OffsetStores):
    """`topic` is the worker's; topics of connectors are made with as many partitions and replicas."""

    def __init__(
        self,
        shared: OffsetStore,
        topic: str,
        clients: ConnectorClients,
        *,
        partitions: int,
        replication_factor: int,
        group: str | None = None,
    ) -> None:
        """`group`: that of the worker, if offsets are written in transactions."""
        super().__init__(shared)
        self._topic = topic
        self._clients = clients
        self._partitions = partitions
        self._replication_factor = replication_factor
        self._group = group
        self._own: OrderedDict[object, OffsetStore] = OrderedDict()
        self._opening = asyncio.Lock()

    async def stop(self) -> None:
        for store in self._own.values():
            await store.stop()
        self._own.clear()
        await super().stop()

    def topic_of(self, connector: Mapping[str, str]) -> str:
        return exactly_once.offsets_topic(connector) or self._topic

    def is_shared(self, connector: Mapping[str, str]) -> bool:
        """Whether the worker's store has them: the same topic of the same cluster."""
        if exactly_once.offsets_topic(connector) is None and self._group is None:
            return True
        return self.topic_of(connector) == self._topic and self._clients.is_worker_cluster(connector)

    async def of(self, name: str, connector: Mapping[str, str]) -> ConnectorOffsetStore:
        if self.is_shared(connector):
            return ConnectorOffsetStore(name, self._shared)
        return ConnectorOffsetStore(name, await self._own_store(connector), self._shared)

    async def writer(self, name: str, connector: Mapping[str, str]) -> TransactionalWriter | None:
        """Under the transactional id of the first task, which so cannot write any more."""
        if self._group is None:
            return None
        client = await self._clients.get(connector, "producer", "offsets")
        return TransactionalWriter(client, self.topic_of(connector), exactly_once.task_id(self._group, name, 0))

    async def _own_store(self, connector: Mapping[str, str]) -> OffsetStore:
        topic = self.topic_of(connector)
        identity = (topic, self._clients.identity(connector, "consumer", topic))
        async with self._opening:
            found = self._own.get(identity)
            if found is None:
                log = TopicLog(
                    await self._clients.get(connector, "producer", "offsets"),
                    await self._clients.get(connector, "consumer", f"reading-{topic}"),
                    topic,
                    partitions=self._partitions,
                    replication_factor=self._replication_factor,
                )
                found = OffsetStore(log)
                try:
                    await found.start()
                except BaseException:
                    await found.stop()
                    raise
                self._own[identity] = found
                while len(self._own) > OWN_STORES_MAX:
                    await self._own.popitem(last=False)[1].stop()
            self._own.move_to_end(identity)
        return found
