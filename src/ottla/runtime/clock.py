"""The real time: the system's clock, and timers on the event loop."""

import asyncio
import time
from collections.abc import Callable

from ottla.runtime.time import Timer

SECOND_MS = 1000


class SystemClock:
    """`Clock` over the operating system's clocks."""

    __slots__ = ()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        return time.monotonic() * SECOND_MS


class LoopTimers:
    """`Timers` over an event loop; callbacks run on the loop's thread."""

    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Timer:
        return self._loop.call_later(delay_ms / SECOND_MS, callback)
