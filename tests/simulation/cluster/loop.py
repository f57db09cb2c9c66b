"""An asyncio event loop on which time passes only when nothing is left to do: hours in a second, the same each time.

There are no threads, sockets or signals. Callbacks run in the order in which they became due. Each belongs to the
`Process` in whose context it was made: one that is dead drops it, one that is paused gets it later.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import inspect
import warnings
from collections import deque
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from tests.simulation.cluster.process import CURRENT, ProcessDiedError, State

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.simulation.cluster.process import Process

SPINNING = 50_000
"""Callbacks in one instant: somebody waits for nothing in a circle."""
PURGE_TASKS = 1_000
LAST_WAITS = 100
"""So often one that is dead may still want to wait."""


class Handle:
    """`asyncio.Handle` and `asyncio.TimerHandle`, in short."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "time")

    def __init__(self, time: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.time = time
        self.callback = callback
        self.args = args
        self.context = context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True
        self.args = ()

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.time


class OwnedFuture(asyncio.Future[Any]):
    """Knows whose it is: that nobody looked at its exception is found out at any time."""

    owner: Process | None = None


class OwnedTask(asyncio.Task[Any]):
    owner: Process | None = None


class SimulatedLoop(asyncio.AbstractEventLoop):
    def __init__(self) -> None:
        self._now = 0.0
        self._ready: deque[Handle] = deque()
        self._due: list[tuple[float, int, Handle]] = []
        self._count = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._purge_at = PURGE_TASKS
        self.handled = 0
        self.on_exception: Callable[[Process | None, dict[str, Any]], None] = _raise

    # ── the interface that asyncio and the product use ─────────────────────────────────────────────────────────────

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(self._now, callback, args, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(when, callback, args, copy_context() if context is None else context)
        self._count += 1
        heapq.heappush(self._due, (when, self._count, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        future = OwnedFuture(loop=self)
        future.owner = CURRENT.get(None)
        return future

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        task = OwnedTask(coro, loop=self, name=name or "", context=context)
        task.owner = CURRENT.get(None)
        self._tasks.append(task)  # held: those of a dead process are never finished, and must not be collected
        if len(self._tasks) > self._purge_at:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._purge_at = 2 * len(self._tasks) + PURGE_TASKS
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        future = context.get("future") or context.get("task")
        process = future.owner if isinstance(future, OwnedFuture | OwnedTask) else CURRENT.get(None)
        self.on_exception(process, context)

    # ── time passes ────────────────────────────────────────────────────────────────────────────────────────────────

    def run_until(self, end: float, is_done: Callable[[], bool] | None = None) -> bool:
        """Until then, or until `is_done`, which is asked between instants; whether it is."""
        ready, due = self._ready, self._due
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while True:
                self._run_ready()
                if is_done is not None and is_done():
                    return True
                if not due or due[0][0] > end:
                    self._now = max(self._now, end)
                    return False
                now = self._now = max(self._now, due[0][0])
                while due and due[0][0] <= now:
                    handle = heapq.heappop(due)[2]
                    if not handle.is_cancelled:
                        ready.append(handle)
        finally:
            asyncio._set_running_loop(before)

    def _run_ready(self) -> None:
        ready = self._ready
        most = self.handled + SPINNING
        while ready:
            handle = ready.popleft()
            if handle.is_cancelled:
                continue
            process = handle.context.get(CURRENT)
            if process is not None and process.state is not State.RUNNING:
                if process.state is State.PAUSED:
                    process.held.append(handle)
                continue
            self.handled += 1
            try:
                handle.context.run(handle.callback, *handle.args)
            except ProcessDiedError:
                pass
            except Exception as error:
                text = f"unhandled in {handle.callback!r}"
                self.on_exception(process, {"message": text, "exception": error})
            assert self.handled < most, f"NobodySpins: {handle.callback!r} of {process}"

    def pause(self, process: Process) -> None:
        if process.state is State.RUNNING:
            process.state = State.PAUSED

    def resume(self, process: Process) -> None:
        if process.state is State.PAUSED:
            process.state = State.RUNNING
            self._ready.extend(process.held)
            process.held.clear()

    def dispose(self) -> None:
        """Nothing runs any more: forget what never ended."""
        self.on_exception = lambda _process, _context: None
        self._ready.clear()
        self._due.clear()
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)  # dying, they still begin this and that: here, where it dies, too
        try:
            with warnings.catch_warnings(category=RuntimeWarning, action="ignore"):
                while self._tasks:
                    tasks, self._tasks = self._tasks, []
                    for task in tasks:
                        _close(task)
        finally:
            asyncio._set_running_loop(before)
        self._ready.clear()
        self._due.clear()


def _close(task: asyncio.Task[Any]) -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine = task.get_coro()
    for _ in range(LAST_WAITS):
        if not isinstance(coroutine, Coroutine) or inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED:
            return
        with contextlib.suppress(BaseException):  # whatever its `finally` blocks come upon: it is dead
            coroutine.close()


def _raise(process: Process | None, context: dict[str, Any]) -> None:
    raise AssertionError(f"{process}: {context.get('message')}") from context.get("exception")
