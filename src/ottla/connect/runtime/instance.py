"""A whole worker: its stores, its herder, and the REST API before it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from ottla.clients.client import KafkaClient
from ottla.clients.security import client_security
from ottla.connect.rest.application import Application
from ottla.connect.runtime.connector_offsets import ConnectorOffsets
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
from ottla.runtime.http_server import HttpServer, listen

if TYPE_CHECKING:
    from ottla.connect.runtime.herder import Herder
    from ottla.connect.runtime.worker_config import WorkerConfig
    from ottla.runtime.network import Network

_INITIAL = {"RUNNING": TargetState.STARTED, "PAUSED": TargetState.PAUSED, "STOPPED": TargetState.STOPPED}


class Instance:
    """`await start()`, and `stop()` however far the start came."""

    def __init__(self, network: Network, config: WorkerConfig) -> None:
        """`OSError`: it cannot listen there."""
        sys.path += [path for path in config.names("plugin.path") if path not in sys.path]
        host, port = config.listen
        self._config = config
        self._bound = listen(host, port)
        self.port: int = self._bound.getsockname()[1]
        shown = config.values["rest.advertised.host.name"] or ("127.0.0.1" if host in ("0.0.0.0", "::") else host)
        self.worker_id = (
            f"{f'[{shown}]' if ':' in str(shown) else shown}:{config.values['rest.advertised.port'] or self.port}"
        )
        self._network = network
        self._client = self._make_client()
        self._others: list[KafkaClient] = []
        self._application = Application()
        self._server: HttpServer | None = None
        self.herder: Herder | None = None

    @property
    def url(self) -> str:
        return f"http://{self.worker_id}"

    async def start(self) -> None:
        """Requests are taken from the first moment, and answered with 404 until the worker can."""
        self._server = HttpServer(self._application, self._bound)
        await self._server.start()
        await self._client.__aenter__()
        herder = await self._distributed() if self._config.is_distributed else self._standalone()
        self.herder = herder
        await herder.start()
        self._application.herder = herder
        herder.is_ready = True

    async def create(self, connectors: list[dict[str, Any]]) -> None:
        """Those of the command line. `ConnectError` names the connector."""
        from ottla.connect.api.errors import ConnectError

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
        if self._server is not None:
            with contextlib.suppress(OSError):
                await self._server.stop()
        else:
            self._bound.close()
        for client in (self._client, *self._others):
            client.close()

    async def _distributed(self) -> Herder:
        from ottla.connect.distributed.distributed_herder import DistributedHerder
        from ottla.connect.distributed.group_member import GroupMember

        config, plugins = self._config, Plugins()
        offsets = OffsetStore(await self._topic_log("offset", config.number("offset.storage.partitions")))
        herder = DistributedHerder(
            Worker(config, plugins, Variables(config.properties)),
            self.worker_id,
            self._client.metadata.cluster_id or "",
            ConfigStore(await self._topic_log("config", 1)),
            StatusStore(await self._topic_log("status", config.number("status.storage.partitions"))),
            offsets,
            ConnectorOffsets(self._client, offsets, plugins, config.with_prefix("consumer.")),
        )
        herder.member = GroupMember(
            await self._another_client("group"),
            config.text("group.id"),
            herder,
            session_timeout_ms=config.number("session.timeout.ms"),
            rebalance_timeout_ms=config.number("rebalance.timeout.ms"),
            heartbeat_interval_ms=config.number("heartbeat.interval.ms"),
        )
        return herder

    async def _topic_log(self, what: str, partitions: int) -> TopicLog:
        return TopicLog(
            self._client,
            await self._another_client(what),
            self._config.text(f"{what}.storage.topic"),
            partitions=partitions,
            replication_factor=self._replication_factor(f"{what}.storage.replication.factor"),
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
        offsets = OffsetStore(FileLog(config.offsets_file))
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
