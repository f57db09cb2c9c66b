"""Work that waits for the disk, done in a thread while the event loop goes on."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

BLOCKING_THREADS = 4


class BlockingWork:
    """A bounded pool of threads; what does not fit waits in line."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pool: ThreadPoolExecutor | None = None

    def future(self, work: Callable[[], object]) -> asyncio.Future[object]:
        """Its result or its exception, on the loop."""
        return self._loop.run_in_executor(self._threads(), work)

    def run(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        """Call `done` on the loop with the exception of `work`, or `None`."""
        self.future(work).add_done_callback(lambda future: done(None if future.cancelled() else future.exception()))

    def together(self, works: Sequence[Callable[[], None]]) -> None:
        """Do all of it while the loop stands still; raises what one of them raised, when all are done."""
        for future in wait([self._threads().submit(work) for work in works]).done:
            future.result()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(BLOCKING_THREADS, thread_name_prefix="blocking")
        return self._pool

    def close(self) -> None:
        """Wait for what is under way."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
