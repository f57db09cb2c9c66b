"""A client that speaks frames, and a server with a table of the test's own."""

from __future__ import annotations

import asyncio
import struct
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.dispatcher import Dispatcher
from ottla.broker.listeners import ConnectionLimits, Listeners
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.header import RequestHeader, request_header_version, response_header_version
from ottla.runtime.clock import LoopTimers
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.broker.listener_security import ListenerSecurity
    from ottla.broker.request_context import Handler
    from ottla.protocol.message import Request, Response
    from ottla.runtime.turn import Turn

ResponseT = TypeVar("ResponseT", bound="Response")

UNBOUNDED = 2**31 - 1
LIMITS = ConnectionLimits(
    max_connections=UNBOUNDED, max_connections_per_host=UNBOUNDED, max_idle_ms=600_000, max_request_bytes=1_000_000
)
TIMEOUT_SECONDS = 60


class Server:
    """Listeners on a free port of the loopback."""

    def __init__(
        self,
        table: Mapping[ApiKey, Handler],
        limits: ConnectionLimits = LIMITS,
        security: ListenerSecurity | None = None,
        turn: Turn | None = None,
    ) -> None:
        self.security = security
        loop = asyncio.get_running_loop()
        self.network = SocketNetwork(loop)
        self.listeners = Listeners(self.network, LoopTimers(loop), limits, turn=turn)
        self.dispatcher = Dispatcher({key: partial(_same, handler) for key, handler in table.items()})
        self.port = 0

    async def __aenter__(self) -> Server:
        self.port = (await self.listeners.open("PLAINTEXT", "127.0.0.1", 0, self.dispatcher, self.security)).port
        return self

    async def __aexit__(self, *_: object) -> None:
        self.listeners.close()
        self.network.close()

    async def client(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send_bytes(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, request: Request, version: int, correlation_id: int = 1, client_id: str | None = "test") -> None:
        self.send_bytes(request_frame(request, version, correlation_id, client_id))

    async def frame(self) -> bytes:
        """The next whole frame, without its size."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            (size,) = struct.unpack(">i", await self.reader.readexactly(4))
            return await self.reader.readexactly(size)

    async def receive(self, kind: type[ResponseT], version: int) -> tuple[int, ResponseT]:
        """(correlation id, the next response)."""
        frame = await self.frame()
        (correlation_id,) = struct.unpack_from(">i", frame)
        header_bytes = 4
        if response_header_version(kind.api_key, version) == 1:
            assert frame[4] == 0
            header_bytes = 5
        return correlation_id, kind.decode(frame, version, header_bytes)

    async def end(self) -> bytes:
        """What still comes until the server closes."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def close(self) -> None:
        self.writer.close()


def _same(handler: Handler) -> Handler:
    return handler


def request_frame(request: Request, version: int, correlation_id: int = 1, client_id: str | None = "test") -> bytes:
    key = request.api_key
    header = RequestHeader(
        request_api_key=key, request_api_version=version, correlation_id=correlation_id, client_id=client_id
    )
    body = header.encode(request_header_version(key, version)) + request.encode(version)
    assert version in API[ApiKey(key)].versions
    return framed(body)


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body
