"""What every herder can say of connectors and does with their statuses (`AbstractHerder`)."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError, NotFoundError
from ottla.connect.runtime.connector_config import CONNECTOR_CLASS, CONVERTERS
from ottla.connect.runtime.exactly_once import SourceSupport
from ottla.connect.runtime.rest_error import BadRequestError, NotLeaderError
from ottla.connect.runtime.trace import trace_of
from ottla.connect.runtime.validation import ConfigInfos, validate_connector_config
from ottla.connect.store.status import State, Status, TargetState, TopicStatus
from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.runtime.connector_offsets import ConnectorOffsets
    from ottla.connect.runtime.offset_stores import OffsetStores
    from ottla.connect.runtime.worker import Worker
    from ottla.connect.runtime.worker_measures import Rebalances
    from ottla.connect.store.config_records import RestartRequest
    from ottla.connect.store.config_store import ConfigStore
    from ottla.connect.store.connector_offset_store import ConnectorOffsetStore
    from ottla.connect.store.status_store import StatusStore

_log = logging.getLogger(__name__)
VALIDATION_TIMEOUT_S = 90.0
"""After which a connector that does not come back from validating a configuration is not waited for any more."""


class Herder(ABC):
    """A method that changes something raises `ConnectError`, of which `RestError` has its own HTTP status."""

    def __init__(
        self,
        worker: Worker,
        worker_id: str,
        cluster_id: str,
        configs: ConfigStore,
        statuses: StatusStore,
        offsets: OffsetStores,
        connector_offsets: ConnectorOffsets,
    ) -> None:
        self.worker = worker
        self.worker_id = worker_id
        self.cluster_id = cluster_id
        self.configs = configs
        self.statuses = statuses
        self.offsets = offsets
        self.connector_offsets = connector_offsets
        self.is_ready = False
        self.rebalances: Rebalances | None = None
        """Of the group, if there is one."""
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def generation(self) -> int:
        return 0

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    async def check_health(self) -> None:
        """Returns when whatever decides here comes round."""

    @abstractmethod
    async def put_connector_config(
        self, name: str, config: Mapping[str, str], target_state: TargetState | None, *, allow_replace: bool
    ) -> tuple[bool, dict[str, Any]]:
        """Whether it is new, and what it is now."""

    @abstractmethod
    async def patch_connector_config(self, name: str, patch: Mapping[str, str | None]) -> dict[str, Any]: ...

    @abstractmethod
    async def delete_connector(self, name: str) -> None: ...

    @abstractmethod
    async def stop_connector(self, name: str) -> None: ...

    @abstractmethod
    async def restart_connector(self, name: str) -> None: ...

    @abstractmethod
    async def restart_task(self, task_id: TaskId) -> None: ...

    @abstractmethod
    async def restart_connector_and_tasks(self, request: RestartRequest) -> dict[str, Any]: ...

    @abstractmethod
    async def modify_offsets(self, name: str, offsets: list[tuple[Any, Any]] | None) -> str:
        """`None` forgets all; the message for who asked."""

    @abstractmethod
    async def set_cluster_logger_level(self, logger: str, level: str) -> None: ...

    async def put_task_configs(
        self, _name: str, _configs: list[dict[str, str]], _headers: Mapping[str, str], _body: bytes
    ) -> None:
        """From another worker; signed (KIP-507)."""
        raise ConnectError("Kafka Connect in standalone mode does not support externally setting task configurations.")

    async def fence_zombies(self, _name: str, _headers: Mapping[str, str], _body: bytes) -> None:
        """From another worker; signed (KIP-618)."""
        raise ConnectError("Kafka Connect in standalone mode does not support exactly-once source connectors.")

    async def pause_connector(self, name: str) -> None:
        await self._put_target_state(name, TargetState.PAUSED)

    async def resume_connector(self, name: str) -> None:
        await self._put_target_state(name, TargetState.STARTED)

    async def _put_target_state(self, name: str, state: TargetState) -> None:
        if name not in self.configs.state.connectors:
            raise NotFoundError(f"Unknown connector {name}")
        await self.configs.put_target_state(name, state)

    # Looking

    def connector_names(self) -> list[str]:
        return list(self.configs.state.connectors)

    def connector_info(self, name: str) -> dict[str, Any]:
        """`NotFoundError`."""
        config = self._config(name)
        tasks = [{"connector": each.connector, "task": each.task} for each in self.configs.state.task_ids(name)]
        return {"name": name, "config": config, "tasks": tasks, "type": self._type(config)}

    def task_infos(self, name: str) -> list[dict[str, Any]]:
        """`NotFoundError`."""
        self._config(name)
        state = self.configs.state
        return [
            {"id": {"connector": name, "task": each.task}, "config": state.tasks[each]} for each in state.task_ids(name)
        ]

    def connector_status(self, name: str) -> dict[str, Any]:
        """`NotFoundError`."""
        status = self.statuses.connector(name)
        if status is None:
            raise NotFoundError(f"No status found for connector {name}")
        tasks = [{"id": each.task, **_status(found)} for each, found in self.statuses.tasks(name).items()]
        config = self.configs.state.connectors.get(name)
        return {"name": name, "connector": _status(status), "tasks": tasks, "type": self._type(config)}

    def task_status(self, task_id: TaskId) -> dict[str, Any]:
        """`NotFoundError`."""
        status = self.statuses.task(task_id)
        if status is None:
            raise NotFoundError(f"No status found for task {task_id}")
        return {"id": task_id.task, **_status(status)}

    def logs(self, name: str, worker: str | None, after: int | None) -> dict[str, Any]:
        """Of what this worker has of a connector. `NotFoundError`; `NotLeaderError`: another is asked for."""
        self._config(name)
        if worker is not None and worker != self.worker_id:
            statuses = [self.statuses.connector(name), *self.statuses.tasks(name).values()]
            if not any(status is not None and status.worker_id == worker for status in statuses):
                raise NotFoundError(f"Connector {name} has nothing on a worker {worker}")
            scheme = self.worker.config.advertised_scheme
            raise NotLeaderError(f"The logs are those of worker {worker}", f"{scheme}://{worker}")
        lines = self.worker.log_lines.after(name, after)
        return {"worker_id": self.worker_id, "lines": [asdict(line) for line in lines]}

    def active_topics(self, name: str) -> list[str]:
        return [status.topic for status in self.statuses.topics(name)]

    def reset_active_topics(self, name: str) -> None:
        for status in self.statuses.topics(name):
            self.statuses.delete_topic(status.connector, status.topic)

    async def offsets_of(self, name: str) -> list[dict[str, Any]]:
        """`NotFoundError`, `ConnectError`."""
        config = self._config(name)
        return await self.connector_offsets.read(name, self.worker.variables.resolve(config))

    def _config(self, name: str) -> dict[str, str]:
        config = self.configs.state.connectors.get(name)
        if config is None:
            raise NotFoundError(f"Connector {name} not found")
        return config

    async def _modify_offsets_of_stopped(self, name: str, offsets: list[tuple[Any, Any]] | None) -> str:
        self._must_be_stopped(name)
        return await self.connector_offsets.modify(name, self.worker.variables.resolve(self._config(name)), offsets)

    def _must_be_stopped(self, name: str) -> None:
        self._config(name)
        state = self.configs.state
        if state.target_state(name) is not TargetState.STOPPED or state.task_ids(name):
            raise BadRequestError(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done "
                f"for the specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            )

    def _type(self, config: Mapping[str, str] | None) -> str:
        try:
            if config is None:
                return "unknown"
            return self.worker.plugins.connector(config[CONNECTOR_CLASS]).kind.value
        except (ConnectError, KeyError):
            return "unknown"

    # Configurations

    async def validate(self, config: Mapping[str, str | None]) -> ConfigInfos:
        """`ConnectError`."""
        worker = self.worker
        defaults = {key: worker.config.text(key) for key in CONVERTERS}
        given = {key: text for key, text in config.items() if text is not None}
        resolved = {**config, **worker.variables.resolve(given)}
        support = worker.config.source_support is SourceSupport.ENABLED if worker.config.is_distributed else None
        work = asyncio.to_thread(validate_connector_config, worker.plugins, defaults, resolved, worker.policy, support)
        try:
            return await asyncio.wait_for(work, VALIDATION_TIMEOUT_S)
        except TimeoutError:
            text = "Request timed out. The worker is currently performing multi-property validation for the connector"
            raise ConnectError(text) from None

    async def _refuse_invalid(self, config: Mapping[str, str | None]) -> dict[str, str]:
        """The configuration; `BadRequestError` with all that is wrong with it."""
        infos = await self.validate(config)
        if infos.error_count:
            lines = [
                f"Connector configuration is invalid and contains the following {infos.error_count} error(s):",
                *infos.errors,
                "You can also find the above list of errors at the endpoint "
                "`/connector-plugins/{connectorType}/config/validate`",
            ]
            raise BadRequestError("\n".join(lines))
        return {key: text for key, text in config.items() if text is not None}

    def _patched(self, name: str, patch: Mapping[str, str | None]) -> dict[str, str | None]:
        """`None` takes a key out."""
        merged = {**self._config(name), **patch}
        return {key: text for key, text in merged.items() if text is not None}

    def _tasks_changed(self, name: str, configs: list[dict[str, str]]) -> bool:
        state = self.configs.state
        if name in state.inconsistent or len(configs) != state.task_counts.get(name, 0):
            return True
        if any(state.tasks.get(TaskId(name, number)) != config for number, config in enumerate(configs)):
            return True
        return state.applied.get(name) != state.connectors.get(name)

    def _restart_plan(self, request: RestartRequest) -> tuple[bool, list[TaskId], dict[str, Any]] | None:
        """Whether to start the connector anew, which tasks, and the state that is told; `None`: it has no status."""
        status = self.statuses.connector(request.name)
        if status is None:
            return None
        connector_too = not request.only_failed or status.state is State.FAILED
        tasks = [
            task_id
            for task_id, found in self.statuses.tasks(request.name).items()
            if request.include_tasks and (not request.only_failed or found.state is State.FAILED)
        ]
        told = self.connector_status(request.name)
        if connector_too:
            told["connector"]["state"] = State.RESTARTING.value
        for task in told["tasks"]:
            if TaskId(request.name, task["id"]) in tasks:
                task["state"] = State.RESTARTING.value
        return connector_too, tasks, told

    # Statuses

    def _status_of(self, state: State, *, version: str | None = None, trace: str | None = None) -> Status:
        return Status(state, self.worker_id, self.generation, trace, version)

    def _connector_version(self, name: str) -> str | None:
        connector = self.worker.connectors.get(name)
        return None if connector is None else connector.plugin.version

    def _task_version(self, task_id: TaskId) -> str | None:
        try:
            config = self.worker.variables.resolve(self.configs.state.connectors[task_id.connector])
            return self.worker.plugins.connector(config[CONNECTOR_CLASS]).version
        except (ConnectError, KeyError):
            return None

    def _put_connector_state(self, name: str, state: State) -> None:
        self.worker.log_lines.add(name, None, state.value)
        self.statuses.put_connector(name, self._status_of(state, version=self._connector_version(name)))

    def connector_running(self, name: str) -> None:
        self._put_connector_state(name, State.RUNNING)

    def connector_paused(self, name: str) -> None:
        self._put_connector_state(name, State.PAUSED)

    def connector_stopped(self, name: str) -> None:
        self._put_connector_state(name, State.STOPPED)

    def connector_ended(self, name: str) -> None:
        self.statuses.put_connector_safely(name, self._status_of(State.UNASSIGNED))

    def connector_failed(self, name: str, error: BaseException) -> None:
        _log.error("connector %s has failed: %s", name, error)
        self.worker.log_lines.add(name, None, f"{State.FAILED.value}: {trace_of(error)}")
        version = self._connector_version(name)
        self.statuses.put_connector_safely(name, self._status_of(State.FAILED, version=version, trace=trace_of(error)))

    def connector_restarting(self, name: str) -> None:
        self._put_connector_state(name, State.RESTARTING)

    def connector_deleted(self, name: str) -> None:
        for task_id in self.statuses.tasks(name):
            self.task_deleted(task_id)
        self.statuses.put_connector(name, self._status_of(State.DESTROYED))
        self.worker.log_lines.forget(name)

    @abstractmethod
    def task_reconfiguration_requested(self, name: str) -> None: ...

    def _put_task_state(self, task_id: TaskId, state: State) -> None:
        self.worker.log_lines.add(task_id.connector, task_id.task, state.value)
        self.statuses.put_task(task_id, self._status_of(state, version=self._task_version(task_id)))

    def task_running(self, task_id: TaskId) -> None:
        self._put_task_state(task_id, State.RUNNING)

    def task_paused(self, task_id: TaskId) -> None:
        self._put_task_state(task_id, State.PAUSED)

    def task_failed(self, task_id: TaskId, trace: str) -> None:
        _log.error("task %s has failed: %s", task_id, trace.strip().splitlines()[0] if trace.strip() else "no reason")
        self.worker.log_lines.add(task_id.connector, task_id.task, f"{State.FAILED.value}: {trace}")
        version = self._task_version(task_id)
        self.statuses.put_task_safely(task_id, self._status_of(State.FAILED, version=version, trace=trace))

    def task_restarting(self, task_id: TaskId) -> None:
        self._put_task_state(task_id, State.RESTARTING)

    def task_ended(self, task_id: TaskId) -> None:
        self.statuses.put_task_safely(task_id, self._status_of(State.UNASSIGNED))

    def task_deleted(self, task_id: TaskId) -> None:
        self.statuses.put_task(task_id, self._status_of(State.DESTROYED))

    def topics_used(self, task_id: TaskId, topics: Sequence[str]) -> None:
        known = set(self.active_topics(task_id.connector))
        for topic in topics:
            if topic not in known:
                now_ms = int(time.time() * 1000)
                self.statuses.put_topic(TopicStatus(topic, task_id.connector, task_id.task, now_ms))

    # What tasks ask

    async def _offset_store(self, connector: str) -> ConnectorOffsetStore:
        config = self.worker.variables.resolve(self.configs.state.connectors.get(connector, {}))
        return await self.offsets.of(connector, config)

    async def read_offsets(self, connector: str, partitions: list[Any]) -> list[Any]:
        store = await self._offset_store(connector)
        await store.refresh()
        return [store.get(partition) for partition in partitions]

    async def offset_keys(self, connector: str, partitions: list[Any]) -> list[bytes]:
        """What says the offset of each is a record of this key."""
        store = await self._offset_store(connector)
        return [store.key_of(partition) for partition in partitions]

    async def store_offsets(self, connector: str, offsets: list[Any]) -> None:
        await (await self._offset_store(connector)).put([(partition, offset) for partition, offset in offsets])

    async def store_offsets_aside(self, connector: str, offsets: list[Any]) -> None:
        """They stand in a topic of the connector's own: in the worker's is a copy."""
        await (await self._offset_store(connector)).put_aside([(partition, offset) for partition, offset in offsets])

    async def fence_before(self, task_id: TaskId) -> None:
        """Returns when no earlier task can write any more. `ConnectError`."""
        raise ConnectError(f"task {task_id}: a worker by itself has no tasks that write in transactions")

    async def verify_task(self, task_id: TaskId, _generation: int) -> None:
        """`ConnectError` if the task is not this worker's any more, or is another by now."""
        raise ConnectError(f"task {task_id}: a worker by itself has no tasks that write in transactions")

    def _run(self, work: Any) -> None:
        """In the background; what goes wrong is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s", error, exc_info=error if not isinstance(error, ConnectError) else None)


def _status(status: Status) -> dict[str, Any]:
    told: dict[str, Any] = {"state": status.state.value, "worker_id": status.worker_id, "version": status.version}
    if status.trace:
        told["trace"] = status.trace
    return told
