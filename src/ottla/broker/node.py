"""A node: every part made, started and stopped in order. The only place that knows them all.

    start    lock the directories ─► identity (format if empty) ─► quorum: load, take part ─► listen, not accepting yet
             ─► register (in a cluster: wait for the metadata) ─► logs: open, recover ─► replicas and coordinators
             follow the metadata ─► unfence ─► accept
    stop     controlled shutdown (followers may still connect) ─► accept no more ─► coordinators ─► connections
             ─► logs: flush, checkpoints, `.kafka_cleanshutdown` ─► controller ─► unlock

What was started is stopped, also when the start fails half-way. Kafka's `BrokerServer`, `ControllerServer`.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import TYPE_CHECKING

from ottla.broker.api_table import handler_makers
from ottla.broker.authorizer.authorizer import make_authorizer
from ottla.broker.controller_node import CannotListenError, ControllerNode
from ottla.broker.coordinator.internal_topics import InternalTopics
from ottla.broker.coordinator.producer_ids import ProducerIds
from ottla.broker.coordinator.transaction_markers import TransactionMarkers
from ottla.broker.directory_failures import DirectoryFailures
from ottla.broker.dynamic_config import DynamicServerConfig, follow_broker_configs
from ottla.broker.listener_security import ListenerSecurity, listener_security, renew_stores
from ottla.broker.listeners import Listeners
from ottla.broker.log_directories import LogDirectories
from ottla.broker.node_logs import NodeLogs
from ottla.broker.node_view import NodeView
from ottla.broker.parts import Parts, make_client_metrics, make_group_coordinator, make_transaction_coordinator
from ottla.broker.produce_runs import ProduceRuns
from ottla.broker.quotas.following import follow_client_quotas
from ottla.broker.registration import Registration
from ottla.broker.replica.fetch_session import FetchSessionCache
from ottla.broker.replica.log_config import LogConfigs
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.settings import (
    connection_limits,
    controller_endpoints,
    group_metadata_topic,
    is_whole_quorum,
    share_state_topic,
    transaction_state_topic,
)
from ottla.broker.storage_format import FormatRequest, Storage, StorageError, open_storage
from ottla.log.recovery import OffsetOverflowError
from ottla.metadata.record_serde import MetadataError
from ottla.protocol.errors import KafkaError
from ottla.raft.batches import RaftLogError
from ottla.raft.election_state import QuorumStateError
from ottla.raft.state import RaftError
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.lock import DirectoryInUseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.cluster_parts import ClusterParts
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.controller_channel import ControllerChannel
    from ottla.broker.coordinator.group_coordinator import GroupCoordinator
    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.forwarding import Forwarding
    from ottla.broker.membership import ClusterMembership
    from ottla.broker.peer.absences import Absences
    from ottla.broker.peer.peer import PeerContext
    from ottla.broker.replica.replication import Replication
    from ottla.broker.share.share_parts import ShareParts
    from ottla.log.manager import LogManager
    from ottla.log.replica_mover import ReplicaMover
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.network import Listener
    from ottla.runtime.world import World

WARM_UP_INTERVAL_MS = 5.0
MAX_FETCH_SESSION_ID = 2**31 - 1

# What the parts raise about configuration and directories that cannot be run on; anything else is a bug.
CANNOT_START = (
    CannotListenError,
    ConfigError,
    DirectoryInUseError,
    KafkaError,
    MetadataError,
    OffsetOverflowError,
    QuorumStateError,
    RaftError,
    RaftLogError,
    StorageError,
)

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The node cannot start; the text says why, and what to do."""


