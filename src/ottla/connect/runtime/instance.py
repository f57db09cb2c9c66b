"""A whole worker: its stores, its herder, and the REST API before it."""

from __future__ import annotations

import contextlib
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.clients.client import KafkaClient
from ottla.clients.security import client_security
from ottla.connect.api.errors import ConnectError
from ottla.connect.rest.application import Application
from ottla.connect.rest.cross_origin import CrossOrigin
from ottla.connect.rest.response_headers import KEY as RESPONSE_HEADERS
from ottla.connect.rest.response_headers import parse_response_headers
from ottla.connect.rest.routes import ADMIN_ROUTES, ROUTES
from ottla.connect.runtime import exactly_once
from ottla.connect.runtime.connector_offsets import ConnectorOffsets
from ottla.connect.runtime.listener import ADMIN_PREFIX, PREFIX, Listener, client_tls, server_tls
from ottla.connect.runtime.log_lines import ConnectorLogHandler
from ottla.connect.runtime.offset_stores import OffsetStores
from ottla.connect.runtime.plugins import Plugins
from ottla.connect.runtime.standalone_herder import StandaloneHerder
from ottla.connect.runtime.variables import Variables
from ottla.connect.runtime.worker import Worker
from ottla.connect.store.config_store import ConfigStore
from ottla.connect.store.file_log import FileLog
from ottla.connect.store.offset_store import OffsetStore
from ottla.connect.store.state_log import MemoryLog
from ottla.connect.store.status import TargetState
from ottla.connect.store.status_store import StatusStore
from ottla.connect.store.topic_log import TopicLog
from ottla.runtime.http_server import HTTPS, HttpServer, listen

if TYPE_CHECKING:
    import socket
    import ssl

    from ottla.connect.runtime.connector_clients import ConnectorClients
    from ottla.connect.runtime.herder import Herder
    from ottla.connect.runtime.worker_config import WorkerConfig
    from ottla.runtime.network import Network
    from ottla.runtime.tls_context import TlsContexts

_INITIAL = {"RUNNING": TargetState.STARTED, "PAUSED": TargetState.PAUSED, "STOPPED": TargetState.STOPPED}


@dataclass(frozen=True, slots=True)
class _Served:
    listener: Listener
    bound: socket.socket
    application: Application
    tls: TlsContexts | None


def _applications(config: WorkerConfig, tls: ssl.SSLContext | None) -> tuple[Application, Application]:
    """What is for all, and what is served on listeners of their own."""
    origins = [part.strip() for part in config.text("access.control.allow.origin").split(",") if part.strip()]
    methods = [part.strip() for part in config.text("access.control.allow.methods").split(",") if part.strip()]
    routes = ROUTES if config.admin_listeners is not None else ROUTES + ADMIN_ROUTES
    shared = Application(
        routes,
        cross_origin=CrossOrigin(origins, methods) if origins else None,
        response_headers=parse_response_headers(config.text(RESPONSE_HEADERS)),
        tls=tls,
    )
    return shared, Application(ADMIN_ROUTES, tls=tls)


def _listen(config: WorkerConfig, shared: Application, admin: Application) -> list[_Served]:
    """`ConnectError`; then nothing is bound."""
    wanted = [(each, shared, PREFIX) for each in config.listeners]
    wanted += [(each, admin, ADMIN_PREFIX) for each in config.admin_listeners or ()]
    served: list[_Served] = []
    try:
        for listener, application, prefix in wanted:
            tls = server_tls(config.properties, prefix) if listener.scheme == HTTPS else None
            try:
                bound = listen(listener.host, listener.port)
            except OSError as error:
                text = f"cannot listen on {listener.host}:{listener.port}: {error.strerror}"
                raise ConnectError(text) from error
            served.append(_Served(listener, bound, application, tls))
    except ConnectError:
        for each in served:
            each.bound.close()
        raise
    return served


