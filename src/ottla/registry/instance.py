"""A whole instance: the registry, and the server before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.metrics import RegistryMetrics
from ottla.registry.registry import Registry
from ottla.registry.rest.application import Application
from ottla.runtime.http_server import HTTP, HTTPS, HttpServer, listen

if TYPE_CHECKING:
    from ottla.registry.settings import RegistrySettings
    from ottla.runtime.metrics.metric import Source
    from ottla.runtime.network import Network


class Instance:
    """`await start()`, and `stop()` however far the start came."""

    def __init__(self, network: Network, settings: RegistrySettings) -> None:
        """`OSError`: it cannot listen there. `ValueError`: its TLS."""
        self._settings = settings
        self.tls, asking = settings.tls.server(), settings.tls.client()
        self._bound = listen(settings.host, settings.port)
        self.port: int = self._bound.getsockname()[1]
        self.registry = Registry(network, settings, self.port, HTTP if self.tls is None else HTTPS)
        self._application = Application(self.registry, asking)
        self.sources: list[Source] = [RegistryMetrics(self.registry, self._application.requests).read]
        """What it tells Prometheus."""
        self._server: HttpServer | None = None
        self._is_open = False

    @property
    def url(self) -> str:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{self.registry.identity.scheme}://{host}:{self.port}"

    async def start(self) -> None:
        """`TopicError`, `KafkaError`, `ClientError`."""
        await self.registry.__aenter__()
        self._is_open = True
        self._server = HttpServer(self._application, self._bound, self.tls)
        await self._server.start()

    async def stop(self) -> None:
        """The group is left first, so that another leads at once."""
        if self._is_open:
            await self.registry.stop_leading()
        if self._server is not None:
            await self._server.stop()
        else:
            self._bound.close()
        self._application.close()
        if self._is_open:
            await self.registry.__aexit__()
