"""Rounds in which a leader ends the tasks that were before new ones start (KIP-618, `DistributedHerder.ZombieFencing`).

`tasks-fencing-CONNECTOR` in the topic of configurations says how many tasks of a connector may have producers. Where
tasks were made after it, as many transactional ids are fenced as it says; then it is written anew, and the tasks start.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.clients.errors import ClientError
from ottla.clients.transaction import fence_producers
from ottla.connect.api.errors import ConnectError, NotFoundError
from ottla.connect.runtime.exactly_once import task_id
from ottla.connect.runtime.rest_error import RestError
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from ottla.connect.runtime.connector_clients import ConnectorClients
    from ottla.connect.runtime.worker import Worker
    from ottla.connect.store.cluster_config import ClusterConfig
    from ottla.connect.store.config_store import ConfigStore


@dataclass(frozen=True, slots=True)
class Fencing:
    to_fence: int
    """So many tasks of before may still write."""
    to_record: int
    """So many will."""
    generation: int


def fencing_of(state: ClusterConfig, name: str) -> Fencing | None:
    """`None`: nothing has changed since the last one."""
    if name not in state.pending_fencing:
        return None
    count, recorded = state.task_counts.get(name, 0), state.task_count_records.get(name)
    # A single task has the transactional id of the one before it, and fences it by itself.
    to_fence = 0 if recorded is None or recorded == count == 1 else recorded
    return Fencing(to_fence, count, state.generations.get(name, 0))


class ZombieFencing:
    """`lock` is what changes of configurations are made under."""

    def __init__(self, configs: ConfigStore, lock: asyncio.Lock, worker: Worker, clients: ConnectorClients) -> None:
        self._configs = configs
        self._lock = lock
        self._worker = worker
        self._clients = clients
        self._active: dict[str, asyncio.Task[None]] = {}

    async def run(self, name: str) -> None:
        """One round of a connector at a time: who comes meanwhile waits for its end. `ConnectError`."""
        active = self._active.get(name)
        if active is None:
            active = self._active[name] = asyncio.get_running_loop().create_task(self._round(name))
            active.add_done_callback(lambda _: self._active.pop(name, None))
        await asyncio.shield(active)

    async def stop(self) -> None:
        for active in self._active.values():
            active.cancel()
        await asyncio.gather(*self._active.values(), return_exceptions=True)

    async def _round(self, name: str) -> None:
        async with self._lock:
            await self._configs.refresh()
            wanted = fencing_of(self._configs.state, name)
            if wanted is None:
                return
            if not wanted.to_fence:
                await self._configs.put_task_count_record(name, wanted.to_record)
                return
        await self._fence(name, wanted.to_fence)
        async with self._lock:
            await self._configs.refresh()
            if self._configs.state.generations.get(name, 0) != wanted.generation:
                raise RestError(409, "Fencing failed because new task configurations were generated for the connector")
            await self._configs.put_task_count_record(name, wanted.to_record)

    async def _fence(self, name: str, tasks: int) -> None:
        raw_config = self._configs.state.connectors.get(name)
        if raw_config is None:
            raise NotFoundError(f"Connector {name} not found")
        group = self._worker.config.text("group.id")
        client = await self._clients.get(self._worker.variables.resolve(raw_config), "admin", "fencing")
        try:
            await fence_producers(client, [task_id(group, name, number) for number in range(tasks)])
        except (KafkaError, ClientError) as error:
            raise ConnectError(f"Failed to perform zombie fencing: {error}") from error
