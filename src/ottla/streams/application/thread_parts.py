"""Puts the parts of a thread together: clients, membership, tasks; and what all threads share."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Final

from ottla.clients.errors import VersionMismatchError
from ottla.protocol.api.streams_group_heartbeat import StreamsGroupHeartbeatRequest
from ottla.streams.application.changelog_reader import ChangelogReader
from ottla.streams.application.client_properties import (
    client_rack,
    group_instance_id,
    heartbeat_interval_ms,
    max_poll_interval_ms,
    metadata_max_age_ms,
    session_timeout_ms,
)
from ottla.streams.application.cluster_queries import ClusterQueries
from ottla.streams.application.global_thread import GlobalThread
from ottla.streams.application.group_leader import GroupLeader
from ottla.streams.application.group_metadata import check_layout
from ottla.streams.application.group_session import GroupSession
from ottla.streams.application.stream_thread import StreamThread
from ottla.streams.application.task_manager import TaskManager
from ottla.streams.application.thread_metrics import ThreadMetrics
from ottla.streams.application.thread_producer import ThreadProducer
from ottla.streams.membership.assignment import HostInfo, Identity, TaskId
from ottla.streams.membership.classic_member import ClassicMember
from ottla.streams.membership.described_topology import describe_topology
from ottla.streams.membership.streams_member import StreamsMember

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.application.client_supplier import BatchProducer, ClientSupplier
    from ottla.streams.application.control import ControlThread
    from ottla.streams.application.group_session import Member
    from ottla.streams.application.restore_listener import Listeners, StateRestoreListener
    from ottla.streams.application.stream_thread import ThreadState
    from ottla.streams.config import StreamsConfig
    from ottla.streams.membership.classic_metadata import MemberData
    from ottla.streams.metrics.registry import MetricsRegistry
    from ottla.streams.state.directory import StateDirectory
    from ottla.streams.state.store import StateStore
    from ottla.streams.topology.built import BuiltTopology

_log: Final = logging.getLogger("ottla.streams")


class ThreadParts:
    def __init__(
        self,
        topology: BuiltTopology,
        config: StreamsConfig,
        supplier: ClientSupplier,
        control: ControlThread,
        directory: StateDirectory,
        process_id: str,
        client_id: str,
        metrics: MetricsRegistry,
    ) -> None:
        self.global_stores: Mapping[str, StateStore] = {}
        self._topology = topology
        self._config = config
        self._supplier = supplier
        self._control = control
        self._directory = directory
        self._process_id = process_id
        self._client_id = client_id
        self._metrics = metrics
        self._leader = GroupLeader(topology, config)
        self._cluster = ClusterQueries(control, config.application_id, exactly_once=config.exactly_once)
        self._managers: list[TaskManager] = []
        self._by_streams_protocol = False
        self._global: GlobalThread | None = None

    def prepare(self, listener: StateRestoreListener, on_global_failure: Callable[[BaseException], None]) -> None:
        """What is done once, before the first thread: which protocol the group may speak, and the global stores."""
        if self._config.wants_streams_groups:
            self._by_streams_protocol = self._control.call(self._has_streams_groups())
            if not self._by_streams_protocol:
                _log.warning("the brokers have no streams groups: going on with group.protocol=classic")
        if self._topology.global_stores:
            self._global = GlobalThread(
                f"{self._client_id}-GlobalStreamThread",
                self._topology,
                self._config,
                self._supplier.global_consumer(self._config, f"{self._client_id}-global-consumer"),
                self._cluster,
                self._directory,
                listener,
                on_global_failure,
                self._metrics,
            )
            self.global_stores = self._global.stores
            self._global.start()

    async def _has_streams_groups(self) -> bool:
        connection = await self._control.client.any_connection()
        try:
            connection.version_of(StreamsGroupHeartbeatRequest)
        except VersionMismatchError:
            return False
        return True

    def make_thread(
        self,
        index: int,
        on_state: Callable[[StreamThread, ThreadState], None],
        on_failure: Callable[[StreamThread, BaseException], bool],
        on_shutdown_wanted: Callable[[], None],
        listeners: Listeners,
    ) -> StreamThread:
        config = self._config
        name = f"{self._client_id}-StreamThread-{index}"
        consumer = self._supplier.main_consumer(config, f"{name}-consumer")
        if config.exactly_once:
            check_layout(consumer.group_metadata(), config.application_id)
        restore_consumer = self._supplier.restore_consumer(config, f"{name}-restore-consumer")
        session = GroupSession(
            self._control,
            self._member(index),
            client_id=f"{name}-consumer",
            max_poll_interval_ms=max_poll_interval_ms(config),
            lead=self._lead,
            offsets=self._offsets,
            topics_changed=lambda: self._leader.topics_changed(self._control.client),
            look_at_topics_ms=metadata_max_age_ms(config),
            woken=lambda: None,
        )
        threads = int(config["num.stream.threads"])
        updater = f"{self._client_id}-StateUpdater-{index}"
        metrics = ThreadMetrics(self._metrics, name, self._process_id, updater)
        tasks = TaskManager(
            self._topology,
            config,
            consumer,
            ChangelogReader(restore_consumer, listeners),
            ThreadProducer(lambda: self._producer(name, index), transactional=config.exactly_once),
            self._cluster,
            self._directory,
            session,
            cache_bytes=int(config["statestore.cache.max.bytes"]) // threads,
            global_stores=self.global_stores,
            metrics=metrics,
        )
        self._managers.append(tasks)
        return StreamThread(
            name,
            config,
            consumer,
            restore_consumer,
            tasks,
            session,
            on_state=on_state,
            on_failure=on_failure,
            on_shutdown_wanted=on_shutdown_wanted,
        )

    @property
    def global_thread(self) -> GlobalThread | None:
        return self._global

    @property
    def cluster(self) -> ClusterQueries:
        return self._cluster

    def close(self) -> None:
        if self._global is not None:
            self._global.close()
        self._control.close()

    def _producer(self, name: str, index: int) -> BatchProducer:
        """Java's transactional ids: the process keeps its id, so that a restart fences what it was before."""
        transactional_id = f"{self._config.application_id}-{self._process_id}-{index}"
        return self._supplier.producer(
            self._config, f"{name}-producer", transactional_id if self._config.exactly_once else None
        )

    def _member(self, index: int) -> Member:
        config = self._config
        endpoint = config.application_server
        instance = group_instance_id(config)
        identity = Identity(
            self._process_id,
            max_poll_interval_ms(config),
            None if endpoint is None else HostInfo(*endpoint),
            client_rack(config),
            config.client_tags,
            None if instance is None else f"{instance}-{index}",
        )
        if self._by_streams_protocol:
            shape = describe_topology(self._topology, int(config["replication.factor"]))
            return StreamsMember(config.application_id, str(uuid.uuid4()), identity, shape)
        topics = {name for sub in self._topology.sub_topologies for name in sub.source_topics}
        return ClassicMember(
            config.application_id,
            topics,
            identity,
            session_timeout_ms=session_timeout_ms(config),
            heartbeat_interval_ms=heartbeat_interval_ms(config),
        )

    async def _lead(self, members: Mapping[str, MemberData]) -> Mapping[str, bytes]:
        return await self._leader.lead(self._control.client, members)

    def _offsets(self) -> dict[TaskId, int]:
        """Of this process: what its threads have, and what else lies on its disk."""
        found = {
            TaskId.parse(task_id): sum(checkpoint.values())
            for task_id in self._directory.tasks()
            if (checkpoint := self._directory.read_checkpoint(task_id))
        }
        for manager in self._managers:
            found |= manager.offsets()
        return found
