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
import socket
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.connect.api.errors import ConnectError
from ottla.connect.store.status import TargetState
from ottla.connect.task.message import LINE_BYTES_MAX, Message, decode_message, encode_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.runtime.worker_measures import Starts
    from ottla.connect.store.task_id import TaskId

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
    ) -> None:
        self.task_id = task_id
        self.metrics: dict[str, float] = {}
        self.failures = 0
        """How often in a row it has failed."""
        self._owner = owner
        self._make_spec = make_spec
        self._policy = policy
        self._starts = starts
        self._is_up = False
        """Whether this life of it came so far as to work."""
        self._target_state: TargetState | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = False
        self._failed_at_once = asyncio.Event()
        self._output: deque[str] = deque(maxlen=OUTPUT_LINES_KEPT)
        self._answering: set[asyncio.Task[None]] = set()
        """What it has asked and is not answered yet."""
        self._beginning: set[asyncio.Task[None]] = set()
        """Of that, what it cannot begin to work without."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

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
        process = self._process
        if process is None or process.returncode is not None:
            life.cancel()
        for answering in self._beginning:  # it has nothing to finish yet
            answering.cancel()
        self._say("stop")
        done, _ = await asyncio.wait([life], timeout=grace_ms / 1000)
        if not done and self._process is not None:
            _log.error("task %s did not end within %d ms and is killed", self.task_id, grace_ms)
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
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
            if loop.time() - began > RECOVERED_S:
                self.failures = 0
            self.failures += 1
            if self.failures > self._policy.attempts:
                if self._policy.attempts:
                    trace = (
                        f"{trace.rstrip()}\nIt has failed {self.failures} times in a row and is not started again.\n"
                    )
                self._owner.task_failed(self.task_id, trace)
                return
            wait_ms = min(self._policy.backoff_ms * 2 ** (self.failures - 1), self._policy.backoff_max_ms)
            attempt = f"Start {self.failures} of {self._policy.attempts} follows in {wait_ms / 1000:g} s."
            self._owner.task_failed(self.task_id, f"{trace.rstrip()}\n{attempt}\n")
            await asyncio.sleep(wait_ms / 1000)
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
            reader = await self._spawn(spec)
        except (ConnectError, OSError) as error:
            from ottla.connect.runtime.trace import trace_of

            return trace_of(error)
        process, writer = self._process, self._writer
        assert process is not None
        assert writer is not None
        output = asyncio.get_running_loop().create_task(self._relay_output(process))
        trace: str | None = None
        try:
            trace = await self._listen(reader)
            if trace is None and not self._stopping:
                await self._end(process)  # it has hung up: it ends, or is ended
            status = await process.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        finally:
            writer.close()
            self._writer = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(output, KILL_GRACE_S)
        return trace or self._died(status)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), KILL_GRACE_S)
        except TimeoutError:
            process.kill()

    def _died(self, status: int) -> str:
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        last = "".join(f"\n{line}" for line in self._output)
        return f"{_CONNECT_EXCEPTION}: the process of the task ended {how}.{last}\n"

    async def _spawn(self, spec: TaskSpec) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        try:
            search = os.pathsep.join([*spec.plugin_path, *filter(None, sys.path)])
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "ottla.connect.task.process",
                str(theirs.fileno()),
                stdin=None if spec.is_source else asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                limit=OUTPUT_LINE_BYTES_MAX,
                env={**os.environ, "PYTHONPATH": search},
            )
            reader, self._writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES_MAX)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        state = self._target_state.value if self._target_state is not None else spec.target_state
        self._say("start", **(spec.to_json() | {"target_state": state}))
        return reader

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
            print(f"[{self.task_id}] {text}", file=sys.stderr, flush=True)

    # What it says

    async def _listen(self, reader: asyncio.StreamReader) -> str | None:
        """Until it hangs up, or says what it failed with."""
        trace: str | None = None
        while True:
            try:
                line = await reader.readline()
                message = decode_message(line) if line else None
            except (ValueError, OSError) as error:
                return f"{_CONNECT_EXCEPTION}: the task says what nobody understands: {error}\n"
            if message is None:
                return trace
            if message["type"] == "failed":
                trace = str(message["trace"])
            else:
                self._take(message)

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
        writer = self._writer
        if writer is not None and not writer.is_closing():
            writer.write(encode_message(kind, **fields))
