"""A controller over a real directory, with a clock and timers of our own and no threads; how handlers are called."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

from tests.unit.broker.replicas import LISTENER, NODE_ID, ManualClock, ManualTimers, over_the_wire

from ottla.broker.apis.allocate_producer_ids import AllocateProducerIdsHandler
from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.config_schema import ServerConfigSchema
from ottla.broker.controller.local_requests import LocalRequests
from ottla.broker.controller.quorum_shell import QuorumShell
from ottla.broker.controller.settings import ControllerSettings, QuorumSettings
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import ClientConnection, Handler, RequestContext
from ottla.broker.storage_format import FormatRequest, open_storage
from ottla.metadata.controller.brokers import fence_broker, register_broker, unfence_broker
from ottla.metadata.controller.result import random_uuid
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.metadata.registration import Endpoint
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature, Listener
from ottla.protocol.api.create_topics import CreatableTopic, CreatableTopicConfig, CreateTopicsRequest
from ottla.protocol.api_keys import ApiKey
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ottla.protocol.message import Request, Response
    from ottla.runtime.files import FileSystem

RequestT = TypeVar("RequestT", bound="Request")
ResponseT = TypeVar("ResponseT", bound="Response")
CONTROLLER_ENDPOINT = Endpoint("CONTROLLER", "127.0.0.1", 9093, 0)


async def run_here(work: Callable[[], object]) -> object:
    return work()


class TestNode:
    """The controller of a node and the broker that it registers; `restart` is another process on the same directory."""

    __test__ = False

    def __init__(
        self,
        directory: Path,
        properties: Mapping[str, str] | None = None,
        max_idle_interval_ms: int = 0,
        snapshot_after_bytes: int = 2**30,
        retention_bytes: int = -1,
    ) -> None:
        self.directory = directory
        self.config = server_config_of(dict(properties or {}))
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.random = Random(11)
        self.files: FileSystem = Disk()
        self.failures: list[Exception] = []
        self._max_idle_interval_ms = max_idle_interval_ms
        self._snapshot_after_bytes = snapshot_after_bytes
        self._retention_bytes = retention_bytes
        self.start()

    def start(self) -> None:
        request = FormatRequest([self.directory], self.directory, NODE_ID, [CONTROLLER_ENDPOINT])
        self.storage = open_storage(
            self.files, request, now_ms=self.clock.ms, new_uuid=lambda: random_uuid(self.random)
        )
        quorum = QuorumShell(
            QuorumSettings(
                node_id=NODE_ID,
                cluster_id=self.storage.cluster_id,
                metadata_directory=self.directory,
                directory_id=self.storage.directory_ids[self.directory],
                controller_endpoints=[CONTROLLER_ENDPOINT],
                snapshot_after_bytes=self._snapshot_after_bytes,
                retention_bytes=self._retention_bytes,
            ),
            files=self.files,
            clock=self.clock,
            timers=self.timers,
            random=self.random,
            run_blocking=run_here,
            on_failure=self.failures.append,
        )
        self.shell = ControllerShell(
            ControllerSettings(
                incarnation_id=random_uuid(self.random), max_idle_interval_ms=self._max_idle_interval_ms
            ),
            ServerConfigSchema(self.config),
            quorum,
            clock=self.clock,
            timers=self.timers,
            random=self.random,
        )
        self.shell.start()
        self.register()

    def register(self, port: int = 9092) -> None:
        shell, schema = self.shell, self.shell.schema
        if NODE_ID in shell.image.cluster.brokers:
            shell.decide_now(lambda view: fence_broker(view, schema, NODE_ID, shell.heartbeats))
        request = BrokerRegistrationRequest(
            broker_id=NODE_ID,
            cluster_id=self.storage.cluster_id,
            incarnation_id=random_uuid(self.random),
            listeners=[Listener(name=LISTENER, host="localhost", port=port, security_protocol=0)],
            features=[
                Feature(name=name, min_supported_version=levels.min_level, max_supported_version=levels.max_level)
                for name, levels in SUPPORTED_FEATURES.items()
            ],
            rack="here",
            log_dirs=list(self.storage.directory_ids.values()),
        )
        epoch = shell.decide_now(
            lambda view: register_broker(
                view,
                schema,
                shell.heartbeats,
                request,
                api_version=4,
                cluster_id=self.storage.cluster_id,
                kraft_version=1,
            )
        )
        shell.decide_now(lambda view: unfence_broker(view, schema, NODE_ID, epoch))

    async def restart(self) -> None:
        await self.shell.close()
        self.start()

    def kill(self) -> None:
        """As `kill -9`: nothing is flushed or closed; then another process."""
        self.start()

    @property
    def metadata_directory(self) -> Path:
        return self.directory / "__cluster_metadata-0"


class LocalChannel:
    """To a controller that is always here."""

    def __init__(self, shell: ControllerShell) -> None:
        handlers: dict[ApiKey, Handler] = {
            ApiKey.ALLOCATE_PRODUCER_IDS: AllocateProducerIdsHandler(shell),
            ApiKey.CREATE_TOPICS: CreateTopicsHandler(shell),
        }
        self._local = LocalRequests(shell, handlers.__getitem__, "CONTROLLER")

    async def send(self, request: Request, response_class: type[ResponseT]) -> ResponseT:
        answer = await self._local.serve(request)
        assert isinstance(answer, response_class)
        return answer


def context(request: Request, version: int, listener: str = LISTENER) -> RequestContext:
    connection = ClientConnection(client_host="127.0.0.1", client_port=1, listener=listener)
    return RequestContext(request.api_key, version, 1, "test", connection)


def sent(request: RequestT, version: int) -> tuple[RequestContext, RequestT]:
    """A request as a handler gets it: through its bytes."""
    return context(request, version), over_the_wire(request, version)


def creation(name: str, partitions: int = 1, **configs: str) -> CreateTopicsRequest:
    topic = CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=1,
        assignments=[],
        configs=[CreatableTopicConfig(name=key.replace("_", "."), value=value) for key, value in configs.items()],
    )
    return CreateTopicsRequest(topics=[topic])
