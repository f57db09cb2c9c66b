"""A task from the worker's side: the process it lives in, what it says, and its next life when it has failed.

    starting ──► running ⇄ paused
        │           │
        └─► failed ◄┘ ──(back-off)──► starting …, as often as the worker's `task.restart.attempts` says in a row

A task that was well for `RECOVERED_S` has all its attempts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.connect.api.errors import ConnectError
from ottla.connect.store.status import TargetState
from ottla.connect.task.message import LINE_BYTES_MAX
from ottla.runtime.child_process import ChildError, ChildProcess
from ottla.runtime.exit_status import how_it_ended
from ottla.runtime.restart_backoff import RestartBackoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.connect.runtime.log_lines import LogLines
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.runtime.worker_measures import Starts
    from ottla.connect.store.task_id import TaskId
    from ottla.runtime.child_message import Message

_log = logging.getLogger(__name__)

_CONNECT_EXCEPTION: Final = "org.apache.kafka.connect.errors.ConnectException"
RECOVERED_S: Final = 300.0
KILL_GRACE_S: Final = 2.0
OUTPUT_LINES_KEPT: Final = 20
_BEFORE_WORK: Final = ("read_offsets", "fence", "verify")
OUTPUT_LINE_BYTES_MAX: Final = 64 * 1024


class TaskOwner(Protocol):
    """What a task needs of its worker."""

    def task_running(self, task_id: TaskId) -> None: ...
    def task_paused(self, task_id: TaskId) -> None: ...
    def task_failed(self, task_id: TaskId, trace: str) -> None: ...
    def task_restarting(self, task_id: TaskId) -> None: ...
    def task_ended(self, task_id: TaskId) -> None: ...
    def topics_used(self, task_id: TaskId, topics: Sequence[str]) -> None: ...
    async def read_offsets(self, connector: str, partitions: list[Any]) -> list[Any]: ...
    async def offset_keys(self, connector: str, partitions: list[Any]) -> list[bytes]: ...
    async def store_offsets(self, connector: str, offsets: list[Any]) -> None: ...
    async def store_offsets_aside(self, connector: str, offsets: list[Any]) -> None: ...
    async def fence_before(self, task_id: TaskId) -> None: ...
    async def verify_task(self, task_id: TaskId, generation: int) -> None: ...


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How often in a row a task that fails is started again, and after how long: twice as long each time."""

    attempts: int
    backoff_ms: int
    backoff_max_ms: int