class Node:
    """`start` once, then `stop` once. `stop_request` is how the node itself asks to be stopped."""

    def __init__(self, config: ServerConfig, stop_request: StopRequest, world: World) -> None:
        self._config = config
        self._stop_request = stop_request
        self._world = world
        self._files = world.files
        self._clock = world.clock
        self._timers = world.timers
        self._dynamic_config = DynamicServerConfig(config)
        self._listeners = listeners = Listeners(
            world.network, world.timers, connection_limits(config), world.clock, world.turn
        )
        self._directories = LogDirectories(world, config.log_dirs, config.metadata_log_dir)
        self._undo: list[Callable[[], object]] = []  # what `stop` does, last first
        self._ports: dict[str, int] = {}
        self._security: dict[str, ListenerSecurity] = {}
        self._applied_config = config
        self._metadata: ControllerNode | None = None
        self._fetch_sessions: FetchSessionCache
        self._membership: Registration | ClusterMembership | None = None
        self._absences: Absences | None = None
        self.view = NodeView(listeners)

    @property
    def address(self) -> str:
        """Where a client on this machine connects: the first listener; of a controller alone, the controller's."""
        is_broker = self._config.is_broker
        first = self._config.broker_listeners[0] if is_broker else self._config.controller_listeners[0]
        ports = self._ports if is_broker or self._metadata is None else self._metadata.ports
        host = f"[{first.host}]" if ":" in first.host else first.host
        return f"{host or 'localhost'}:{ports[first.listener_name]}"

    async def start(self) -> None:
        """Serve. `StartError` or `OSError` when it cannot be; `stop` must be called then, too."""
        try:
            self._lock_directories()
            storage = self._open_storage()
            incarnation_id = self._world.new_uuid()
            metadata = await self._start_metadata(storage, incarnation_id)
            if self._config.is_broker:
                await self._start_broker(storage, metadata, incarnation_id)
            self.view.serves = True
        except CANNOT_START as error:
            raise StartError(str(error)) from error

    async def _start_broker(self, storage: Storage, metadata: ControllerNode, incarnation_id: bytes) -> None:
        controller = metadata.controller
        dispatcher = self.view.dispatcher
        listeners = await self._listen(dispatcher, controller)
        membership: Registration | ClusterMembership
        if metadata.is_alone:
            logs = await self._open_logs(controller, storage)
            membership = self._register(controller, logs.manager, storage, incarnation_id)
        else:
            membership = await self._join(metadata, storage, incarnation_id)
            self._absences = self._make_absences(controller)
            logs = await self._open_logs(controller, storage)
        replicas, groups = self._make_replicas(logs.manager, storage.cluster_id)
        failures = self._watch_directories(logs.manager, replicas, membership)
        parts = self.view.parts = self._make_parts(storage, controller, replicas, groups)
        parts.replica_mover = cache(lambda: self._make_replica_mover(logs.manager, failures))
        transactions = parts.transactions
        dispatcher.serve(handler_makers(parts))
        if parts.authorizer is None:
            dispatcher.serve_runs(ProduceRuns(replicas, self._clock))
        controller.subscribe(replicas.on_metadata)
        controller.subscribe(
            follow_client_quotas(self._config, self._clock, self._listeners, dispatcher, lambda: controller.image)
        )
        controller.subscribe(failures.on_metadata)
        controller.subscribe(follow_broker_configs(self._dynamic_config, self._reconfigure, _report))
        controller.subscribe(groups.on_metadata)
        self._undo.append(groups.close)
        controller.subscribe(transactions.on_metadata)
        self._undo.append(transactions.close)
        await membership.unfence()
        self._undo.append(logs.start_upkeep().stop)
        for listener in listeners:
            listener.resume_accepting()
        self._warm_up(dispatcher, logs)

    async def stop(self) -> None:
        """Stop what was started, in order; what fails is reported and does not keep the rest from stopping."""
        self.view.serves, self.view.stops = False, True
        if self._membership is not None:
            await self._attempt(self._membership.shut_down)
        self._listeners.stop_accepting()
        while self._undo:
            await self._attempt(self._undo.pop())
        self._world.close()
        self._directories.release()

    async def _attempt(self, step: Callable[[], object]) -> None:
        try:
            result = step()
            if asyncio.iscoroutine(result):
                await result
        except Exception as error:
            _log.exception("stopping")
            self._stop_request.fail("it could not stop cleanly", error)

    # --- the steps of the start

    def _lock_directories(self) -> None:
        self._directories.acquire()

    def _open_storage(self) -> Storage:
        config = self._config
        request = FormatRequest(
            log_directories=self._directories.usable_paths,
            metadata_directory=self._directories.metadata_path,
            node_id=config.node_id,
            controller_endpoints=controller_endpoints(config),
            is_voter=config.is_controller and not config.quorum_voters,
            may_format=is_whole_quorum(config),
        )
        storage = open_storage(self._files, request, now_ms=self._clock.now_ms(), new_uuid=self._world.new_uuid)
        for path, error in storage.unreadable.items():
            self._directories.fail(path, error)
        return storage

    async def _start_metadata(self, storage: Storage, incarnation_id: bytes) -> ControllerNode:
        self._metadata = self.view.metadata = metadata = ControllerNode(self._config, self._world, self._stop_request)
        self._undo.append(metadata.close)
        await metadata.start(storage, self._directories.metadata_path, incarnation_id)
        return metadata

    async def _open_logs(self, controller: ControllerShell, storage: Storage) -> NodeLogs:
        logs = NodeLogs(self._config, self._world, self._directories, storage, lambda: controller.image, _report)
        self.view.logs = logs.manager
        await logs.open()
        self._undo.append(lambda: logs.close(self._membership.broker_epoch if self._membership else -1))
        return logs

    def _register(
        self, controller: ControllerShell, logs: LogManager, storage: Storage, incarnation_id: bytes
    ) -> Registration:
        """With the controller of this process, whose quorum is this node."""
        self._membership = registration = Registration(
            self._config,
            controller,
            cluster_id=storage.cluster_id,
            incarnation_id=incarnation_id,
            report=_report,
        )
        registration.register(
            ports=self._ports,
            directory_ids=[directory.directory_id for directory in logs.online],
            previous_broker_epoch=logs.directories[0].broker_epoch,
        )
        return registration

    async def _join(self, metadata: ControllerNode, storage: Storage, incarnation_id: bytes) -> ClusterMembership:
        """With whoever is the active controller; the metadata is here when it returns."""
        from ottla.broker.membership import ClusterMembership

        self._membership = membership = ClusterMembership(
            self._config,
            self._world,
            metadata.controller,
            heartbeats=self._make_channel(storage.cluster_id),
            channel=self._make_channel(storage.cluster_id),
            stop_request=self._stop_request,
            report=_report,
        )
        usable = [path for path in self._directories.paths if path not in self._directories.failed]
        await membership.join(storage, incarnation_id, ports=self._ports, log_directories=usable)
        return membership

    def _make_absences(self, controller: ControllerShell) -> Absences:
        from ottla.broker.peer.absences import Absences

        absences = Absences(self._world.network, self._timers, lambda: controller.image)
        controller.subscribe(absences.on_metadata)
        self._undo.append(absences.close)
        return absences

    def _watch_directories(
        self, logs: LogManager, replicas: ReplicaManager, membership: Registration | ClusterMembership
    ) -> DirectoryFailures:
        failures = DirectoryFailures(
            logs,
            replicas,
            membership,
            self._stop_request,
            metadata_directory=self._directories.metadata_path,
            report=_report,
        )
        failures.watch()
        return failures

    def _make_replica_mover(self, logs: LogManager, failures: DirectoryFailures) -> ReplicaMover:
        from ottla.log.replica_mover import ReplicaMover

        mover = ReplicaMover(
            logs, self._timers, self._clock, self._world.blocking.run, moved=failures.moved, report=_report
        )
        self._undo.append(mover.stop)
        return mover

    def _make_replicas(self, logs: LogManager, cluster_id: str) -> tuple[ReplicaManager, GroupCoordinator]:
        config = self._config
        replicas = ReplicaManager(
            node_id=config.node_id,
            logs=logs,
            clock=self._clock,
            log_config=LogConfigs(config.node_id, config.static, _report),
            report=_report,
            replication=cache(lambda: self._make_replication(replicas, cluster_id)),
        )
        groups = make_group_coordinator(config, replicas, self._clock, self._timers, self._world.new_uuid, _report)
        return replicas, groups

    def _make_replication(self, replicas: ReplicaManager, cluster_id: str) -> Replication:
        """When there is a partition with other replicas: a node alone never has any."""
        from ottla.broker.replication_parts import make_replication

        assert self._absences is not None
        return make_replication(
            self._config,
            replicas,
            self._peer_context(),
            self._make_channel(cluster_id),
            broker_epoch=lambda: self._membership.broker_epoch if self._membership else -1,
            answer_followers=lambda: self._fetch_sessions.answer_followers(),
            undo=self._undo.append,
            report=_report,
            absences=self._absences,
        )

    def _make_parts(
        self, storage: Storage, controller: ControllerShell, replicas: ReplicaManager, groups: GroupCoordinator
    ) -> Parts:
        channel = self._make_channel(storage.cluster_id)
        internal_topics = InternalTopics(
            (
                group_metadata_topic(self._config),
                transaction_state_topic(self._config),
                share_state_topic(self._config),
            ),
            channel,
            _report,
        )
        producer_ids = ProducerIds(channel, lambda: controller.image, self._config.node_id)
        markers = TransactionMarkers(replicas, groups, self._clock)
        cluster = self._make_cluster_parts(controller)
        transactions = make_transaction_coordinator(
            self._config,
            replicas,
            markers if cluster is None else cluster.markers(markers),
            producer_ids,
            self._clock,
            self._timers,
            _report,
        )
        share = cache(lambda: self._make_share_parts(controller, replicas, groups, internal_topics, cluster))
        slots = self._config.get_int("max.incremental.fetch.session.cache.slots")
        self._fetch_sessions = FetchSessionCache(slots, lambda: self._world.random.randint(1, MAX_FETCH_SESSION_ID))
        return Parts(
            config=self._config,
            cluster_id=storage.cluster_id,
            clock=self._clock,
            timers=self._timers,
            turn=self._world.turn,
            controller=controller,
            channel=channel,
            replicas=replicas,
            fetch_sessions=self._fetch_sessions,
            groups=groups,
            producer_ids=producer_ids,
            transaction_markers=markers,
            transactions=transactions,
            enrolment=transactions if cluster is None else cluster.enrolment(transactions),
            share=share,
            log_directories=self._directories.described(replicas.directory_failed, lambda: self._applied_config),
            create_internal_topic=internal_topics.create,
            dynamic_config=self._dynamic_config,
            client_metrics=cache(
                lambda: make_client_metrics(self._config, controller, self._clock, self._world.new_uuid)
            ),
            absences=self._absences,
            authorizer=make_authorizer(self._config, lambda: controller.image),
            forwarding=self._make_forwarding(storage.cluster_id),
        )

    def _make_cluster_parts(self, controller: ControllerShell) -> ClusterParts | None:
        if self._absences is None:
            return None
        from ottla.broker.cluster_parts import ClusterParts

        return ClusterParts(
            self._config, self._peer_context(), lambda: controller.image, self._undo.append, self._absences
        )

    def _make_forwarding(self, cluster_id: str) -> Forwarding | None:
        """`None` where the active controller never is elsewhere."""
        if isinstance(self._membership, Registration):
            return None
        from ottla.broker.forwarding import Forwarding

        return Forwarding(self._make_channel(cluster_id))

    def _peer_context(self) -> PeerContext:
        """For connections to other brokers, with the security of their listener."""
        from ottla.broker.peer.peer import PeerContext

        config, security = self._config, None
        if config.security_protocols.get(config.inter_broker_listener_name, "PLAINTEXT") != "PLAINTEXT":
            from ottla.broker.peer.security import inter_broker_peer_security

            security = inter_broker_peer_security(config, self._clock)
        return PeerContext(self._world.network, self._clock, self._timers, f"broker-{config.node_id}", security)

    def _make_channel(self, cluster_id: str) -> ControllerChannel:
        from ottla.broker.controller_channel import ControllerChannel

        assert self._metadata is not None
        context = self._metadata.peer_context(f"broker-{self._config.node_id}")
        local = self._metadata.local_requests(cluster_id)
        channel = ControllerChannel(self._metadata.quorum, context, self._config.node_id, local)
        self._undo.append(channel.close)
        return channel

    def _make_share_parts(
        self,
        controller: ControllerShell,
        replicas: ReplicaManager,
        groups: GroupCoordinator,
        internal_topics: InternalTopics,
        cluster: ClusterParts | None,
    ) -> ShareParts:
        from ottla.broker.share.group_configs import ShareGroupConfigs
        from ottla.broker.share.share_parts import make_share_parts

        share = make_share_parts(
            self._config,
            replicas,
            groups,
            ShareGroupConfigs(self._config, lambda: controller.image),
            self._clock,
            self._timers,
            internal_topics.create,
            _report,
            cluster,
        )
        controller.subscribe(share.on_metadata)
        self._undo.append(share.close)
        return share

    def _reconfigure(self, config: ServerConfig) -> None:
        """Beside what follows the metadata by itself: logs, topics, groups, metrics subscriptions."""
        self._listeners.set_limits(connection_limits(config))
        renew_stores(self._security, self._applied_config, config, _report)
        if self._membership is not None:
            self._membership.reconfigure(config)
        self._applied_config = config

    async def _listen(self, dispatcher: Dispatcher, controller: ControllerShell) -> list[Listener]:
        """Take the addresses, so that the real ports are known; nobody is let in yet."""
        listeners = []
        security = self._security = listener_security(self._config, lambda: controller.image, self._clock)
        self._undo.append(self._listeners.close)
        for endpoint in self._config.broker_listeners:
            name = endpoint.listener_name
            try:
                listener = await self._listeners.open(name, endpoint.host, endpoint.port, dispatcher, security[name])
            except OSError as error:
                where = f"{endpoint.host}:{endpoint.port}"
                raise StartError(f"cannot listen on {where}: {error.strerror or error}") from error
            listener.pause_accepting()
            self._ports[name] = listener.port
            listeners.append(listener)
        return listeners

    def _warm_up(self, dispatcher: Dispatcher, logs: NodeLogs) -> None:
        """Once the first clients are let in: make the other handlers, one a turn; then spare the collector all that."""

        def turn() -> None:
            if dispatcher.warm_up():
                self._timers.call_later(WARM_UP_INTERVAL_MS, turn)
            else:
                self._start_cleaner(logs)
                self._world.settled()

        self._timers.call_later(WARM_UP_INTERVAL_MS, turn)

    def _start_cleaner(self, logs: NodeLogs) -> None:
        cleaner = self.view.cleaner = logs.make_cleaner()
        if self._config.get_bool("log.cleaner.enable"):
            cleaner.start()
            self._undo.append(cleaner.stop)


def _report(text: str) -> None:
    _log.warning("%s", text)
