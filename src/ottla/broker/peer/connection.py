"""One connection to another node: requests out, answers in. A `runtime.network.Receiver`; no retries, no queue.

It opens as any client's does (`protocol.introduction`). A request that is not answered in time ends the connection, as
in Apache Kafka: an answer that comes later must not be taken for another's. Kafka's `NetworkClient`.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from ottla import __version__
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.correlation import Correlation
from ottla.protocol.errors import ProtocolError
from ottla.protocol.framing import FrameReader
from ottla.protocol.introduction import (
    Introduced,
    Introduction,
    IntroductionError,
    SpokenVersions,
    authenticate,
    introduce,
    newest_version,
)
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.protocol.sasl.exchange import ClientExchange
    from ottla.runtime.network import Network, Receiver, Transport
    from ottla.runtime.time import Timer, Timers

RESPONSE_BYTES_MAX: Final = 512 * 1024 * 1024
"""A larger answer is taken for a broken peer."""

SESSION_PART: Final = 0.9
"""Of a session's life time, after which it is begun anew; in Apache Kafka anything from 0.85 to 0.95."""

ResponseT = TypeVar("ResponseT", bound=Response)


class PeerError(Exception):
    """There will be no answer. `refused`: the system of the other host says that nobody listens there."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class PeerSecurity(Protocol):
    """TLS and SASL of the listener that is connected to."""

    @property
    def mechanism(self) -> str | None: ...

    def receiver(self, connection: Receiver, host: str) -> Receiver:
        """What the socket's bytes go into: the connection, behind TLS if there is any."""
        ...

    def exchange(self) -> ClientExchange | None: ...


class PeerConnection:
    """`open`, then `send` until `closed`. `on_lost` is called once, when a connection that was open is gone."""

    def __init__(self, client_id: str, timers: Timers, on_lost: Callable[[], None]) -> None:
        self.where = ""
        self._timers = timers
        self._on_lost = on_lost
        self._frames = FrameReader(RESPONSE_BYTES_MAX)
        self._correlation: Correlation[asyncio.Future[Response]] = Correlation(client_id)
        self._transport: Transport | None = None
        self._versions: SpokenVersions = {}
        self._failure: PeerError | None = None
        self._is_open = False
        self._session_timer: Timer | None = None
        self.session_ends = False
        """The other side will soon serve nothing before `authenticate_again` (KIP-368)."""

    async def open(
        self, network: Network, host: str, port: int, *, timeout_ms: float, security: PeerSecurity | None = None
    ) -> None:
        """Connect, learn the versions, say who one is. `PeerError`."""
        self.where = f"{host}:{port}"
        exchange = None if security is None else security.exchange()
        mechanism = None if security is None else security.mechanism
        await self._speak(introduce(__version__, exchange, mechanism), timeout_ms, (network, host, port, security))
        self._is_open = True

    async def authenticate_again(self, security: PeerSecurity, *, timeout_ms: float) -> None:
        """Nothing else may be sent meanwhile. What was sent before is answered first. `PeerError`: it is closed."""
        exchange = security.exchange()
        assert exchange is not None, "a session that ends has been authenticated"
        await self._speak(authenticate(exchange, security.mechanism or "", self._versions), timeout_ms)

    async def _speak(
        self,
        steps: Introduction,
        timeout_ms: float,
        to: tuple[Network, str, int, PeerSecurity | None] | None = None,
    ) -> None:
        """Connect first, if told where `to`. `PeerError`."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                if to is not None:
                    network, host, port, security = to
                    await network.connect(host, port, self if security is None else security.receiver(self, host))
                await self._introduce(steps)
        except TimeoutError:
            self._fail(PeerError(f"{self.where} did not answer within {timeout_ms:.0f} ms"))
        except OSError as error:
            refused = error.errno == errno.ECONNREFUSED
            self._fail(PeerError(f"{self.where}: {error.strerror or error}", refused=refused))
        except (IntroductionError, ValueError) as error:  # ValueError: what stands there is no host, no password
            self._fail(PeerError(f"{self.where}: {error}"))
        if self._failure is not None:
            raise self._failure

    async def _introduce(self, steps: Introduction) -> None:
        try:
            step = next(steps)
            while True:
                answer = await self._write(step.request, step.response_class, step.version)
                step = steps.send(answer)
        except PeerError:
            pass  # `_failure` says it
        except StopIteration as done:
            self._introduced(done.value)

    def _introduced(self, done: Introduced) -> None:
        self._versions = done.versions
        self.session_ends = False
        if done.session_lifetime_ms > 0:
            wait_ms = done.session_lifetime_ms * SESSION_PART
            self._session_timer = self._timers.call_later(wait_ms, self._session_will_end)

    def _session_will_end(self) -> None:
        self.session_ends = True

    @property
    def closed(self) -> bool:
        return self._failure is not None

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        return len(self._correlation)

    def version_of(self, request_class: type[Request]) -> int:
        """The newest version that both sides speak. `PeerError` if there is none."""
        version = newest_version(request_class, self._versions)
        if version is None:
            raise PeerError(
                f"{self.where} and this node have no version of {ApiKey(request_class.api_key).name} in common"
            )
        return version

    def send(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float, version: int | None = None
    ) -> asyncio.Future[ResponseT]:
        """Fails with `PeerError`. Error codes in the answer are the caller's to look at."""
        try:
            future = self._write(
                request, response_class, self.version_of(type(request)) if version is None else version
            )
        except PeerError as error:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        except ProtocolError as error:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(PeerError(f"{self.where}: {error}"))
        else:
            timer = self._timers.call_later(timeout_ms, lambda: self._expire(future, request, timeout_ms))
            future.add_done_callback(lambda _: timer.cancel())
        return cast("asyncio.Future[ResponseT]", future)

    def _write(self, request: Request, response_class: type[Response], version: int) -> asyncio.Future[Response]:
        if self._failure is not None:
            raise self._failure
        if self._transport is None:
            raise PeerError(f"{self.where} is not connected")
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._transport.write([self._correlation.request(request, version, response_class, future)])
        return future

    def _expire(self, future: asyncio.Future[Response], request: Request, timeout_ms: float) -> None:
        if not future.done():
            name = ApiKey(request.api_key).name
            self._fail(PeerError(f"{self.where} did not answer {name} within {timeout_ms:.0f} ms"))

    def close(self) -> None:
        self._fail(PeerError(f"{self.where}: the connection was closed"))

    def _fail(self, failure: PeerError) -> None:
        if self._failure is not None:
            return
        self._failure = failure
        if self._session_timer is not None:
            self._session_timer.cancel()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close(abort=True)
        for future in self._correlation.abandon():
            if not future.done():
                future.set_exception(failure)
        if self._is_open:
            self._on_lost()

    # Receiver

    def connected(self, transport: Transport) -> None:
        if self._failure is None:
            self._transport = transport
        else:
            transport.close(abort=True)

    def get_buffer(self) -> memoryview:
        return self._frames.get_buffer()

    def buffer_updated(self, size: int) -> None:
        try:
            for frame in self._frames.buffer_updated(size):
                future, response = self._correlation.response(frame)
                if not future.done():
                    future.set_result(response)
        except ProtocolError as error:
            self._fail(PeerError(f"{self.where}: an answer cannot be read: {error}"))

    def drained(self) -> None:
        pass

    def disconnected(self, error: OSError | None) -> None:
        self._transport = None
        reason = "the other side closed the connection" if error is None else error.strerror or str(error)
        self._fail(PeerError(f"{self.where}: {reason}"))
