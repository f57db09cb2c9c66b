"""One connection to a broker: frames out, frames in, answers matched to requests by correlation id.

The first exchange on every connection is ApiVersions (KIP-35, KIP-511): it says which versions the broker speaks, and
every later request is sent in the newest that both sides know. Answers come in the order of the requests, so that what
waits is a queue.
"""

import asyncio
from collections import deque
from typing import TypeVar

from ottla import __version__
from ottla.clients.errors import (
    AuthenticationFailedError,
    BrokerUnreachableError,
    RequestTimedOutError,
    VersionMismatchError,
)
from ottla.clients.security import NO_SECURITY, ClientSecurity
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decoder, encode_into
from ottla.protocol.errors import ErrorCode, ProtocolError, error_code
from ottla.protocol.framing import FrameReader
from ottla.protocol.header import RequestHeader, ResponseHeader, request_header_version, response_header_version
from ottla.protocol.message import Request, Response
from ottla.protocol.sasl.exchange import SaslError
from ottla.runtime.network import Network, Transport

RESPONSE_BYTES_MAX = 512 * 1024 * 1024
"""A larger answer is taken for a broken peer."""
IN_FLIGHT_MAX = 1024
"""Requests of one connection that wait for an answer; one more waits for its turn before it is sent."""

_UNSUPPORTED_VERSION = int(ErrorCode.UNSUPPORTED_VERSION).to_bytes(2, "big")

ResponseT = TypeVar("ResponseT", bound=Response)


class _Waiting:
    __slots__ = ("api_key", "api_version", "correlation_id", "response", "response_class")

    def __init__(
        self,
        api_key: int,
        api_version: int,
        correlation_id: int,
        response_class: type[Response],
        response: asyncio.Future[Response],
    ) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.response_class = response_class
        self.response = response


class Connection:
    """A `runtime.network.Receiver` on one side, awaitable requests on the other."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.address = ""
        self._frames = FrameReader(RESPONSE_BYTES_MAX)
        self._transport: Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._correlation_id = 0
        self._versions: dict[int, tuple[int, int]] = {}
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
                await connection._learn_versions()
                await connection._authenticate(security)
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
        version = min(ours.latest, theirs[1])
        if version < max(ours.oldest, theirs[0]):
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
        self._correlation_id = correlation_id = (self._correlation_id + 1) & 0x7FFFFFFF
        header = RequestHeader(
            request_api_key=request.api_key,
            request_api_version=version,
            correlation_id=correlation_id,
            client_id=self.client_id,
        )
        out = bytearray(4)
        encode_into(header, request_header_version(request.api_key, version), out, [])
        encode_into(request, version, out, [])
        out[:4] = (len(out) - 4).to_bytes(4, "big")
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request.api_key, version, correlation_id, response_class, future))
        self._transport.write([out])
        return future

    async def _learn_versions(self) -> None:
        request = ApiVersionsRequest(client_software_name="ottla", client_software_version=__version__)
        version = ApiVersionsRequest.versions.latest
        answer = await self._write(request, ApiVersionsResponse, version)
        assert isinstance(answer, ApiVersionsResponse)
        if answer.error_code == ErrorCode.UNSUPPORTED_VERSION:
            # An older broker answers in version 0, and names what it speaks (KIP-511).
            latest = next((key.max_version for key in answer.api_keys if key.api_key == ApiKey.API_VERSIONS), 0)
            answer = await self._write(request, ApiVersionsResponse, min(version, latest))
            assert isinstance(answer, ApiVersionsResponse)
        if answer.error_code != ErrorCode.NONE:
            raise BrokerUnreachableError(f"{self.address} refused ApiVersions: {error_code(answer.error_code).name}")
        self._versions = {key.api_key: (key.min_version, key.max_version) for key in answer.api_keys}

    async def _authenticate(self, security: ClientSecurity) -> None:
        exchange = security.exchange()
        if exchange is None:
            return
        mechanism = security.mechanism or ""
        hands = await self._write(SaslHandshakeRequest(mechanism=mechanism), SaslHandshakeResponse, 1)
        assert isinstance(hands, SaslHandshakeResponse)
        if hands.error_code != ErrorCode.NONE:
            offered = ", ".join(hands.mechanisms) or "no mechanism at all"
            raise AuthenticationFailedError(f"{self.address} does not take {mechanism}; it takes {offered}")
        version = self.version_of(SaslAuthenticateRequest)
        token: bytes | None = exchange.first()
        try:
            while token is not None:
                answer = await self._write(SaslAuthenticateRequest(auth_bytes=token), SaslAuthenticateResponse, version)
                assert isinstance(answer, SaslAuthenticateResponse)
                if answer.error_code != ErrorCode.NONE:
                    why = answer.error_message or error_code(answer.error_code).name
                    raise AuthenticationFailedError(f"{self.address}: {why}")
                token = exchange.next(bytes(answer.auth_bytes))
        except SaslError as error:
            raise AuthenticationFailedError(f"{self.address}: {error}") from None

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
        if not self._waiting:
            raise ProtocolError("an answer that nobody asked for")
        waiting = self._waiting.popleft()
        header_version = response_header_version(waiting.api_key, waiting.api_version)
        correlation_id = int.from_bytes(frame[:4], "big", signed=True)
        if correlation_id != waiting.correlation_id:
            self._waiting.appendleft(waiting)
            raise ProtocolError(f"answer {correlation_id} where {waiting.correlation_id} was due")
        _, offset = decoder(ResponseHeader, header_version)(frame, 0)
        version = waiting.api_version
        if waiting.response_class is ApiVersionsResponse and bytes(frame[offset : offset + 2]) == _UNSUPPORTED_VERSION:
            version = 0  # UNSUPPORTED_VERSION is always answered in version 0
        try:
            response = waiting.response_class.decode(frame, version, offset)
        except ProtocolError:
            self._waiting.appendleft(waiting)
            raise
        if not waiting.response.done():
            waiting.response.set_result(response)

    def _fail(self, reason: str) -> None:
        if self._closed is None:
            self._closed = BrokerUnreachableError(f"{self.address}: {reason}")
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.response.done():
                waiting.response.set_exception(BrokerUnreachableError(f"{self.address}: {reason}"))
