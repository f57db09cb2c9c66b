"""One other node, at one address: a connection when it is needed, and none to one that was just not there.

    idle ──send──► connecting ──► connected ──lost──► idle
                       └──failed──► backing off (50 ms, twice as long each time, up to 1 s) ──► idle

A session that ends is begun anew on the same connection (KIP-368) before the next request. What is sent meanwhile, or
while connecting, waits for the connection, in order. While backing off, a request fails at once: whoever sends has a
time of its own to try again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar, cast

from ottla.broker.peer.connection import PeerConnection, PeerError, PeerSecurity
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.runtime.network import Network
    from ottla.runtime.time import Clock, Timers

RECONNECT_BACKOFF_MS: Final = 50.0
RECONNECT_BACKOFF_MAX_MS: Final = 1000.0
CONNECT_TIMEOUT_MS: Final = 10_000.0
"""`socket.connection.setup.timeout.ms`"""
MAX_QUEUED: Final = 1024
"""Requests that wait for the connection; one more fails."""

Address: TypeAlias = tuple[str, int]
ResponseT = TypeVar("ResponseT", bound=Response)


class _Queued(NamedTuple):
    request: Request
    response_class: type[Response]
    timeout_ms: float
    version: int | None
    future: asyncio.Future[Response]


class PeerContext(NamedTuple):
    """What every peer of a listener needs alike."""

    network: Network
    clock: Clock
    timers: Timers
    client_id: str
    security: PeerSecurity | None = None


class Peer:
    """`on_lost`: a connection that was open is gone, and not because of `close`."""

    def __init__(self, context: PeerContext, address: Address, on_lost: Callable[[], None] | None = None) -> None:
        self.address = address
        self.on_lost = on_lost
        self._context = context
        self._connection: PeerConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._queue: deque[_Queued] = deque()
        self._backoff_ms = 0.0
        self._ready_ms = 0.0
        self._last_failure: PeerError | None = None
        self._closed = False

    @property
    def connection(self) -> PeerConnection | None:
        """The one that is open, unless its session is to be begun anew."""
        connection = self._connection
        return None if connection is None or connection.session_ends else connection

    @property
    def retry_after_ms(self) -> float:
        """How long it will go on backing off."""
        return max(0.0, self._ready_ms - self._context.clock.monotonic_ms())

    def send(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float, version: int | None = None
    ) -> asyncio.Future[ResponseT]:
        """In the newest version that both sides speak. Fails with `PeerError`."""
        connection = self.connection
        if connection is not None:
            return connection.send(request, response_class, timeout_ms=timeout_ms, version=version)
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        refusal = self._why_not()
        if refusal is not None:
            future.set_exception(refusal)
        else:
            self._queue.append(_Queued(request, response_class, timeout_ms, version, future))
            self._connect()
        return cast("asyncio.Future[ResponseT]", future)

    async def connect(self) -> PeerConnection:
        """The open connection, for who must know the versions before it speaks. `PeerError`."""
        while (connection := self.connection) is None:
            refusal = self._why_not()
            if refusal is not None:
                raise refusal
            await asyncio.shield(self._connect())
            if self._connection is None:
                raise self._last_failure or PeerError(f"{self.address[0]}:{self.address[1]} is gone again")
        return connection

    def close(self) -> None:
        self._closed = True
        self.on_lost = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.close()
        self._fail_queued(PeerError("this node closed the connection"))

    def _why_not(self) -> PeerError | None:
        if self._closed:
            return PeerError("this node closed the connection")
        if self._connecting is None and self.retry_after_ms > 0:
            return self._last_failure or PeerError("backing off")
        if len(self._queue) >= MAX_QUEUED:
            return PeerError(f"{MAX_QUEUED} requests wait for the connection to {self.address[0]}:{self.address[1]}")
        return None

    def _connect(self) -> asyncio.Task[None]:
        if self._connecting is None:
            opening = self._open() if self._connection is None else self._authenticate_again(self._connection)
            self._connecting = asyncio.get_running_loop().create_task(opening)
        return self._connecting

    async def _open(self) -> None:
        context = self._context
        connection = PeerConnection(context.client_id, context.timers, self._lost)
        try:
            await connection.open(
                context.network, *self.address, timeout_ms=CONNECT_TIMEOUT_MS, security=context.security
            )
        except PeerError as error:
            self._connecting = None
            self._back_off(error)
            return
        except asyncio.CancelledError:
            connection.close()
            raise
        self._connecting = None
        self._connection = connection
        self._backoff_ms = 0.0
        self._last_failure = None
        self._send_queued(connection)

    async def _authenticate_again(self, connection: PeerConnection) -> None:
        context = self._context
        assert context.security is not None
        try:
            await connection.authenticate_again(context.security, timeout_ms=CONNECT_TIMEOUT_MS)
        except PeerError as error:
            self._connecting = None
            self._back_off(error)
            return
        self._connecting = None
        self._send_queued(connection)

    def _back_off(self, error: PeerError) -> None:
        self._last_failure = error
        self._backoff_ms = min(max(RECONNECT_BACKOFF_MS, self._backoff_ms * 2), RECONNECT_BACKOFF_MAX_MS)
        self._ready_ms = self._context.clock.monotonic_ms() + self._backoff_ms
        self._fail_queued(error)

    def _send_queued(self, connection: PeerConnection) -> None:
        while self._queue:
            queued = self._queue.popleft()
            if not queued.future.done():
                sent = connection.send(
                    queued.request, queued.response_class, timeout_ms=queued.timeout_ms, version=queued.version
                )
                _follow(sent, queued.future)

    def _fail_queued(self, error: PeerError) -> None:
        while self._queue:
            future = self._queue.popleft().future
            if not future.done():
                future.set_exception(error)

    def _lost(self) -> None:
        self._connection = None
        if self.on_lost is not None:
            self.on_lost()


def _follow(source: asyncio.Future[Response], target: asyncio.Future[Response]) -> None:
    def done(_: asyncio.Future[Response]) -> None:
        if target.done():
            source.exception()
        elif (error := source.exception()) is not None:
            target.set_exception(error)
        else:
            target.set_result(source.result())

    source.add_done_callback(done)