class Instance:
    """`await start()`, and `stop()` however far the start came."""

    def __init__(self, network: Network, config: WorkerConfig) -> None:
        """`ConnectError`: it cannot listen there, or has no certificate for it."""
        sys.path += [path for path in config.names("plugin.path") if path not in sys.path]
        self._config = config
        self._tls = client_tls(config.properties) if config.advertised_scheme == HTTPS else None
        self._applications = _applications(config, self._tls)
        self._served = _listen(config, *self._applications)
        advertised = config.advertised_scheme
        first = next(each for each in self._served if each.listener.scheme == advertised)
        host, self.port = first.listener.host, first.bound.getsockname()[1]
        shown = config.values["rest.advertised.host.name"] or ("127.0.0.1" if host in ("0.0.0.0", "::") else host)
        self.worker_id = (
            f"{f'[{shown}]' if ':' in str(shown) else shown}:{config.values['rest.advertised.port'] or self.port}"
        )
        self.url = f"{advertised}://{self.worker_id}"
        self.tls = first.tls
        """What others reach it by."""
        self._network = network
        self._client = self._make_client()
        self._others: list[KafkaClient] = []
        self._clients: ConnectorClients | None = None
        self._servers: list[HttpServer] = []
        self.herder: Herder | None = None
        self._log_handler: ConnectorLogHandler | None = None

    async def start(self) -> None:
        """Requests are taken from the first moment, and answered with 404 until the worker can."""
        for each in self._served:
            server = HttpServer(each.application, each.bound, each.tls)
            self._servers.append(server)
            await server.start()
        await self._client.__aenter__()
        herder = await self._distributed() if self._config.is_distributed else self._standalone()
        self.herder = herder
        self._log_handler = ConnectorLogHandler(herder.worker.log_lines)
        logging.getLogger().addHandler(self._log_handler)
        await herder.start()
        for application in self._applications:
            application.herder = herder
        herder.is_ready = True

    async def create(self, connectors: list[dict[str, Any]]) -> None:
        """Those of the command line. `ConnectError` names the connector."""
        assert self.herder is not None, "the worker is not started"
        for each in connectors:
            target = _INITIAL.get(str(each.get("initial_state", "")).upper())
            config = {key: str(text) for key, text in each["config"].items() if text is not None}
            try:
                await self.herder.put_connector_config(each["name"], config, target, allow_replace=False)
            except ConnectError as error:
                raise ConnectError(f"connector {each['name']}: {error}") from error

    async def stop(self) -> None:
        """Connectors and tasks end first; who asks meanwhile is answered."""
        if self.herder is not None:
            await self.herder.stop()
        if self._log_handler is not None:
            logging.getLogger().removeHandler(self._log_handler)
        for server in self._servers:
            with contextlib.suppress(OSError):
                await server.stop()
        for each in self._served[len(self._servers) :]:
            each.bound.close()
        for client in (self._client, *self._others):
            client.close()
        if self._clients is not None:
            self._clients.close()

    async def _distributed(self) -> Herder:
        from ottla.connect.distributed.distributed_herder import DistributedHerder
        from ottla.connect.distributed.group_member import GroupMember
        from ottla.connect.runtime.connector_clients import ConnectorClients

        config, plugins = self._config, Plugins()
        self._clients = ConnectorClients(self._network, config, self._make_client)
        offsets = await self._offset_stores(self._clients)
        herder = DistributedHerder(
            Worker(config, plugins, Variables(config.properties)),
            self.worker_id,
            self._client.metadata.cluster_id or "",
            await self._config_store(),
            StatusStore(await self._topic_log("status", config.number("status.storage.partitions"))),
            offsets,
            ConnectorOffsets(self._client, offsets, plugins, config.with_prefix("consumer.")),
        )
        herder.clients, herder.rest_url, herder.tls = self._clients, self.url, self._tls
        herder.member = GroupMember(
            await self._another_client("group"),
            config.text("group.id"),
            herder,
            session_timeout_ms=config.number("session.timeout.ms"),
            rebalance_timeout_ms=config.number("rebalance.timeout.ms"),
            heartbeat_interval_ms=config.number("heartbeat.interval.ms"),
        )
        herder.rebalances = herder.member.rebalances
        return herder

    async def _config_store(self) -> ConfigStore:
        config = self._config
        log = await self._topic_log("config", 1, is_single=True)
        if not config.source_support.leads_in_transactions:
            return ConfigStore(log)
        from ottla.connect.store.transactional_writer import TransactionalWriter

        client, topic = await self._another_client("leader"), config.text("config.storage.topic")
        return ConfigStore(log, TransactionalWriter(client, topic, exactly_once.leader_id(config.text("group.id"))))

    async def _offset_stores(self, clients: ConnectorClients) -> OffsetStores:
        from ottla.connect.runtime.offset_stores import TopicOffsetStores

        config = self._config
        partitions = config.number("offset.storage.partitions")
        is_enabled = config.source_support is exactly_once.SourceSupport.ENABLED
        return TopicOffsetStores(
            OffsetStore(await self._topic_log("offset", partitions)),
            config.text("offset.storage.topic"),
            clients,
            partitions=partitions,
            replication_factor=self._replication_factor("offset.storage.replication.factor"),
            group=config.text("group.id") if is_enabled else None,
        )

    async def _topic_log(self, what: str, partitions: int, *, is_single: bool = False) -> TopicLog:
        return TopicLog(
            self._client,
            await self._another_client(what),
            self._config.text(f"{what}.storage.topic"),
            partitions=partitions,
            replication_factor=self._replication_factor(f"{what}.storage.replication.factor"),
            is_single=is_single,
        )

    def _replication_factor(self, key: str) -> int:
        """As many as are said; else three, or as many as there are brokers."""
        wanted = self._config.number(key)
        return wanted if key in self._config.properties else min(wanted, max(1, len(self._client.metadata.brokers)))

    async def _another_client(self, what: str) -> KafkaClient:
        """What waits in a connection holds up all that comes behind it there."""
        client = self._make_client(f"-{what}")
        self._others.append(client)
        await client.__aenter__()
        return client

    def _make_client(self, suffix: str = "") -> KafkaClient:
        config = self._config
        return KafkaClient(
            self._network,
            config.bootstrap,
            client_id=(config.text("client.id") or f"connect-{self.worker_id}") + suffix,
            security=client_security(config.security),
        )

    def _standalone(self) -> Herder:
        config = self._config
        plugins = Plugins()
        offsets = OffsetStores(OffsetStore(FileLog(config.offsets_file)))
        worker = Worker(config, plugins, Variables(config.properties))
        return StandaloneHerder(
            worker,
            self.worker_id,
            self._client.metadata.cluster_id or "",
            ConfigStore(MemoryLog()),
            StatusStore(MemoryLog()),
            offsets,
            ConnectorOffsets(self._client, offsets, plugins, config.with_prefix("consumer.")),
        )
