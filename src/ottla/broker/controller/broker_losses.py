"""A broker that is gone is fenced before its session times out. ADR 5, point 9.

    its heartbeats' connection is lost, or this controller has just become active ─► look: connect to its listener
                                     ECONNREFUSED, three times, at an address where it was once reached ─► fence

Only that is proof: its system says that nobody listens there. An address at which this controller never reached that
run of the broker proves nothing (it may be meant for clients elsewhere), nor does silence: then the session decides.
A broker that is fenced and lives is unfenced by its next heartbeat.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from ottla.broker.peer.look import pause, somebody_listens
from ottla.metadata.controller.brokers import fence_broker
from ottla.metadata.controller.result import ControllerResult

if TYPE_CHECKING:
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.request_context import ClientConnection
    from ottla.metadata.controller.result import ControllerView
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.registration import BrokerRegistration
    from ottla.raft.settings import Address
    from ottla.runtime.network import Network
    from ottla.runtime.time import Timers

REFUSALS: Final = 3
"""So many, one after the other, are proof."""
PAUSES_MS: Final = (50.0, 50.0, 100.0)
"""After a look, by the refusals that there were."""
MAX_THERE: Final = 3
"""A process that ends closes its listeners last: who is there still may be gone at the next look."""
SILENCE_MS: Final = 4_000.0
"""Twice the default of `broker.heartbeat.interval.ms`: who lives has told a new controller so by then."""
MAX_LOOKING: Final = 256
"""Brokers that are looked at at the same time; more are left to their sessions."""


class BrokerLosses:
    def __init__(
        self, controller: ControllerShell, network: Network, timers: Timers, inter_broker_listener: str
    ) -> None:
        self._controller = controller
        self._network = network
        self._timers = timers
        self._listener = inter_broker_listener
        self._reached: dict[int, tuple[int, Address]] = {}
        """Broker id -> (epoch, address) at which this controller has reached it."""
        self._heard: dict[int, tuple[int, ClientConnection | None]] = {}
        """Broker id -> (epoch, the connection of its last heartbeat; `None`: it is lost)."""
        self.last_fenced: tuple[int, int] | None = None
        """(id, epoch) of the broker."""
        self._looking: dict[int, asyncio.Task[None]] = {}
        self._active_epoch = -1
        """The epoch in which all brokers were looked at."""
        self._settled_epoch = -1
        """The epoch in which every broker that lives has had the time to be heard."""
        self._closed = False

    def start(self) -> None:
        self._controller.quorum.subscribe(self._on_metadata)

    def stop(self) -> None:
        self._closed = True
        for task in self._looking.values():
            task.cancel()

    def heard(self, connection: ClientConnection, broker_id: int, broker_epoch: int) -> None:
        """A heartbeat came by this connection: when it is lost, look."""
        self._heard[broker_id] = (broker_epoch, connection)
        connection.on_closed[BrokerLosses, broker_id] = lambda: self._lost(connection, broker_id, broker_epoch)

    def has_hung_up(self, broker_id: int, broker_epoch: int) -> bool:
        """The connection is lost by which this controller has heard of that run last; or it never has, for too long.

        The controller before may have heard it, as when all nodes were killed at once.
        """
        epoch, connection = self._heard.get(broker_id, (-1, None))
        if epoch == broker_epoch:
            return connection is None
        return self._controller.is_active and self._settled_epoch == self._controller.leader_epoch

    def _lost(self, connection: ClientConnection, broker_id: int, broker_epoch: int) -> None:
        if self._heard.get(broker_id) == (broker_epoch, connection):
            self._heard[broker_id] = (broker_epoch, None)
        self._look(broker_id, broker_epoch, MAX_THERE)

    def _on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        controller = self._controller
        for broker_id in delta.changed_brokers:
            broker = image.cluster.brokers.get(broker_id)
            if broker is None:
                self._reached.pop(broker_id, None)
                self._heard.pop(broker_id, None)
            elif not broker.fenced and self._reached.get(broker_id, (-1,))[0] != broker.epoch:
                self._look(broker_id, broker.epoch, 1)
        if controller.is_active and controller.leader_epoch != self._active_epoch:
            self._active_epoch = controller.leader_epoch
            self._timers.call_later(SILENCE_MS, partial(self._settle, controller.leader_epoch))
            for broker in image.cluster.brokers.values():
                self._look(broker.broker_id, broker.epoch, MAX_THERE)

    def _settle(self, leader_epoch: int) -> None:
        self._settled_epoch = leader_epoch

    def _registered(self, broker_id: int, broker_epoch: int) -> BrokerRegistration | None:
        """If it may lead, and is this run of it."""
        broker = self._controller.image.cluster.brokers.get(broker_id)
        is_it = broker is not None and broker.epoch == broker_epoch and not broker.fenced
        return broker if is_it else None

    def _look(self, broker_id: int, broker_epoch: int, looks: int) -> None:
        broker = self._registered(broker_id, broker_epoch)
        if self._closed or broker is None or broker_id in self._looking or len(self._looking) >= MAX_LOOKING:
            return
        address = self._address(broker)
        if address is not None:
            task = asyncio.get_running_loop().create_task(self._look_at(broker_id, broker_epoch, address, looks))
            self._looking[broker_id] = task
            task.add_done_callback(lambda _: self._looking.pop(broker_id, None))

    def _address(self, broker: BrokerRegistration) -> Address | None:
        endpoint = broker.listeners.get(self._listener) or next(iter(broker.listeners.values()), None)
        return None if endpoint is None else (endpoint.host, endpoint.port)

    async def _look_at(self, broker_id: int, broker_epoch: int, address: Address, looks: int) -> None:
        if not await self._is_gone(broker_id, broker_epoch, address, looks):
            return
        if self._reached.get(broker_id) == (broker_epoch, address) and self._controller.is_active:
            decision = partial(self._fence, broker_id=broker_id, broker_epoch=broker_epoch)
            self._controller.submit(decision).add_done_callback(lambda done: done.exception())

    async def _is_gone(self, broker_id: int, broker_epoch: int, address: Address, looks: int) -> bool:
        """`looks`: it is believed to be there after so many that found it."""
        refused = 0
        while refused < REFUSALS:
            is_there = await somebody_listens(self._network, self._timers, address)
            if is_there is None:
                return False
            if is_there:
                self._reached[broker_id] = (broker_epoch, address)
                refused, looks = 0, looks - 1
                if not looks:
                    return False
            else:
                refused += 1
            if refused < REFUSALS:
                await pause(self._timers, PAUSES_MS[refused])
        return True

    def _fence(self, view: ControllerView, broker_id: int, broker_epoch: int) -> ControllerResult[None]:
        broker = view.image.cluster.brokers.get(broker_id)
        if broker is None or broker.epoch != broker_epoch or broker.fenced:
            return ControllerResult([], None)
        self.last_fenced = (broker_id, broker_epoch)
        return fence_broker(view, self._controller.schema, broker_id, self._controller.heartbeats)
