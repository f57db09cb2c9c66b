"""The process around an event loop: run a main coroutine until a signal asks it to stop.

The first SIGTERM or SIGINT asks for an orderly stop; a second one, from a person who cannot wait, ends the process
where it stands (what was acknowledged is in the page cache, and the next start recovers).
"""

import asyncio
import os
import select
import signal
from collections.abc import Callable, Coroutine

from ottla.runtime.direct_loop import DirectLoop
from ottla.runtime.moderation import ModeratedSelector
from ottla.runtime.turn import Turn

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_IMPATIENT = 130


class StopRequest:
    """Set once by a signal, or by the node itself when it cannot go on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._event = asyncio.Event()
        self._loop = loop
        self.reason: str | None = None
        self.failure: BaseException | None = None

    def install(self) -> None:
        for number in STOP_SIGNALS:
            self._loop.add_signal_handler(number, self._on_signal, number)

    def stop_at_end_of(self, descriptor: int) -> None:
        """Of a pipe whose other end somebody holds as long as this process is to live."""

        def readable() -> None:
            if not os.read(descriptor, 4096):
                self._loop.remove_reader(descriptor)
                self.stop("the standard input ended")

        self._loop.add_reader(descriptor, readable)

    def stop(self, reason: str, failure: BaseException | None = None) -> None:
        if self.reason is None:
            self.reason = reason
            self.failure = failure
        self._event.set()

    def fail(self, reason: str, failure: BaseException) -> None:
        """Something failed while stopping: the exit code will say so."""
        if self.failure is None:
            self.reason, self.failure = reason, failure

    async def wait(self) -> None:
        await self._event.wait()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def _on_signal(self, number: signal.Signals) -> None:
        if self._event.is_set():
            os._exit(EXIT_IMPATIENT)
        self.stop(signal.Signals(number).name)


def run(main: Callable[[StopRequest, Turn], Coroutine[object, object, int]]) -> int:
    """Run `main` on a new event loop with the signals installed; return its exit code."""
    turn = Turn()

    async def guarded() -> int:
        request = StopRequest(asyncio.get_running_loop())
        request.install()
        return await main(request, turn)

    with asyncio.Runner(loop_factory=lambda: _new_loop(turn)) as runner:
        return runner.run(guarded())


def _new_loop(turn: Turn) -> asyncio.AbstractEventLoop:
    if hasattr(select, "epoll"):
        return DirectLoop(turn)
    return asyncio.SelectorEventLoop(ModeratedSelector(turn))
