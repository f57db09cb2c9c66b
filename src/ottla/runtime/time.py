"""The ports to time: what o'clock it is, and being called later."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall-clock milliseconds since 1970: what is written into records."""
        ...

    def monotonic_ms(self) -> float:
        """Milliseconds that never go back: for measuring and for deadlines."""
        ...


class Timer(Protocol):
    def cancel(self) -> None:
        """The call will not come; nothing happens if it came already."""
        ...


class Timers(Protocol):
    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Timer: ...
