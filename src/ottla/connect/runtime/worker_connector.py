"""A connector that runs here: its plugin in a thread of its own, and the states it goes through (`WorkerConnector`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime.connector_config import TASK_CLASS, TOPICS, TOPICS_REGEX
from ottla.connect.runtime.log_lines import THREAD_PREFIX
from ottla.connect.runtime.plugin_thread import PluginThread
from ottla.connect.runtime.plugins import Plugin, new_connector, task_class_name
from ottla.connect.store.status import TargetState

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from ottla.connect.api.connector import Connector


class ConnectorOwner(Protocol):
    """What a connector needs of its worker; called on the loop."""

    def connector_running(self, name: str) -> None: ...
    def connector_paused(self, name: str) -> None: ...
    def connector_stopped(self, name: str) -> None: ...
    def connector_ended(self, name: str) -> None: ...
    def connector_failed(self, name: str, error: BaseException) -> None: ...
    def task_reconfiguration_requested(self, name: str) -> None: ...


class _Context:
    def __init__(self, connector: WorkerConnector, loop: asyncio.AbstractEventLoop) -> None:
        self._connector = connector
        self._loop = loop

    def request_task_reconfiguration(self) -> None:
        self._loop.call_soon_threadsafe(self._connector.request_task_reconfiguration)

    def raise_error(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._connector.fail, error)


class WorkerConnector:
    """`state` is what it is now; `None` before it was ever anything."""

    def __init__(
        self,
        name: str,
        plugin: Plugin,
        config: Mapping[str, str],
        owner: ConnectorOwner,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.name = name
        self.plugin = plugin
        self.config = dict(config)
        self.state: TargetState | None = None
        self.has_failed = False
        self._owner = owner
        self._context = _Context(self, loop)
        self._thread = PluginThread(f"{THREAD_PREFIX}{name}")
        self._connector: Connector | None = None
        self._is_started = False

    @property
    def is_running(self) -> bool:
        return self.state is TargetState.STARTED and not self.has_failed

    async def transition_to(self, target: TargetState) -> None:
        """What it fails with is in its status, and is raised. `ConnectError`."""
        if self.has_failed:
            raise ConnectError(f"Cannot transition connector {self.name} to {target.value} since it has failed")
        if self.state is target:
            return
        try:
            if target is TargetState.STARTED:
                await self._start()
            else:
                await self._suspend()
        except Exception as error:
            self.fail(error)
            if isinstance(error, ConnectError):
                raise
            raise ConnectError(f"Failed to start connector {self.name}: {error}") from error
        self.state = target
        match target:
            case TargetState.STARTED:
                self._owner.connector_running(self.name)
            case TargetState.PAUSED:
                self._owner.connector_paused(self.name)
            case TargetState.STOPPED:
                self._owner.connector_stopped(self.name)

    async def task_configs(self, max_tasks: int, *, enforce: bool) -> list[dict[str, str]]:
        """`ConnectError`."""
        assert self._connector is not None, "the connector is not started"
        connector = self._connector
        try:
            configs = await self._thread.call(connector.task_configs, max_tasks)
            task_class = task_class_name(await self._thread.call(connector.task_class))
        except ConnectError:
            raise
        except Exception as error:
            raise ConnectError(f"Connector {self.name} cannot say what its tasks are: {error!r}") from error
        if len(configs) > max_tasks and enforce:
            text = (
                f"The connector {self.name} has generated {len(configs)} tasks, which is greater than {max_tasks}, the "
                "maximum number of tasks it is configured to create. This behaviour should be considered a bug and is "
                "disallowed. If necessary, it can be permitted by reconfiguring the connector with "
                "'tasks.max.enforce' set to false."
            )
            failure = ConnectError(text)
            self.fail(failure)
            raise failure
        shared: dict[str, str] = {key: self.config[key] for key in (TOPICS, TOPICS_REGEX) if key in self.config}
        return [{**config, TASK_CLASS: task_class, **shared} for config in configs]

    async def shutdown(self) -> None:
        if self._is_started and self._connector is not None:
            self._is_started = False
            try:
                await self._thread.call(self._connector.stop)
            except Exception as error:
                self.fail(error)
        self._thread.stop()
        if not self.has_failed:
            self._owner.connector_ended(self.name)

    def fail(self, error: BaseException) -> None:
        self.has_failed = True
        self._owner.connector_failed(self.name, error)

    def request_task_reconfiguration(self) -> None:
        if self.is_running:
            self._owner.task_reconfiguration_requested(self.name)

    async def _start(self) -> None:
        connector = await self._made()
        self._is_started = True
        await self._thread.call(connector.start, dict(self.config))

    async def _suspend(self) -> None:
        connector = await self._made()
        if self._is_started:
            self._is_started = False
            await self._thread.call(connector.stop)

    async def _made(self) -> Connector:
        if self._connector is None:
            connector = await self._thread.call(new_connector, self.plugin)
            await self._thread.call(connector.initialize, self._context)
            self._connector = connector
        return self._connector
