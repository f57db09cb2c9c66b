"""Brokers that are gone, as this node sees it before and after the controller has decided so. ADR 5, point 9.

    a connection to it is lost ─► undecided ─► look ── ECONNREFUSED ──► absent ── seen there, or the metadata says
                                              └─ it listens ─► present ◄─┘       more, or `ABSENT_MS` are over
    it is fenced without having asked to leave ─► listed for `LISTED_MS` more

Nothing happens to a broker by this: it is what whoever asks this node for metadata is told of it.

* While it is undecided whether it leads, the answer waits: at most `UNDECIDED_MAX_MS`, for the controller is about to
  decide, and a client that is sent to the address that it comes from asks again after a second only (librdkafka).
* While it is absent and nobody was elected, nobody leads: clients ask again sooner then.
* In the answer that names the next leader, the last one is still listed: librdkafka forgets the partitions of a broker
  that it drops, also those that have just moved, and finds them again a second later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.broker.peer.look import pause, somebody_listens

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.peer.peer import Address
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.registration import BrokerRegistration
    from ottla.runtime.network import Network
    from ottla.runtime.time import Timer, Timers

LOOKS_MS: Final = (0.0, 5.0, 20.0, 50.0)
"""When to look, after the hint: a process that ends closes its listeners last."""
UNDECIDED_MAX_MS: Final = 300.0
LOOK_AGAIN_MS: Final = 100.0
ABSENT_MS: Final = 10_000.0
"""Whoever is still registered then is there for others."""
LISTED_MS: Final = 2_000.0
MAX_LOOKING: Final = 256


class Absences:
    def __init__(self, network: Network, timers: Timers, image: Callable[[], MetadataImage]) -> None:
        self._network = network
        self._timers = timers
        self._image = image
        self._unfenced: dict[int, int] = {}
        """Broker id -> epoch, of who may lead."""
        self._listed: dict[int, tuple[int, Timer]] = {}
        """Broker id -> (epoch, until when), of who was fenced lately."""
        self._absent: dict[int, int] = {}
        """Broker id -> the epoch in which it is."""
        self._undecided: dict[int, Timer] = {}
        self._decided = asyncio.Event()
        self._looking: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    def close(self) -> None:
        self._closed = True
        for task in self._looking.values():
            task.cancel()
        for timer in (*self._undecided.values(), *(timer for _, timer in self._listed.values())):
            timer.cancel()
        self._decided.set()

    # ── what clients are told ──────────────────────────────────────────────────────────────────────────────────────

    def is_absent(self, broker: BrokerRegistration) -> bool:
        return self._absent.get(broker.broker_id) == broker.epoch

    def undecided(self) -> frozenset[int]:
        """Who may lead no more."""
        return frozenset(self._undecided)

    async def decided(self) -> None:
        """Return when nobody is undecided."""
        while self._undecided and not self._closed:
            self._decided.clear()
            await self._decided.wait()

    def lately_fenced(self) -> list[BrokerRegistration]:
        registered = self._image().cluster.brokers
        brokers = [registered[broker_id] for broker_id in self._listed if broker_id in registered]
        return [broker for broker in brokers if broker.fenced and broker.epoch == self._listed[broker.broker_id][0]]

    # ── what this node sees ────────────────────────────────────────────────────────────────────────────────────────

    def lost(self, broker_id: int, address: Address) -> None:
        """A connection that was open is not any more."""
        broker = self._image().cluster.brokers.get(broker_id)
        if self._closed or broker is None or broker.fenced or broker_id in self._looking:
            return
        if len(self._looking) >= MAX_LOOKING:
            return
        self._undecided[broker_id] = self._timers.call_later(UNDECIDED_MAX_MS, lambda: self._decide(broker_id))
        task = asyncio.get_running_loop().create_task(self._watch(broker_id, broker.epoch, address))
        self._looking[broker_id] = task
        task.add_done_callback(lambda _: self._looking.pop(broker_id, None))

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        for broker_id in delta.changed_brokers:
            broker = image.cluster.brokers.get(broker_id)
            if broker is not None and not broker.fenced:
                self._unfenced[broker_id] = broker.epoch
                continue
            self._decide(broker_id)
            epoch = self._unfenced.pop(broker_id, None)
            if broker is not None and broker.epoch == epoch and not broker.in_controlled_shutdown:
                self._list(broker_id, epoch)

    def _list(self, broker_id: int, broker_epoch: int) -> None:
        self._unlist(broker_id)
        if not self._closed:
            timer = self._timers.call_later(LISTED_MS, lambda: self._unlist(broker_id))
            self._listed[broker_id] = (broker_epoch, timer)

    def _unlist(self, broker_id: int) -> None:
        _, timer = self._listed.pop(broker_id, (0, None))
        if timer is not None:
            timer.cancel()

    def _decide(self, broker_id: int) -> None:
        timer = self._undecided.pop(broker_id, None)
        if timer is not None:
            timer.cancel()
            self._decided.set()

    async def _watch(self, broker_id: int, broker_epoch: int, address: Address) -> None:
        try:
            if await self._is_gone(address):
                self._absent[broker_id] = broker_epoch
                await self._until_back(broker_id, broker_epoch, address)
        finally:
            self._absent.pop(broker_id, None)
            self._decide(broker_id)

    async def _is_gone(self, address: Address) -> bool:
        waited_ms = 0.0
        for at_ms in LOOKS_MS:
            await pause(self._timers, at_ms - waited_ms)
            waited_ms = at_ms
            is_there = await somebody_listens(self._network, self._timers, address)
            if is_there is not True:
                return is_there is False
        return False

    async def _until_back(self, broker_id: int, broker_epoch: int, address: Address) -> None:
        for _ in range(int(ABSENT_MS / LOOK_AGAIN_MS)):
            await pause(self._timers, LOOK_AGAIN_MS)
            broker = self._image().cluster.brokers.get(broker_id)
            if broker is None or broker.epoch != broker_epoch or broker.fenced:
                return
            if await somebody_listens(self._network, self._timers, address) is not False:
                return
