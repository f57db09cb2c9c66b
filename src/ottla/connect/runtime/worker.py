"""What runs here: connectors and tasks, started and stopped as a herder says (`Worker`)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime import exactly_once
from ottla.connect.runtime.client_properties import BOOTSTRAP, client_properties, servers
from ottla.connect.runtime.connector_config import CONNECTOR_CLASS, TASKS_MAX
from ottla.connect.runtime.exactly_once import SourceSupport, TransactionBoundary
from ottla.connect.runtime.log_lines import LogLines
from ottla.connect.runtime.override_policy import ALLOWLIST_KEY, OverridePolicy
from ottla.connect.runtime.override_policy import KEY as OVERRIDE_POLICY
from ottla.connect.runtime.plugin_table import PluginKind
from ottla.connect.runtime.task_process import RestartPolicy, TaskProcess
from ottla.connect.runtime.task_spec import TaskSpec
from ottla.connect.runtime.worker_connector import WorkerConnector
from ottla.connect.runtime.worker_measures import Starts
from ottla.connect.store.status import TargetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_process import TaskOwner
    from ottla.connect.runtime.variables import Variables
    from ottla.connect.runtime.worker_config import WorkerConfig
    from ottla.connect.runtime.worker_connector import ConnectorOwner
    from ottla.connect.store.cluster_config import ClusterConfig
    from ottla.connect.store.task_id import TaskId

_log = logging.getLogger(__name__)


class Worker:
    def __init__(self, config: WorkerConfig, plugins: Plugins, variables: Variables) -> None:
        self.config = config
        self.plugins = plugins
        self.variables = variables
        self.connectors: dict[str, WorkerConnector] = {}
        self.tasks: dict[TaskId, TaskProcess] = {}
        self.connector_starts = Starts()
        self.task_starts = Starts()
        self.log_lines = LogLines()
        self.policy = OverridePolicy.of(config.text(OVERRIDE_POLICY), config.names(ALLOWLIST_KEY))
        self._restarts = RestartPolicy(
            config.number("task.restart.attempts"),
            config.number("task.restart.backoff.ms"),
            config.number("task.restart.backoff.max.ms"),
        )

    # Connectors

    async def start_connector(
        self, name: str, raw_config: Mapping[str, str], target: TargetState, owner: ConnectorOwner
    ) -> None:
        """`ConnectError`, which the connector's status has, too."""
        if name in self.connectors:
            raise ConnectError(f"Connector {name} already exists on this worker")
        try:
            config = self.variables.resolve(raw_config)
            plugin = self.plugins.connector(config[CONNECTOR_CLASS])
        except ConnectError as error:
            self.connector_starts.note(succeeded=False)
            owner.connector_failed(name, error)
            raise
        connector = WorkerConnector(name, plugin, config, owner, asyncio.get_running_loop())
        self.connectors[name] = connector
        try:
            await connector.transition_to(target)
        finally:
            self.connector_starts.note(succeeded=not connector.has_failed)

    async def stop_connector(self, name: str) -> None:
        connector = self.connectors.pop(name, None)
        if connector is None:
            return
        timeout_s = self.config.number("task.shutdown.graceful.timeout.ms") / 1000
        try:
            await asyncio.wait_for(connector.shutdown(), timeout_s)
        except TimeoutError:
            _log.error("connector %s did not stop within %g s and is left behind", name, timeout_s)

    def is_running(self, name: str) -> bool:
        return name in self.connectors and self.connectors[name].is_running

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        """What the connector says now. `ConnectError`."""
        connector = self.connectors.get(name)
        if connector is None:
            raise ConnectError(f"Connector {name} not found in this worker.")
        enforce = connector.config.get("tasks.max.enforce", "true").strip().lower() != "false"
        return await connector.task_configs(int(connector.config.get(TASKS_MAX, "1")), enforce=enforce)

    # Tasks

    def start_task(self, task_id: TaskId, state: ClusterConfig, owner: TaskOwner) -> None:
        """In a process of its own; how it fares is told to `owner`."""
        if task_id in self.tasks:
            raise ConnectError(f"Task already exists in this worker: {task_id}")
        task = TaskProcess(
            task_id, owner, lambda: self._spec(task_id, state), self._restarts, self.task_starts, self.log_lines
        )
        self.tasks[task_id] = task
        task.start()

    async def stop_tasks(self, task_ids: Iterable[TaskId]) -> None:
        """Returns when they have ended."""
        stopping = [task for task_id in list(task_ids) if (task := self.tasks.pop(task_id, None)) is not None]
        grace_ms = self.config.number("task.shutdown.graceful.timeout.ms")
        await asyncio.gather(*(task.stop(grace_ms) for task in stopping))

    def set_task_states(self, connector: str, state: TargetState) -> None:
        for task_id, task in self.tasks.items():
            if task_id.connector == connector:
                task.set_target_state(state)

    async def stop(self) -> None:
        await self.stop_tasks(list(self.tasks))
        await asyncio.gather(*(self.stop_connector(name) for name in list(self.connectors)))

    def _spec(self, task_id: TaskId, state: ClusterConfig) -> TaskSpec:
        config = self.config
        raw_config, raw_task_config = state.connectors.get(task_id.connector), state.tasks.get(task_id)
        if raw_config is None or raw_task_config is None:
            raise ConnectError(f"Task {task_id} has no configuration any more")
        connector_config = self.variables.resolve(raw_config)
        plugin = self.plugins.connector(connector_config[CONNECTOR_CLASS])
        target = state.target_state(task_id.connector) or TargetState.STARTED
        converters = {
            key: text
            for key, text in config.properties.items()
            if key.startswith(("key.converter", "value.converter", "header.converter"))
        }
        for key in ("key.converter", "value.converter", "header.converter"):
            converters.setdefault(key, config.text(key))
        spec = TaskSpec(
            connector=task_id.connector,
            task=task_id.task,
            is_source=plugin.kind is PluginKind.SOURCE,
            connector_config=connector_config,
            task_config=self.variables.resolve(raw_task_config),
            target_state=target.value,
            converters=converters,
            producer=client_properties(config, connector_config, "producer"),
            consumer=client_properties(config, connector_config, "consumer"),
            admin=client_properties(config, connector_config, "admin"),
            offset_flush_interval_ms=config.number("offset.flush.interval.ms"),
            offset_flush_timeout_ms=config.number("offset.flush.timeout.ms"),
            graceful_timeout_ms=config.number("task.shutdown.graceful.timeout.ms"),
            topic_creation=config.flag("topic.creation.enable"),
            topic_tracking=config.flag("topic.tracking.enable"),
            log_level=logging.getLevelName(logging.getLogger("ottla.connect").getEffectiveLevel()),
            plugin_path=config.names("plugin.path"),
        )
        if spec.is_source and config.source_support is SourceSupport.ENABLED:
            return self._in_transactions(spec, state.generations.get(task_id.connector, 0))
        return spec

    def _in_transactions(self, spec: TaskSpec, generation: int) -> TaskSpec:
        config, connector = self.config, spec.connector_config
        worker_topic = config.text("offset.storage.topic")
        topic = exactly_once.offsets_topic(connector) or worker_topic
        is_shared = topic == worker_topic and servers(spec.producer) == servers({BOOTSTRAP: config.bootstrap})
        interval = connector.get(exactly_once.BOUNDARY_INTERVAL_MS)
        return replace(
            spec,
            generation=generation,
            transactional_id=exactly_once.task_id(config.text("group.id"), spec.connector, spec.task),
            transaction_boundary=TransactionBoundary.of(connector).value,
            transaction_interval_ms=int(interval) if interval else spec.offset_flush_interval_ms,
            offsets_topic=topic,
            copies_offsets=not is_shared,
        )