class TaskProcess:
    """`start()`, then `set_target_state` as often as wanted, and `await stop()`."""

    def __init__(
        self,
        task_id: TaskId,
        owner: TaskOwner,
        make_spec: Callable[[], TaskSpec],
        policy: RestartPolicy,
        starts: Starts,
        log_lines: LogLines,
    ) -> None:
        self.task_id = task_id
        self.metrics: dict[str, float] = {}
        self._owner = owner
        self._make_spec = make_spec
        self._policy = policy
        self._backoff = RestartBackoff(policy.backoff_ms / 1000, policy.backoff_max_ms / 1000, RECOVERED_S)
        self._starts = starts
        self._log_lines = log_lines
        self._is_up = False
        """Whether this life of it came so far as to work."""
        self._target_state: TargetState | None = None
        self._child: ChildProcess | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = False
        self._output: deque[str] = deque(maxlen=OUTPUT_LINES_KEPT)
        self._answering: set[asyncio.Task[None]] = set()
        """What it has asked and is not answered yet."""
        self._beginning: set[asyncio.Task[None]] = set()
        """Of that, what it cannot begin to work without."""

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        return self._backoff.failures

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        self._life = asyncio.get_running_loop().create_task(self._live())

    def set_target_state(self, state: TargetState) -> None:
        self._target_state = state
        self._say("target_state", state=state.value)

    async def stop(self, grace_ms: int) -> None:
        """The task is asked, and after `grace_ms` made to."""
        self._stopping = True
        life = self._life
        if life is None:
            return
        if self.pid is None:
            life.cancel()
        for answering in self._beginning:  # it has nothing to finish yet
            answering.cancel()
        self._say("stop")
        done, _ = await asyncio.wait([life], timeout=grace_ms / 1000)
        if not done and self._child is not None:
            _log.error("task %s did not end within %d ms and is killed", self.task_id, grace_ms)
            self._child.kill()
            done, _ = await asyncio.wait([life], timeout=KILL_GRACE_S)
        if not done:
            life.cancel()
            await asyncio.wait([life])

    # Its lives

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            self._is_up = False
            trace = await self._live_once()
            if self._is_told_to_stop():
                break
            if not self._is_up:
                self._starts.note(succeeded=False)
            wait_s = self._backoff.failed(loop.time() - began)
            if self.failures > self._policy.attempts:
                if self._policy.attempts:
                    trace = (
                        f"{trace.rstrip()}\nIt has failed {self.failures} times in a row and is not started again.\n"
                    )
                self._owner.task_failed(self.task_id, trace)
                return
            attempt = f"Start {self.failures} of {self._policy.attempts} follows in {wait_s:g} s."
            self._owner.task_failed(self.task_id, f"{trace.rstrip()}\n{attempt}\n")
            await asyncio.sleep(wait_s)
            self._owner.task_restarting(self.task_id)
        self._owner.task_ended(self.task_id)

    def _is_told_to_stop(self) -> bool:
        return self._stopping

    async def _live_once(self) -> str:
        """Until it has ended; why."""
        try:
            spec = self._make_spec()
            if self._target_state is None:
                self._target_state = TargetState(spec.target_state)
            child = self._child = await self._spawn(spec)
        except (ConnectError, OSError) as error:
            from ottla.connect.runtime.trace import trace_of

            return trace_of(error)
        child.say("start", **(spec.to_json() | {"target_state": self._target_state.value}))
        output = asyncio.get_running_loop().create_task(self._relay_output(child.process))
        try:
            trace = await self._listen(child)
            has_hung_up = trace is None and not self._stopping
            status = await child.end(KILL_GRACE_S if has_hung_up else None)
        finally:
            child.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(output, KILL_GRACE_S)
        return trace or self._died(status)

    def _died(self, status: int) -> str:
        last = "".join(f"\n{line}" for line in self._output)
        return f"{_CONNECT_EXCEPTION}: the process of the task ended {how_it_ended(status)}.{last}\n"

    async def _spawn(self, spec: TaskSpec) -> ChildProcess:
        search = os.pathsep.join([*spec.plugin_path, *filter(None, sys.path)])
        return await ChildProcess.start(
            "ottla.connect.task.process",
            str,
            LINE_BYTES_MAX,
            stdin=None if spec.is_source else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=OUTPUT_LINE_BYTES_MAX,
            env={**os.environ, "PYTHONPATH": search},
        )

    async def _relay_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # a line that is longer than the limit
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip("\n")
            self._output.append(text)
            self._log_lines.add(self.task_id.connector, self.task_id.task, text)
            print(f"[{self.task_id}] {text}", file=sys.stderr, flush=True)

    # What it says

    async def _listen(self, child: ChildProcess) -> str | None:
        """Until it hangs up, or says what it failed with."""
        trace: str | None = None
        try:
            while (message := await child.hear()) is not None:
                if message["type"] == "failed":
                    trace = str(message["trace"])
                else:
                    self._take(message)
        except ChildError as error:
            child.kill()
            return f"{_CONNECT_EXCEPTION}: {error}\n"
        return trace

    def _take(self, message: Message) -> None:
        match message["type"]:
            case "state" if not self._stopping:
                if not self._is_up:
                    self._is_up = True
                    self._starts.note(succeeded=True)
                if message["state"] == "PAUSED":
                    self._owner.task_paused(self.task_id)
                else:
                    self._owner.task_running(self.task_id)
            case "topics":
                self._owner.topics_used(self.task_id, message["topics"])
            case "metrics":
                self.metrics = message["values"]
            case "read_offsets" | "offset_keys" | "store_offsets" | "fence" | "verify":
                answering = asyncio.get_running_loop().create_task(self._answer(message))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
                if message["type"] in _BEFORE_WORK:
                    self._beginning.add(answering)
                    answering.add_done_callback(self._beginning.discard)

    async def _answer(self, message: Message) -> None:
        try:
            told = await self._told(message)
        except asyncio.CancelledError:
            told = {"error": "the task is to stop"}
        except Exception as failure:
            told = {"error": str(failure)}
        self._say("answer", id=message["id"], **told)

    async def _told(self, message: Message) -> dict[str, Any]:
        owner, connector = self._owner, self.task_id.connector
        match message["type"]:
            case "read_offsets":
                return {"offsets": await owner.read_offsets(connector, message["partitions"])}
            case "offset_keys":
                return {"keys": [key.decode() for key in await owner.offset_keys(connector, message["partitions"])]}
            case "store_offsets" if message.get("aside"):
                await owner.store_offsets_aside(connector, message["offsets"])
            case "store_offsets":
                await owner.store_offsets(connector, message["offsets"])
            case "fence":
                await owner.fence_before(self.task_id)
            case _:
                await owner.verify_task(self.task_id, message["generation"])
        return {}

    def _say(self, kind: str, **fields: object) -> None:
        if self._child is not None:
            self._child.say(kind, **fields)
