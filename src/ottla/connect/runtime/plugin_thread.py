"""A thread in which a plugin's code runs, one call after another: what blocks there blocks nothing else."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, TypeVar

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
CALLS_MAX = 100
"""Calls that wait for one that does not return; more are refused."""


class PluginThread:
    """A daemon: a call that never returns does not keep the worker from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.Queue[Callable[[], None] | None] = queue.Queue(CALLS_MAX)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """What the function returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def done(result: T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)  # type: ignore[arg-type]
            elif isinstance(error, Exception) and not isinstance(error, StopIteration):
                future.set_exception(error)
            else:  # what ends a thread must not end the worker
                future.set_exception(ConnectError(f"{self._name}: {error!r}"))

        def work() -> None:
            result, failure = None, None
            try:
                result = function(*arguments)
            except BaseException as error:
                failure = error
            try:
                loop.call_soon_threadsafe(done, result, failure)
            except RuntimeError:
                return  # the loop has ended meanwhile

        try:
            self._calls.put_nowait(work)
        except queue.Full:
            raise ConnectError(f"{self._name} has not come back from an earlier call") from None
        return await future

    def stop(self) -> None:
        """After the calls that wait."""
        try:
            self._calls.put_nowait(None)
        except queue.Full:
            return

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
