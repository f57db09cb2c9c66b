"""One of a group of workers: the leader writes configurations, each does what the group assigns (`DistributedHerder`).

What has happened is noted (`config_record`, `joined`), and one task, `_tick`, deals with it, a step at a time and under
the lock that requests take, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import AlreadyExistsError, ConnectError, NotFoundError
from ottla.connect.distributed.distribution import Distribution
from ottla.connect.distributed.group_protocol import (
    VERSIONS,
    Assignment,
    Work,
    WorkerState,
    decode_assignment,
    encode_worker_state,
)
from ottla.connect.distributed.leader_client import LeaderClient
from ottla.connect.distributed.reconfigurations import Reconfigurations
from ottla.connect.distributed.session_keys import SessionKeys
from ottla.connect.distributed.zombie_fencing import ZombieFencing
from ottla.connect.runtime.exactly_once import SourceSupport
from ottla.connect.runtime.herder import Herder
from ottla.connect.runtime.logger_levels import is_level, set_level
from ottla.connect.runtime.plugin_table import PluginKind
from ottla.connect.runtime.rest_error import BadRequestError, NotLeaderError, RebalanceNeededError
from ottla.connect.store.config_records import (
    CommitTasksRecord,
    ConnectorConfigRecord,
    LoggerLevelRecord,
    RestartRequest,
    TargetStateRecord,
)
from ottla.connect.store.status import TargetState
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

    from ottla.connect.distributed.group_member import GroupMember, Round
    from ottla.connect.runtime.connector_clients import ConnectorClients
    from ottla.connect.store.config_records import ConfigRecord
    from ottla.connect.store.task_id import TaskId

_log = logging.getLogger(__name__)

SETTLING_S: Final = 60.0
"""How long a request waits for a rebalance to be over before it is refused with 409."""
TICK_FAILURE_PAUSE_S: Final = 0.5


class DistributedHerder(Herder):
    member: GroupMember
    clients: ConnectorClients
    rest_url: str
    """Where others reach this worker."""
    tls: ssl.SSLContext | None = None
    """With which it reaches others."""

    async def start(self) -> None:
        config = self.worker.config
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._distribution = Distribution(self.configs, config.number("scheduled.rebalance.max.delay.ms"))
        self._protocols = [name for name in VERSIONS if config.text("connect.protocol") in ("sessioned", name)]
        self._keys = SessionKeys(config, self.configs)
        self._leader = LeaderClient(self._keys, self.tls)
        self._generation = -1
        self._last_generation = -1
        self._held: Assignment | None = None
        """What the group has given to this worker, all rounds together."""
        self._to_stop = Work()
        self._running = Work()
        self._rejoin_at: float | None = None
        self._changed_connectors: set[str] = set()
        self._changed_states: set[str] = set()
        self._changed_tasks: set[str] = set()
        self._restarts: dict[str, RestartRequest] = {}
        self._needs_rebalance = False
        self._reconfigurations = Reconfigurations(self._reconfigure)
        self._fencing = ZombieFencing(self.configs, self._lock, self.worker, self.clients)
        self.configs.listener = self
        await self.offsets.start()
        await self.statuses.start()
        await self.configs.start()
        self._known = set(self.configs.state.connectors)
        self._ticker = asyncio.get_running_loop().create_task(self._tick_forever())
        self.member.start()

    async def stop(self) -> None:
        self._ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticker
        self._reconfigurations.stop()
        await self._fencing.stop()
        async with self._lock:
            await self.worker.stop()
            await self.member.stop()
        await self.statuses.stop()
        await self.configs.stop()
        await self.offsets.stop()

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def is_leader(self) -> bool:
        return self._held is not None and self._held.leader == self.member.member_id

    @property
    def leader_url(self) -> str | None:
        return (self._held.leader_url.rstrip("/") or None) if self._held is not None else None

    async def check_health(self) -> None:
        async with self._lock:
            return

    # Requests

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Alone, and with what the group has agreed on. `RebalanceNeededError`."""
        try:
            async with asyncio.timeout(SETTLING_S):
                while True:
                    await self._settled.wait()
                    await self._lock.acquire()
                    if self._settled.is_set():
                        break
                    self._lock.release()
        except TimeoutError:
            raise RebalanceNeededError("Request cannot be completed because a rebalance is expected") from None
        try:
            yield
        finally:
            self._lock.release()
            if self.is_leader and self.configs.must_be_claimed:  # a write has failed
                self._wake.set()

    def _must_lead(self, text: str) -> None:
        if not self.is_leader:
            raise NotLeaderError(text, self.leader_url)

    async def put_connector_config(
        self, name: str, config: Mapping[str, str], target_state: TargetState | None, *, allow_replace: bool
    ) -> tuple[bool, dict[str, Any]]:
        valid = await self._refuse_invalid(config)
        async with self._turn():
            self._must_lead("Only the leader can set connector configs.")
            is_new = name not in self.configs.state.connectors
            if not is_new and not allow_replace:
                raise AlreadyExistsError(f"Connector {name} already exists")
            await self.configs.put_connector_config(name, valid, target_state)
            return is_new, self.connector_info(name)

    async def patch_connector_config(self, name: str, patch: Mapping[str, str | None]) -> dict[str, Any]:
        async with self._turn():
            self._must_lead("Only the leader can set connector configs.")
            patched = self._patched(name, patch)
        valid = await self._refuse_invalid(patched)
        return (await self.put_connector_config(name, valid, None, allow_replace=True))[1]

    async def delete_connector(self, name: str) -> None:
        async with self._turn():
            self._must_lead("Only the leader can delete connector configs.")
            self._config(name)
            await self.configs.remove_connector_config(name)

    async def stop_connector(self, name: str) -> None:
        async with self._turn():
            self._must_lead("Only the leader can transition connectors to the STOPPED state.")
            await self.configs.refresh()
            if name not in self.configs.state.connectors:
                raise NotFoundError(f"Unknown connector {name}")
            await self.configs.put_task_configs(name, [])
            await self.configs.put_target_state(name, TargetState.STOPPED)

    async def _put_target_state(self, name: str, state: TargetState) -> None:
        await self.configs.refresh()
        await super()._put_target_state(name, state)

    async def restart_connector(self, name: str) -> None:
        async with self._turn():
            if name not in self.configs.state.connectors:
                raise NotFoundError(f"Unknown connector: {name}")
            if name not in self._running.connectors:
                url = self._distribution.owners.get(name) if self.is_leader else self.leader_url
                raise NotLeaderError("Cannot restart connector since it is not assigned to this member", url)
            await self.worker.stop_connector(name)
            await self._start_connector(name, reraise=True)

    async def restart_task(self, task_id: TaskId) -> None:
        async with self._turn():
            if task_id.connector not in self.configs.state.connectors:
                raise NotFoundError(f"Unknown connector: {task_id.connector}")
            if task_id not in self.configs.state.tasks:
                raise NotFoundError(f"Unknown task: {task_id}")
            if task_id not in self._running.tasks:
                url = self._distribution.owners.get(task_id) if self.is_leader else self.leader_url
                raise NotLeaderError("Cannot restart task since it is not assigned to this member", url)
            await self.worker.stop_tasks([task_id])
            self.worker.start_task(task_id, self.configs.state, self)

    async def restart_connector_and_tasks(self, request: RestartRequest) -> dict[str, Any]:
        async with self._turn():
            self._must_lead("Only the leader can process restart requests.")
            if request.name not in self.configs.state.connectors:
                raise NotFoundError(f"Unknown connector: {request.name}")
            plan = self._restart_plan(request)
            if plan is None:
                raise NotFoundError(f"Status for connector {request.name} not found")
            await self.configs.put_restart_request(request)
            return plan[2]

    async def modify_offsets(self, name: str, offsets: list[tuple[Any, Any]] | None) -> str:
        async with self._turn():
            await self._look_whether_offsets_can_be_modified(name)
        if (
            self.worker.config.source_support is SourceSupport.ENABLED
            and self._type(self._config(name)) == PluginKind.SOURCE.value
        ):
            await self._fencing.run(name)
        async with self._turn():
            await self._look_whether_offsets_can_be_modified(name)
            return await self._modify_offsets_of_stopped(name, offsets)

    async def _look_whether_offsets_can_be_modified(self, name: str) -> None:
        self._must_lead("Only the leader can process external offsets modification requests")
        await self.configs.refresh()
        self._must_be_stopped(name)

    async def set_cluster_logger_level(self, logger: str, level: str) -> None:
        await self.configs.put_logger_level(logger, level)

    async def put_task_configs(
        self, name: str, configs: list[dict[str, str]], headers: Mapping[str, str], body: bytes
    ) -> None:
        """From the worker that has the connector; signed, where all of the group sign."""
        self._keys.verify(headers, body)
        async with self._turn():
            self._must_lead("Only the leader may write task configurations.")
            self._config(name)
            await self._write_task_configs(name, configs)

    async def fence_zombies(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        self._keys.verify(headers, body)
        await self._fence_as_leader(name)

    async def _fence_as_leader(self, name: str) -> None:
        self._must_lead("Only the leader may perform zombie fencing.")
        if self._type(self._config(name)) != PluginKind.SOURCE.value:
            raise BadRequestError(f"Connector {name} is not a source connector")
        await self._fencing.run(name)

    async def fence_before(self, task_id: TaskId) -> None:
        try:
            await self._fence_as_leader(task_id.connector)
        except NotLeaderError as error:
            if error.url is None:
                raise ConnectError("Failed to perform zombie fencing: no leader is known") from None
            await self._leader.request_fencing(error.url, task_id.connector)

    async def verify_task(self, task_id: TaskId, generation: int) -> None:
        await self.configs.refresh()
        text = f"Cannot start source task {task_id}"
        if self.configs.state.generations.get(task_id.connector, 0) != generation:
            raise ConnectError(f"{text} with exactly-once support as the connector has already generated new tasks")
        if self._held is None or task_id not in self._held.assigned.tasks:
            raise ConnectError(f"{text} as it has already been revoked from this worker")

    async def _write_task_configs(self, name: str, configs: list[dict[str, str]]) -> None:
        if configs and self.configs.state.target_state(name) is TargetState.STOPPED:
            raise BadRequestError(f"Cannot submit non-empty set of task configs for stopped connector {name}")
        await self.configs.put_task_configs(name, configs)

    # What the records of configurations say

    def config_record(self, record: ConfigRecord) -> None:
        match record:
            case ConnectorConfigRecord(name, properties):
                if properties is None or name not in self._known:
                    self._needs_rebalance = True
                else:
                    self._changed_connectors.add(name)
                self._known = set(self.configs.state.connectors)
            case TargetStateRecord(name, state) if state is not None:
                self._changed_states.add(name)
            case CommitTasksRecord(name, _):
                self._changed_tasks.add(name)
                self._needs_rebalance = True
            case RestartRequest():
                earlier = self._restarts.get(record.name)
                if earlier is None or record.impact >= earlier.impact:
                    self._restarts[record.name] = record
            case LoggerLevelRecord(logger, level) if is_level(level):
                set_level(logger, level)
        self._wake.set()

    # The group

    async def protocols(self) -> list[tuple[str, bytes]]:
        async with self._lock:  # what is being stopped has stopped
            held = self._held
            state = WorkerState(f"{self.rest_url}/", self.configs.offset, Work())
            return [(name, encode_worker_state(state, held, VERSIONS[name])) for name in self._protocols]

    async def assign(self, protocol: str, leader: str, generation: int, members: dict[str, bytes]) -> dict[str, bytes]:
        return await self._distribution.assign(
            protocol, leader, members, last_generation=self._last_generation, generation=generation
        )

    def joined(self, finished: Round) -> None:
        told = (
            decode_assignment(finished.assignment) if finished.assignment else Assignment(VERSIONS[finished.protocol])
        )
        self._keys.are_used = VERSIONS[finished.protocol] >= VERSIONS["sessioned"]
        self._to_stop.add(told.revoked)
        if self._held is not None:
            kept = self._held.assigned.without(told.revoked)
            kept.add(told.assigned)
            told.assigned = kept
        self._held = told
        self._generation = self._last_generation = finished.generation
        self._rejoin_at = time.monotonic() + told.delay_ms / 1000 if told.delay_ms > 0 else None
        self._settled.clear()
        if self.is_leader:
            self._forget_deleted()
        else:
            self.configs.relinquish()
        self._wake.set()

    def lost(self) -> None:
        if self._held is not None:
            _log.error("the group is not heard of any more; what runs here is stopped, as others may do it")
            self._to_stop.add(self._held.assigned)
        self._held = None
        self.configs.relinquish()
        self._settled.clear()
        self._wake.set()

    def _forget_deleted(self) -> None:
        """Statuses of what is not configured any more."""
        configs = self.configs.state
        for name in self.statuses.connectors():
            if name not in configs.connectors:
                self.connector_deleted(name)
        for task_id in self.statuses.task_ids():
            if task_id not in configs.task_ids(task_id.connector):
                self.task_deleted(task_id)

    # What follows

    async def _tick_forever(self) -> None:
        while True:
            try:
                async with self._lock:
                    await self._tick()
            except Exception as error:
                raise_if_cancelled()
                if isinstance(error, ConnectError):
                    _log.error("%s", error)
                else:
                    _log.exception("the worker tries again")
                await asyncio.sleep(TICK_FAILURE_PAUSE_S)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_due_s()):
                    await self._wake.wait()
            self._wake.clear()

    def _until_due_s(self) -> float | None:
        key_due = self._keys.due() if self.is_leader else None
        due = [at for at in (self._rejoin_at, key_due) if at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    async def _tick(self) -> None:
        if self._to_stop:
            stopping, self._to_stop = self._to_stop, Work()
            await self._stop_work(stopping)
        if self._rejoin_at is not None and time.monotonic() >= self._rejoin_at:
            self._rejoin_at = None
            self._rejoin()
            return
        if self._held is not None and not self._settled.is_set() and not await self._settle(self._held):
            return
        if self.is_leader and self.configs.must_be_claimed:
            await self.configs.claim()
        key_due = self._keys.due() if self.is_leader else None
        if key_due is not None and key_due <= time.monotonic():
            await self._keys.renew()
        await self._process_restarts()
        await self._process_changes()

    def _rejoin(self) -> None:
        self._settled.clear()
        self.member.request_rejoin()

    async def _settle(self, held: Assignment) -> bool:
        """False: the group is joined again first."""
        if held.error != 0 or self.configs.offset < held.config_offset:
            await self.configs.refresh()
            if held.error != 0 or self.configs.offset < held.config_offset:
                self._rejoin()
                return False
        await self._start_work(held.assigned.without(self._running))
        self._settled.set()
        if held.revoked:  # what was taken from here can be given to another now
            held.revoked = Work()
            self._rejoin()
            return False
        return True

    async def _start_work(self, work: Work) -> None:
        configs = self.configs.state
        for name in work.connectors:
            self._running.connectors[name] = None
            if name in configs.connectors:
                await self._start_connector(name)
        for task_id in work.tasks:
            self._running.tasks[task_id] = None
            if task_id in configs.tasks:
                self.worker.start_task(task_id, configs, self)

    async def _stop_work(self, work: Work) -> None:
        await asyncio.gather(
            self.worker.stop_tasks(work.tasks), *(self.worker.stop_connector(name) for name in work.connectors)
        )
        self._running.remove(work)
        configured = self.configs.state.connectors
        for name in {*work.connectors, *(task.connector for task in work.tasks)} - configured.keys():
            self.reset_active_topics(name)

    async def _start_connector(self, name: str, *, reraise: bool = False) -> None:
        state = self.configs.state
        target = state.target_state(name) or TargetState.STARTED
        try:
            await self.worker.start_connector(name, state.connectors[name], target, self)
        except ConnectError as error:
            _log.error("connector %s cannot be started: %s", name, error)
            if reraise:
                raise
            return
        if target is TargetState.STARTED:
            self.task_reconfiguration_requested(name)

    async def _process_restarts(self) -> None:
        restarts, self._restarts = self._restarts, {}
        for request in restarts.values():
            plan = self._restart_plan(request)
            if plan is None or request.name not in self.configs.state.connectors:
                continue
            connector_too = plan[0] and request.name in self._running.connectors
            tasks = [task_id for task_id in plan[1] if task_id in self._running.tasks]
            if connector_too:
                await self.worker.stop_connector(request.name)
                self.connector_restarting(request.name)
            await self.worker.stop_tasks(tasks)
            for task_id in tasks:
                self.task_restarting(task_id)
            if connector_too:
                await self._start_connector(request.name)
            for task_id in tasks:
                if task_id in self.configs.state.tasks:
                    self.worker.start_task(task_id, self.configs.state, self)

    async def _process_changes(self) -> None:
        connectors, self._changed_connectors = self._changed_connectors, set()
        states, self._changed_states = self._changed_states, set()
        tasks, self._changed_tasks = self._changed_tasks, set()
        for name in connectors & self._running.connectors.keys():
            await self.worker.stop_connector(name)
            if name in self.configs.state.connectors:
                await self._start_connector(name)
        for name in states:
            await self._set_target_state(name)
        changed = [task_id for task_id in self._running.tasks if task_id.connector in tasks]
        if changed:
            await self.worker.stop_tasks(changed)
            self._running.remove(Work.of(tasks=changed))
        if self._needs_rebalance:
            self._needs_rebalance = False
            self._rejoin()

    async def _set_target_state(self, name: str) -> None:
        target = self.configs.state.target_state(name)
        if target is None:
            return
        self.worker.set_task_states(name, target)
        connector = self.worker.connectors.get(name)
        if connector is None or connector.state is target:
            return
        try:
            await connector.transition_to(target)
        except ConnectError as error:
            _log.error("connector %s cannot become %s: %s", name, target.value, error)
            return
        if target is TargetState.STARTED:
            self.task_reconfiguration_requested(name)

    # The tasks of connectors that run here

    def task_reconfiguration_requested(self, name: str) -> None:
        self._reconfigurations.request(name)

    async def _reconfigure(self, name: str) -> None:
        async with self._turn():
            state = self.configs.state
            if not self.worker.is_running(name) or state.target_state(name) is not TargetState.STARTED:
                return
            configs = self.worker.variables.reverse(state.connectors[name], await self.worker.task_configs(name))
            if not self._tasks_changed(name, configs):
                return
            if self.is_leader:
                await self._write_task_configs(name, configs)
                return
            url = self.leader_url
        if url is None:
            raise ConnectError("no leader is known")
        await self._leader.publish_task_configs(url, name, configs)
