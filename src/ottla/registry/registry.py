"""An instance of the registry: the state that it has read, and the way to change it if it leads.

request ─► decide (store/, pure) ─► records ─► `_schemas` ─► replay ─► response
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from ottla.clients.client import KafkaClient
from ottla.clients.security import client_security
from ottla.registry.election import Election, Identity
from ottla.registry.errors import STORE_FAILED, UNKNOWN_LEADER, RegistryError
from ottla.registry.schemas_topic import SchemasTopic
from ottla.registry.store.catalog import Catalog
from ottla.registry.store.records import ConfigKey, Context, ContextKey, ModeKey, SchemaKey, SchemaRecord
from ottla.registry.store.state import RegistryState
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.registry.settings import RegistrySettings
    from ottla.registry.store.decision import Decision
    from ottla.registry.store.records import Key, Value
    from ottla.runtime.network import Network

_log = logging.getLogger(__name__)

WRITE_ATTEMPTS_MAX: Final = 5
LEADER_WAIT_S: Final = 10.0

T = TypeVar("T")


class Registry:
    """`async with Registry(network, settings, port, scheme)`; reads are `state` and `catalog`."""

    def __init__(self, network: Network, settings: RegistrySettings, port: int, scheme: str) -> None:
        self.settings = settings
        self.state = RegistryState(settings.level)
        self.catalog = Catalog(self.state)
        self.leader: Identity | None = None
        self.is_leader = False
        security = client_security(settings.client)
        self._client, self._reading, self._membership = (
            KafkaClient(network, settings.bootstrap, client_id="schema-registry", security=security) for _ in range(3)
        )
        self.topic = SchemasTopic(self._client, self._reading, settings.topic, self._replay, self._current)
        self.identity = Identity(settings.advertised_host or settings.host, port, settings.leader_eligible, scheme)
        self._election = Election(
            self._membership,
            settings.group,
            self.identity,
            self._on_leader,
            session_timeout_ms=settings.session_timeout_ms,
        )
        self._writing = asyncio.Lock()
        self._led = asyncio.Event()
        self._taking_over: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Registry:
        try:
            await self._client.refresh_metadata([])
            await self._reading.refresh_metadata([])
            await self.topic.open()
            self._election.start()
        except BaseException:
            await self.topic.close()
            self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_leading()
        await self.topic.close()
        self._close()

    async def stop_leading(self) -> None:
        """Leaves the group; what is being written is written."""
        async with self._writing:
            self.is_leader = False
        await self._election.stop()
        if self._taking_over is not None:
            self._taking_over.cancel()

    def _close(self) -> None:
        self._client.close()
        self._reading.close()
        self._membership.close()

    @property
    def cluster_id(self) -> str:
        return self._client.metadata.cluster_id or ""

    async def wait_for_leader(self) -> None:
        """For a moment: whoever asks while one is being elected need not be turned away. `RegistryError`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._led.wait(), LEADER_WAIT_S)
        if not self._led.is_set():
            raise RegistryError(UNKNOWN_LEADER, "No leader of the registry is known")

    async def submit(self, decide: Callable[[], Decision[T]]) -> T:
        """Of a leader: decide, write, replay; one at a time. `RegistryError` says why not."""
        async with self._writing:
            for _ in range(WRITE_ATTEMPTS_MAX):
                if not self.is_leader:
                    raise RegistryError(UNKNOWN_LEADER, "This instance does not lead any more")
                decision = decide()
                if not decision.records or await self.topic.write(decision.records):
                    return decision.response
        raise RegistryError(STORE_FAILED, "Another instance keeps writing; nothing was changed")

    def _on_leader(self, leader: Identity | None, mine: bool) -> None:
        if leader != self.leader:
            _log.info("the leader is %s", leader.url if leader is not None else "unknown")
        self.leader = leader
        if self._taking_over is not None:
            self._taking_over.cancel()
            self._taking_over = None
        if mine and not self.is_leader:
            self._led.clear()
            self._taking_over = asyncio.get_running_loop().create_task(self._take_over())
            return
        if not mine:
            self.is_leader = False
        if leader is None:
            self._led.clear()
        else:
            self._led.set()

    async def _take_over(self) -> None:
        """What the leader before us wrote is read first."""
        while True:
            try:
                await self.topic.catch_up()
            except RegistryError as error:
                raise_if_cancelled()
                _log.warning("cannot lead yet: %s", error)
                await asyncio.sleep(1)
                continue
            self.is_leader = True
            self._led.set()
            return

    def _replay(self, key: Key, value: Value | None, timestamp_ms: int) -> bool:
        if isinstance(value, SchemaRecord):
            value = replace(value, timestamp_ms=timestamp_ms)
        return self.state.replay(key, value)

    def _current(self, key: Key) -> Value | None:
        match key:
            case SchemaKey():
                return self.state.record(key)
            case ConfigKey(subject):
                return self.state.configs.get(subject)
            case ModeKey(subject):
                return self.state.modes.get(subject)
            case ContextKey(context):
                return Context(context) if context in self.state.contexts else None
        return None
