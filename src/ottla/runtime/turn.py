"""What one event makes due is done as soon as that event is dealt with, and not a turn of the event loop later.

    recv ─► requests served ─► what they made due ─► answers sent ─► the loop looks for the next event

A turn of its own would cost each waiting client two looks for new events, and whatever those bring before it.
"""

import asyncio
from collections.abc import Callable


class Turn:
    """One a loop. Callbacks are called once, in their order, on the loop's thread."""

    __slots__ = ("_depth", "_due", "_loop", "requests")

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []
        self._depth = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.requests = 0  # how many came, ever

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """That it belongs to; asyncio itself asks the system for the process's id before it says."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        return loop

    @property
    def due(self) -> int:
        """How many callbacks wait for the end of this event."""
        return len(self._due)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """When this event is dealt with; outside of any, as `loop.call_soon` does."""
        if not self._due and not self._depth:
            asyncio.get_running_loop().call_soon(self._run)
        self._due.append(callback)

    def begin(self) -> None:
        """An event is dealt with from here on; `end` must follow. They nest, and only the last end counts."""
        self._depth += 1

    def end(self) -> None:
        self._depth -= 1
        if self._due and not self._depth:
            self._run()

    def _run(self) -> None:
        """Callbacks that others make due come behind them."""
        due = self._due
        self._depth += 1
        try:
            for callback in due:  # grows meanwhile
                try:
                    callback()
                except Exception as error:
                    loop = asyncio.get_running_loop()
                    loop.call_exception_handler({"message": "a callback failed", "exception": error})
        finally:
            self._depth -= 1
            due.clear()
