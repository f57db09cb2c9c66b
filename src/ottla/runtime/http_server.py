"""The HTTP server: uvicorn, on the loop that is running already; with TLS and traces, if there are to be any."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.runtime.tracing.tracing import active

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from ottla.runtime.http_request import Receive, Scope, Send
    from ottla.runtime.tls_context import TlsContexts

    Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

HTTP: Final = "http"
HTTPS: Final = "https"
GRACE_S: Final = 2
BACKLOG: Final = 512


def listen(host: str, port: int) -> socket.socket:
    """A bound socket: its port is known before anything is served. `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol said, asyncio turns Nagle's algorithm off on what is accepted.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def _following(contexts: TlsContexts) -> ssl.SSLContext:
    """Each handshake has the certificates of the files as they are by then."""

    def take_current(tls: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        tls.context = contexts.current(time.monotonic())

    first = contexts.current(time.monotonic())
    first.sni_callback = take_current  # called without a name, too
    return first


class HttpServer:
    """Serves an ASGI application on a bound socket."""

    def __init__(self, application: Application, bound: socket.socket, tls: TlsContexts | None = None) -> None:
        import uvicorn

        if (tracing := active()) is not None:
            from ottla.runtime.tracing.http_spans import TracedApplication

            application = TracedApplication(application, tracing)
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_S,
        )
        if tls is not None:
            config.load()
            config.ssl = _following(tls)
        self._server = uvicorn.Server(config)
        self._bound = bound
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when requests are taken."""
        # Signals are the business of whoever runs the loop.
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._bound]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                return
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._bound.close()
