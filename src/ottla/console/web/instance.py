"""A whole console: what it knows, and the server before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.console.web.application import Application
from ottla.console.web.console import Console
from ottla.console.web.origin import Origin
from ottla.runtime.http_server import HTTP, HTTPS, HttpServer, listen

if TYPE_CHECKING:
    from ottla.console.web.settings import ConsoleSettings
    from ottla.runtime.metrics.metric import Source
    from ottla.runtime.network import Network


class Instance:
    """`await start()`, and `stop()` however far the start came."""

    def __init__(self, network: Network, settings: ConsoleSettings) -> None:
        """`OSError`: the port is taken, or the audit log cannot be written. `ValueError`: its TLS."""
        self.settings = settings
        self._tls = settings.tls.server()
        self._bound = listen(settings.host, settings.port)
        self.port: int = self._bound.getsockname()[1]
        try:
            self.console = Console(network, settings, self.port)
        except BaseException:
            self._bound.close()
            raise
        self._application = Application(self.console, Origin(settings.host, self.port, settings.hosts))
        self.sources: list[Source] = []
        """Of metrics: it has none of its own."""
        self._server: HttpServer | None = None

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.settings.host, self.settings.host)
        scheme = HTTP if self._tls is None else HTTPS
        return f"{scheme}://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    async def start(self) -> None:
        self.console.start()
        self._server = HttpServer(self._application, self._bound, self._tls)
        await self._server.start()

    async def stop(self) -> None:
        """Tails are told first: they would keep the server waiting."""
        self.console.is_stopping.set()
        if self._server is not None:
            await self._server.stop()
        else:
            self._bound.close()
        await self.console.stop()
