"""A worker by itself: configurations and statuses live as long as it does (`StandaloneHerder`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import AlreadyExistsError, ConnectError, NotFoundError
from ottla.connect.runtime.herder import Herder
from ottla.connect.runtime.logger_levels import set_level
from ottla.connect.store.config_records import TargetStateRecord
from ottla.connect.store.status import TargetState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.store.config_records import ConfigRecord, RestartRequest
    from ottla.connect.store.task_id import TaskId


class StandaloneHerder(Herder):
    """One change at a time."""

    _lock: asyncio.Lock

    async def start(self) -> None:
        self._lock = asyncio.Lock()
        self.configs.listener = self
        await self.configs.start()
        await self.statuses.start()
        await self.offsets.start()

    async def stop(self) -> None:
        async with self._lock:
            await self.worker.stop()
        await self.configs.stop()
        await self.statuses.stop()
        await self.offsets.stop()

    async def check_health(self) -> None:
        async with self._lock:
            return

    # Changes

    async def put_connector_config(
        self, name: str, config: Mapping[str, str], target_state: TargetState | None, *, allow_replace: bool
    ) -> tuple[bool, dict[str, Any]]:
        valid = await self._refuse_invalid(config)
        async with self._lock:
            is_new = name not in self.configs.state.connectors
            if not is_new:
                if not allow_replace:
                    raise AlreadyExistsError(f"Connector {name} already exists")
                await self.worker.stop_connector(name)
            await self.configs.put_connector_config(name, valid, target_state)
            await self._start_connector(name)
            await self._update_tasks(name)
            return is_new, self.connector_info(name)

    async def patch_connector_config(self, name: str, patch: Mapping[str, str | None]) -> dict[str, Any]:
        patched = self._patched(name, patch)
        valid = await self._refuse_invalid(patched)
        return (await self.put_connector_config(name, valid, None, allow_replace=True))[1]

    async def delete_connector(self, name: str) -> None:
        async with self._lock:
            self._config(name)
            await self._remove_tasks(name)
            await self.worker.stop_connector(name)
            await self.configs.remove_connector_config(name)
            self.connector_deleted(name)

    async def stop_connector(self, name: str) -> None:
        async with self._lock:
            if name not in self.configs.state.connectors:
                raise ConnectError(f"No connector `{name}` configured")
            await self._remove_tasks(name)
            await self.configs.put_target_state(name, TargetState.STOPPED)

    async def restart_connector(self, name: str) -> None:
        async with self._lock:
            self._config(name)
            await self.worker.stop_connector(name)
            await self._start_connector(name)
            await self._update_tasks(name)

    async def restart_task(self, task_id: TaskId) -> None:
        async with self._lock:
            self._config(task_id.connector)
            if task_id not in self.configs.state.task_ids(task_id.connector):
                raise NotFoundError(f"Task {task_id} not found")
            await self.worker.stop_tasks([task_id])
            self.worker.start_task(task_id, self.configs.state, self)

    async def restart_connector_and_tasks(self, request: RestartRequest) -> dict[str, Any]:
        async with self._lock:
            name = request.name
            if name not in self.configs.state.connectors:
                raise NotFoundError(f"Unknown connector: {name}")
            plan = self._restart_plan(request)
            if plan is None:
                raise NotFoundError(f"Status for connector {name} not found")
            connector_too, tasks, told = plan
            if connector_too:
                await self.worker.stop_connector(name)
                self.connector_restarting(name)
            await self.worker.stop_tasks(tasks)
            for task_id in tasks:
                self.task_restarting(task_id)
            if connector_too:
                self._run(self._start_connector(name))
            for task_id in tasks:
                self.worker.start_task(task_id, self.configs.state, self)
            return told

    async def modify_offsets(self, name: str, offsets: list[tuple[Any, Any]] | None) -> str:
        async with self._lock:
            return await self._modify_offsets_of_stopped(name, offsets)

    async def set_cluster_logger_level(self, logger: str, level: str) -> None:
        set_level(logger, level)

    # What follows from them

    def config_record(self, record: ConfigRecord) -> None:
        if isinstance(record, TargetStateRecord) and record.state is not None:
            self._run(self._set_target_state(record.name, record.state))

    async def _set_target_state(self, name: str, state: TargetState) -> None:
        async with self._lock:
            connector = self.worker.connectors.get(name)
            if connector is None or self.configs.state.target_state(name) is not state:
                return
            self.worker.set_task_states(name, state)
            await connector.transition_to(state)
            await self._update_tasks(name)

    def task_reconfiguration_requested(self, name: str) -> None:
        self._run(self._reconfigure_tasks(name))

    async def _reconfigure_tasks(self, name: str) -> None:
        async with self._lock:
            await self._update_tasks(name)

    async def _start_connector(self, name: str) -> None:
        state = self.configs.state
        target = state.target_state(name) or TargetState.STARTED
        await self.worker.start_connector(name, state.connectors[name], target, self)

    async def _update_tasks(self, name: str) -> None:
        state = self.configs.state
        if not self.worker.is_running(name) or state.target_state(name) is not TargetState.STARTED:
            return
        configs = self.worker.variables.reverse(state.connectors[name], await self.worker.task_configs(name))
        if self._tasks_changed(name, configs):
            await self._remove_tasks(name)
            await self.configs.put_task_configs(name, configs)
            for task_id in state.task_ids(name):
                self.worker.start_task(task_id, state, self)

    async def _remove_tasks(self, name: str) -> None:
        tasks = self.configs.state.task_ids(name)
        if tasks:
            await self.worker.stop_tasks(tasks)
            await self.configs.put_task_configs(name, [])
            for task_id in tasks:
                self.task_deleted(task_id)
