"""The door for whoever watches: `GET /metrics`, `/healthz`, `/readyz` over HTTP/1.1, on a listener of its own; by TLS,
if it has contexts for it.

Just as much of HTTP as a scraper, a probe and a browser need, over the port to the network: requests without a body,
one after the other, kept alive. A request is bounded (`MAX_REQUEST_BYTES`), as are connections (`MAX_CONNECTIONS`: one
more takes the place of the one that has been silent longest) and scrapes (one at a time; others wait for theirs).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.exposition import CONTENT_TYPE, expose
from ottla.runtime.metrics.health import Check, verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ottla.runtime.metrics.metric import Source
    from ottla.runtime.network import Listener, Network, Receiver, Transport
    from ottla.runtime.tls_context import TlsContexts

MAX_REQUEST_BYTES: Final = 8 * 1024
MAX_CONNECTIONS: Final = 32

_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_INDEX: Final = b"Ottla: /metrics for Prometheus, /healthz, /readyz\n"
_PLAIN: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"

_log = logging.getLogger(__name__)


class ScrapeError(Exception):
    """There is nothing to tell now; the text says why."""


@dataclass(slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes


class MetricsServer:
    """`sources` may grow while it serves, and `refresh` be set. `alive` and `ready` are asked at each probe."""

    def __init__(
        self,
        network: Network,
        sources: Sequence[Source] = (),
        *,
        alive: Callable[[], Sequence[Check]] = lambda: (),
        ready: Callable[[], Sequence[Check]] = lambda: (),
        refresh: Callable[[], Awaitable[None]] | None = None,
        tls: TlsContexts | None = None,
    ) -> None:
        """`refresh`: what a scrape waits for before the sources are read; `ScrapeError` when that cannot be."""
        self.sources = list(sources)
        self._network = network
        self._alive = alive
        self._ready = ready
        self.refresh = refresh
        self.tls = tls
        """To be set before `start`, if at all."""
        self._listener: Listener | None = None
        self._connections: dict[_Connection, None] = {}  # the one that has been silent longest comes first
        self._scraping = asyncio.Lock()

    async def start(self, host: str, port: int) -> None:
        """`OSError` when the address is not to be had."""
        self._listener = await self._network.listen(host, port, self._accept)

    @property
    def is_open(self) -> bool:
        return self._listener is not None

    @property
    def url(self) -> str:
        assert self._listener is not None, "it was never started"
        host = self._listener.host
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._listener.port}/metrics"

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close()

    async def answer(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return Answer(405, _PLAIN, b"only GET and HEAD\n")
        match path:
            case "/metrics":
                return await self._scrape()
            case "/healthz":
                return _probed(self._alive())
            case "/readyz":
                return _probed((*self._alive(), *self._ready()))
            case "/":
                return Answer(200, _PLAIN, _INDEX)
        return Answer(404, _PLAIN, _INDEX)

    async def _scrape(self) -> Answer:
        async with self._scraping:
            if self.refresh is not None:
                try:
                    await self.refresh()
                except ScrapeError as error:
                    return Answer(503, _PLAIN, f"{error}\n".encode())
            return Answer(200, CONTENT_TYPE, await expose(self.sources))

    def _accept(self) -> Receiver:
        if self.tls is None:
            return _Connection(self)
        from ottla.runtime.tls import TlsTransport

        return TlsTransport(self.tls.current(time.monotonic()), _Connection(self))

    def entered(self, connection: _Connection) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            next(iter(self._connections)).close()
        self._connections[connection] = None

    def heard(self, connection: _Connection) -> None:
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def left(self, connection: _Connection) -> None:
        self._connections.pop(connection, None)


def _probed(checks: Sequence[Check]) -> Answer:
    holds, body = verdict(checks)
    return Answer(200 if holds else 503, _JSON, body)


class _Connection:
    """A `Receiver`: requests in, answers out, in order."""

    def __init__(self, server: MetricsServer) -> None:
        self._server = server
        self._transport: Transport | None = None
        self._buffer = bytearray(MAX_REQUEST_BYTES)
        self._filled = 0
        self._is_closing = False
        self._answering: asyncio.Task[None] | None = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close(abort=True)

    def connected(self, transport: Transport) -> None:
        self._transport = transport
        self._server.entered(self)

    def get_buffer(self) -> memoryview:
        return memoryview(bytearray(1)) if self._is_closing else memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, size: int) -> None:
        if self._is_closing:
            return
        self._filled += size
        self._server.heard(self)
        self._next()

    def drained(self) -> None: ...

    def disconnected(self, error: OSError | None) -> None:
        self._transport = None
        if self._answering is not None:
            self._answering.cancel()
        self._server.left(self)

    def _next(self) -> None:
        """Answer the first request that is there whole; nothing is read meanwhile."""
        if self._answering is not None or self._transport is None:
            return
        head, end, _ = bytes(self._buffer[: self._filled]).partition(b"\r\n\r\n")
        if not end:
            if self._filled == len(self._buffer):
                self._send(Answer(431, _PLAIN, b"the request is too long\n"), keep_alive=False)
            return
        used = len(head) + len(end)
        self._buffer[: self._filled - used] = self._buffer[used : self._filled]
        self._filled -= used
        self._transport.pause_reading()
        self._answering = asyncio.get_running_loop().create_task(self._answer(head))

    async def _answer(self, head: bytes) -> None:
        line, _, headers = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or b"transfer-encoding:" in headers.lower():
            self._send(Answer(400, _PLAIN, b"this speaks HTTP/1.1 without request bodies\n"), keep_alive=False)
            return
        method, target, version = words
        closes = b"connection: close" in headers.lower() or version == "HTTP/1.0"
        keep_alive = not closes and method in ("GET", "HEAD")  # what else comes may have a body behind it
        try:
            answer = await self._server.answer(method, target.partition("?")[0])
        except Exception:
            _log.exception("%s %s failed", method, target)
            answer = Answer(500, _PLAIN, b"it failed; the log of this process says why\n")
        self._send(answer, keep_alive=keep_alive, with_body=method != "HEAD")

    def _send(self, answer: Answer, *, keep_alive: bool, with_body: bool = True) -> None:
        self._answering = None
        transport = self._transport
        if transport is None:
            return
        head = (
            f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
            f"Content-Type: {answer.content_type}\r\n"
            f"Content-Length: {len(answer.body)}\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        ).encode()
        with contextlib.suppress(OSError):
            transport.write([head, answer.body] if with_body and answer.body else [head])
        if not keep_alive:
            self._is_closing = True
            transport.close()
        elif self._transport is not None:
            transport.resume_reading()
            self._next()
