"""One connection to a broker: frames out, frames in, answers matched to requests by correlation id.

The first exchange on every connection is ApiVersions (KIP-35, KIP-511): it says which versions the broker speaks, and
every later request is sent in the newest that both sides know. Answers come in the order of the requests, so that what
waits is a queue.
"""

import asyncio
from typing import TypeVar

from ottla import __version__
from ottla.clients.errors import (
    AuthenticationFailedError,
    BrokerUnreachableError,
    RequestTimedOutError,
    VersionMismatchError,
)
from ottla.clients.security import NO_SECURITY, ClientSecurity
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.correlation import Correlation
from ottla.protocol.errors import ProtocolError
from ottla.protocol.framing import FrameReader
from ottla.protocol.introduction import (
    IntroductionError,
    NotBelievedError,
    SpokenVersions,
    introduce,
    newest_version,
)
from ottla.protocol.message import Request, Response
from ottla.runtime.network import Network, Transport

RESPONSE_BYTES_MAX = 512 * 1024 * 1024
"""A larger answer is taken for a broken peer."""
IN_FLIGHT_MAX = 1024
"""Requests of one connection that wait for an answer; one more waits for its turn before it is sent."""

ResponseT = TypeVar("ResponseT", bound=Response)


class Connection:
    """A `runtime.network.Receiver` on one side, awaitable requests on the other."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.address = ""
        self._frames = FrameReader(RESPONSE_BYTES_MAX)
        self._transport: Transport | None = None
        self._correlation: Correlation[asyncio.Future[Response]] = Correlation(client_id)
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._versions: SpokenVersions = {}
        self._closed: BrokerUnreachableError | None = None

    @classmethod
    async def open(
        cls,
        network: Network,
        host: str,
        port: int,
        *,
        client_id: str,
        timeout_ms: float,
        security: ClientSecurity = NO_SECURITY,
    ) -> "Connection":
        """Connect, learn the broker's versions and say who one is; `BrokerUnreachableError` says which address and why,
        `AuthenticationFailedError` that one is not believed."""
        connection = cls(client_id)
        connection.address = f"{host}:{port}"
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await network.connect(host, port, security.receiver(connection, host))
                await connection._introduce(security)
        except TimeoutError:
            connection.close()
            raise BrokerUnreachableError(f"{connection.address} did not answer within {timeout_ms:.0f} ms") from None
        except OSError as error:
            connection.close()
            raise BrokerUnreachableError(f"{connection.address}: {error.strerror or error}") from None
        except AuthenticationFailedError:
            connection.close()
            raise
        return connection

    @property
    def closed(self) -> bool:
        return self._closed is not None

    def version_of(self, request_class: type[Request]) -> int:
        """The newest version that both sides speak; `VersionMismatchError` names both ranges if there is none."""
        ours = request_class.versions
        theirs = self._versions.get(request_class.api_key)
        if theirs is None:
            raise VersionMismatchError(f"{self.address} does not have {ApiKey(request_class.api_key).name}")
        version = newest_version(request_class, self._versions)
        if version is None:
            raise VersionMismatchError(
                f"{ApiKey(request_class.api_key).name}: {self.address} speaks versions {theirs[0]} to {theirs[1]},"
                f" this client {ours.oldest} to {ours.latest}"
            )
        return version

    async def send(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float, version: int | None = None
    ) -> ResponseT:
        """Send and wait for the answer. The answer's error codes are the caller's to look at."""
        if version is None:
            version = self.version_of(type(request))
        async with self._slots:
            future = self._write(request, response_class, version)
            try:
                async with asyncio.timeout(timeout_ms / 1000):
                    response = await future
            except TimeoutError:
                name = ApiKey(request.api_key).name
                self.close()  # a later answer must not be taken for another request's
                raise RequestTimedOutError(f"{self.address} did not answer {name} within {timeout_ms:.0f} ms") from None
        assert isinstance(response, response_class)
        return response

    def _write(self, request: Request, response_class: type[Response], version: int) -> asyncio.Future[Response]:
        if self._closed is not None or self._transport is None:
            raise self._closed or BrokerUnreachableError(f"{self.address} is not connected")
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._transport.write([self._correlation.request(request, version, response_class, future)])
        return future

    async def _introduce(self, security: ClientSecurity) -> None:
        steps = introduce(__version__, security.exchange(), security.mechanism)
        try:
            step = next(steps)
            while True:
                answer = await self._write(step.request, step.response_class, step.version)
                step = steps.send(answer)
        except StopIteration as done:
            self._versions = done.value.versions
        except NotBelievedError as error:
            raise AuthenticationFailedError(f"{self.address}: {error}") from None
        except IntroductionError as error:
            raise BrokerUnreachableError(f"{self.address}: {error}") from None

    def close(self) -> None:
        transport = self._transport
        if transport is not None:
            transport.close(abort=True)
        self._fail("the connection was closed")

    # Receiver

    def connected(self, transport: Transport) -> None:
        self._transport = transport

    def get_buffer(self) -> memoryview:
        return self._frames.get_buffer()

    def buffer_updated(self, size: int) -> None:
        try:
            for frame in self._frames.buffer_updated(size):
                self._answer(frame)
        except ProtocolError as error:
            if self._transport is not None:
                self._transport.close(abort=True)
            self._fail(f"an answer cannot be read ({error}); is this a Kafka listener, and one without TLS?")

    def drained(self) -> None:
        pass

    def disconnected(self, error: OSError | None) -> None:
        self._transport = None
        reason = (error.strerror or str(error)) if error is not None else "the broker closed the connection"
        self._fail(reason)

    def _answer(self, frame: memoryview) -> None:
        future, response = self._correlation.response(frame)
        if not future.done():
            future.set_result(response)

    def _fail(self, reason: str) -> None:
        if self._closed is None:
            self._closed = BrokerUnreachableError(f"{self.address}: {reason}")
        for future in self._correlation.abandon():
            if not future.done():
                future.set_exception(BrokerUnreachableError(f"{self.address}: {reason}"))
