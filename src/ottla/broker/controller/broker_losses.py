"""A broker that is gone is fenced before its session times out. ADR 5, point 9.

    its heartbeats' connection is lost, or this controller has just become active ─► look: connect to its listener
                                     ECONNREFUSED, three times, at an address where it was once reached ─► fence

Only that is proof: its system says that nobody listens there. An address at which this controller never reached that
run of the broker proves nothing (it may be meant for clients elsewhere), nor does silence: then the session decides.
A broker that is fenced and lives is unfenced by its next heartbeat.
"""

from __future__ import annotations

import asyncio
import errno
from functools import partial
from typing import TYPE_CHECKING, Final

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
    from ottla.runtime.network import Network, Transport
    from ottla.runtime.time import Timers

LOOKS_MS: Final = (0.0, 50.0, 150.0)
"""When to look, after the hint: a process that ends closes one socket after the other."""
LOOK_TIMEOUT_MS: Final = 2_000.0
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
        self._looking: dict[int, asyncio.Task[None]] = {}
        self._active_epoch = -1
        """The epoch in which all brokers were looked at."""
        self._closed = False

    def start(self) -> None:
        self._controller.quorum.subscribe(self._on_metadata)

    def stop(self) -> None:
        self._closed = True
        for task in self._looking.values():
            task.cancel()

    def heard(self, connection: ClientConnection, broker_id: int, broker_epoch: int) -> None:
        """A heartbeat came by this connection: when it is lost, look."""
        connection.on_closed[BrokerLosses, broker_id] = lambda: self._look(broker_id, broker_epoch)

    def _on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        controller = self._controller
        for broker_id in delta.changed_brokers:
            broker = image.cluster.brokers.get(broker_id)
            if broker is None:
                self._reached.pop(broker_id, None)
            elif not broker.fenced and self._reached.get(broker_id, (-1,))[0] != broker.epoch:
                self._look(broker_id, broker.epoch)
        if controller.is_active and controller.leader_epoch != self._active_epoch:
            self._active_epoch = controller.leader_epoch
            for broker in image.cluster.brokers.values():
                self._look(broker.broker_id, broker.epoch)

    def _registered(self, broker_id: int, broker_epoch: int) -> BrokerRegistration | None:
        """If it may lead, and is this run of it."""
        broker = self._controller.image.cluster.brokers.get(broker_id)
        is_it = broker is not None and broker.epoch == broker_epoch and not broker.fenced
        return broker if is_it else None

    def _look(self, broker_id: int, broker_epoch: int) -> None:
        broker = self._registered(broker_id, broker_epoch)
        if self._closed or broker is None or broker_id in self._looking or len(self._looking) >= MAX_LOOKING:
            return
        address = self._address(broker)
        if address is not None:
            task = asyncio.get_running_loop().create_task(self._look_at(broker_id, broker_epoch, address))
            self._looking[broker_id] = task
            task.add_done_callback(lambda _: self._looking.pop(broker_id, None))

    def _address(self, broker: BrokerRegistration) -> Address | None:
        endpoint = broker.listeners.get(self._listener) or next(iter(broker.listeners.values()), None)
        return None if endpoint is None else (endpoint.host, endpoint.port)

    async def _look_at(self, broker_id: int, broker_epoch: int, address: Address) -> None:
        waited_ms = 0.0
        for at_ms in LOOKS_MS:
            await self._sleep(at_ms - waited_ms)
            waited_ms = at_ms
            is_there = await self._is_there(address)
            if is_there:
                self._reached[broker_id] = (broker_epoch, address)
            if is_there is not False:
                return
        if self._reached.get(broker_id) == (broker_epoch, address) and self._controller.is_active:
            decision = partial(self._fence, broker_id=broker_id, broker_epoch=broker_epoch)
            self._controller.submit(decision).add_done_callback(lambda done: done.exception())

    async def _sleep(self, delay_ms: float) -> None:
        if delay_ms > 0:
            over = asyncio.Event()
            self._timers.call_later(delay_ms, over.set)
            await over.wait()

    async def _is_there(self, address: Address) -> bool | None:
        """False: its system says that nobody listens. `None`: nothing is known."""
        probe = _Probe()
        timer = self._timers.call_later(LOOK_TIMEOUT_MS, probe.give_up)
        connecting = asyncio.ensure_future(self._network.connect(*address, probe))
        probe.connecting = connecting
        try:
            await connecting
        except asyncio.CancelledError:
            if probe.has_given_up:
                return None
            raise
        except OSError as error:
            return False if error.errno == errno.ECONNREFUSED else None
        except ValueError:  # it has registered what is no host
            return None
        finally:
            timer.cancel()
        return True

    def _fence(self, view: ControllerView, broker_id: int, broker_epoch: int) -> ControllerResult[None]:
        broker = view.image.cluster.brokers.get(broker_id)
        if broker is None or broker.epoch != broker_epoch or broker.fenced:
            return ControllerResult([], None)
        return fence_broker(view, self._controller.schema, broker_id, self._controller.heartbeats)


class _Probe:
    """A connection that is closed as soon as it is there."""

    connecting: asyncio.Future[Transport] | None = None
    has_given_up = False

    def give_up(self) -> None:
        self.has_given_up = True
        if self.connecting is not None:
            self.connecting.cancel()

    def connected(self, transport: Transport) -> None:
        transport.close(abort=True)

    def get_buffer(self) -> memoryview:
        return memoryview(bytearray(64))

    def buffer_updated(self, size: int) -> None:
        pass

    def drained(self) -> None:
        pass

    def disconnected(self, error: OSError | None) -> None:
        pass
