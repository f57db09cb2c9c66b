"""One loop that fetches from one leader: the shell around `FetcherState`. One request at a time, on its own connection.

A request that the leader parks (long polling) keeps its connection busy, so nothing else goes over it. Kafka's
`ReplicaFetcherThread`, `BrokerBlockingSender`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.broker.peer.connection import PeerConnection, PeerError
from ottla.protocol.api.fetch import FetchRequest, FetchResponse
from ottla.protocol.api.list_offsets import ListOffsetsResponse
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.peer.peer import Peer
    from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings, FetcherState
    from ottla.broker.replica.partition import Partition
    from ottla.runtime.time import Clock, Timers


TOPIC_IDS_SINCE: Final = 13


class ReplicaFetcher:
    """`connect` gives a peer of its own, for the address that the leader has now; `None`: it has none."""

    def __init__(
        self,
        state: FetcherState,
        settings: FetcherSettings,
        connect: Callable[[], Peer | None],
        *,
        broker_epoch: Callable[[], int],
        clock: Clock,
        timers: Timers,
        report: Callable[[str], None],
    ) -> None:
        self._state = state
        self._settings = settings
        self._connect = connect
        self._broker_epoch = broker_epoch
        self._clock = clock
        self._timers = timers
        self._report = report
        self._last_failure = ""
        self._peer: Peer | None = None
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def follow(self, partition: Partition) -> None:
        self._state.follow(partition, self._clock.now_ms())
        self._awake.set()
        if self._task is None and len(self._state):  # none: its disk failed at once
            self._task = asyncio.get_running_loop().create_task(self._run())

    def unfollow(self, partition: Partition) -> bool:
        """Whether others are left."""
        self._state.unfollow((partition.topic_id, partition.index))
        return len(self._state) > 0

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._hang_up()

    def _hang_up(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            try:
                busy = await self._fetch()
            except Exception as error:  # whatever it is, it must not end replication for good
                raise_if_cancelled()
                self._tell(error)
                self._hang_up()  # it may be somewhere else the next time
                self._state.lost(self._clock.monotonic_ms())
                busy = False
            if not busy:
                await self._rest()

    def _tell(self, error: Exception) -> None:
        """Once, as long as it is the same."""
        text = str(error) if isinstance(error, PeerError) else repr(error)
        if text != self._last_failure:
            self._last_failure = text
            self._report(f"a fetcher of replicas: {text}")

    async def _fetch(self) -> bool:
        """One request and its answer; false: there is nothing to ask for at present. `PeerError`."""
        connection = await self._connected()
        if connection is None:
            return False
        await self._look_up(connection)
        state, clock = self._state, self._clock
        version = connection.version_of(FetchRequest)
        if version < TOPIC_IDS_SINCE:
            raise PeerError(f"{connection.where} knows no topic ids: it is older than Apache Kafka 3.1")
        request = state.next_request(version, self._broker_epoch(), clock.monotonic_ms())
        if request is None:
            return False
        timeout_ms = self._settings.socket_timeout_ms
        response = await connection.send(request, FetchResponse, timeout_ms=timeout_ms, version=version)
        self._last_failure = ""
        state.answered(response, clock.monotonic_ms(), clock.now_ms())
        return True

    async def _connected(self) -> PeerConnection | None:
        """Only when there is something to ask for: who rests needs no connection."""
        peer = self._peer
        if peer is not None and peer.connection is not None:
            return peer.connection
        if not self._state.wants_to_ask(self._clock.monotonic_ms()):
            return None
        if peer is None:
            peer = self._peer = self._connect()
        if peer is None:
            raise PeerError("the leader has no address on the inter-broker listener")
        return await peer.connect()

    async def _look_up(self, connection: PeerConnection) -> None:
        lookups = self._state.lookups()
        if lookups is None:
            return
        timeout_ms = self._settings.socket_timeout_ms
        answers = [connection.send(lookup, ListOffsetsResponse, timeout_ms=timeout_ms) for lookup in lookups]
        earliest, latest = await asyncio.gather(*answers)
        self._state.looked_up(earliest, latest, self._clock.monotonic_ms(), self._clock.now_ms())

    async def _rest(self) -> None:
        """Until a partition is there to fetch."""
        ready_ms = self._state.next_ready_ms()
        timer = None
        if ready_ms is not None:
            delay_ms = max(1.0, ready_ms - self._clock.monotonic_ms())
            timer = self._timers.call_later(delay_ms, self._awake.set)
        try:
            await self._awake.wait()
        finally:
            if timer is not None:
                timer.cancel()
