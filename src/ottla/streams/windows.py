"""Windows and what defines them: tumbling, hopping, sliding, session, unlimited, and the windows of joins.

`org.apache.kafka.streams.kstream` (KIP-450 sliding, KIP-633 grace without a default of a day). Every length may be
given in milliseconds, as a `timedelta` or as a text (`"10s"`); a definition is a value and never changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

from ottla.streams.duration import LONG_MAX, Duration, milliseconds

K = TypeVar("K")


class Window(NamedTuple):
    """`start_ms` is inside; `end_ms` is outside for time windows, and inside for sessions and sliding windows."""

    start_ms: int
    end_ms: int


class Windowed(NamedTuple, Generic[K]):
    """A key within a window: the key of every windowed table."""

    key: K
    window: Window

    def __str__(self) -> str:
        return f"[{self.key}@{self.window.start_ms}/{self.window.end_ms}]"


AnyWindowed = Windowed[Any]


def time_window(start_ms: int, size_ms: int) -> Window:
    """The window of a size from a start on; it ends with time itself at the latest."""
    end_ms = start_ms + size_ms
    return Window(start_ms, end_ms if end_ms <= LONG_MAX else LONG_MAX)


class EmitStrategy(Enum):
    """When a windowed aggregation speaks (KIP-825): at every change, or once a window can change no more."""

    ON_WINDOW_UPDATE = 0
    ON_WINDOW_CLOSE = 1

    @staticmethod
    def on_window_update() -> EmitStrategy:
        return EmitStrategy.ON_WINDOW_UPDATE

    @staticmethod
    def on_window_close() -> EmitStrategy:
        return EmitStrategy.ON_WINDOW_CLOSE


class Windows(ABC):
    """Windows of one size whose places do not depend on the records."""

    @property
    @abstractmethod
    def size_ms(self) -> int: ...

    @property
    @abstractmethod
    def grace_period_ms(self) -> int:
        """How long after its end a window takes records that come out of order."""

    @abstractmethod
    def windows_for(self, timestamp_ms: int) -> dict[int, Window]:
        """The windows that contain a time, by their starts, the earliest first."""


@dataclass(frozen=True)
class TimeWindows(Windows):
    """Tumbling windows, and, once they advance by less than their size, hopping ones."""

    _size_ms: int
    advance_ms: int
    _grace_ms: int

    def __post_init__(self) -> None:
        if self._size_ms <= 0:
            raise ValueError("Window size (sizeMs) must be larger than zero.")
        if self.advance_ms <= 0 or self.advance_ms > self._size_ms:
            raise ValueError(
                "Window advancement interval should be more than zero and less than window duration which is "
                f"{self._size_ms} ms, but given advancement interval is: {self.advance_ms} ms"
            )
        if self._grace_ms < 0:
            raise ValueError("Grace period must not be negative.")

    @classmethod
    def of_size_with_no_grace(cls, size: Duration) -> TimeWindows:
        return cls.of_size_and_grace(size, 0)

    @classmethod
    def of_size_and_grace(cls, size: Duration, after_window_end: Duration) -> TimeWindows:
        size_ms = milliseconds(size, "size")
        return cls(size_ms, size_ms, milliseconds(after_window_end, "afterWindowEnd"))

    def advance_by(self, advance: Duration) -> TimeWindows:
        return replace(self, advance_ms=milliseconds(advance, "advance"))

    @property
    def size_ms(self) -> int:
        return self._size_ms

    @property
    def grace_period_ms(self) -> int:
        return self._grace_ms

    def starts_for(self, timestamp_ms: int) -> range:
        """The starts alone, which is all that an aggregation needs until it knows that a window is open."""
        advance_ms = self.advance_ms
        first = max(0, timestamp_ms - self._size_ms + advance_ms) // advance_ms * advance_ms
        return range(first, timestamp_ms + 1, advance_ms)

    def windows_for(self, timestamp_ms: int) -> dict[int, Window]:
        size_ms = self._size_ms
        return {start: Window(start, start + size_ms) for start in self.starts_for(timestamp_ms)}

    def __str__(self) -> str:
        return f"TimeWindows{{, sizeMs={self._size_ms}, advanceMs={self.advance_ms}, graceMs={self._grace_ms}}}"


@dataclass(frozen=True)
class UnlimitedWindows(Windows):
    """One window from a time on, without an end."""

    start_ms: int = 0

    @classmethod
    def of(cls) -> UnlimitedWindows:
        return cls()

    def start_on(self, start: int | datetime) -> UnlimitedWindows:
        """Milliseconds since 1970, or a time of day; one without a time zone is taken as UTC."""
        if isinstance(start, datetime):
            aware = start if start.tzinfo is not None else start.replace(tzinfo=UTC)
            start = int(aware.timestamp() * 1000)
        if start < 0:
            raise ValueError("Window start time (startMs) cannot be negative.")
        return UnlimitedWindows(start)

    @property
    def size_ms(self) -> int:
        return LONG_MAX

    @property
    def grace_period_ms(self) -> int:
        return 0

    def windows_for(self, timestamp_ms: int) -> dict[int, Window]:
        return {self.start_ms: Window(self.start_ms, LONG_MAX)} if timestamp_ms >= self.start_ms else {}

    def __str__(self) -> str:
        return f"UnlimitedWindows{{startMs={self.start_ms}}}"


@dataclass(frozen=True)
class SlidingWindows:
    """Windows of one size whose ends are inclusive, and which begin or end at a record (KIP-450)."""

    time_difference_ms: int
    grace_period_ms: int

    def __post_init__(self) -> None:
        if self.time_difference_ms < 0:
            raise ValueError("Window time difference must not be negative.")
        if self.grace_period_ms < 0:
            raise ValueError("Window grace period must not be negative.")

    @classmethod
    def of_time_difference_with_no_grace(cls, time_difference: Duration) -> SlidingWindows:
        return cls.of_time_difference_and_grace(time_difference, 0)

    @classmethod
    def of_time_difference_and_grace(cls, time_difference: Duration, after_window_end: Duration) -> SlidingWindows:
        return cls(
            milliseconds(time_difference, "timeDifference"),
            milliseconds(after_window_end, "afterWindowEnd"),
        )

    def __str__(self) -> str:
        return f"SlidingWindows{{, sizeMs={self.time_difference_ms}, graceMs={self.grace_period_ms}}}"


@dataclass(frozen=True)
class SessionWindows:
    """Windows that records of one key make together as long as no pause is longer than the gap."""

    inactivity_gap_ms: int
    grace_period_ms: int

    def __post_init__(self) -> None:
        if self.inactivity_gap_ms < 0:
            raise ValueError("Gap time cannot be negative.")
        if self.grace_period_ms < 0:
            raise ValueError("Grace period cannot be negative.")

    @classmethod
    def of_inactivity_gap_with_no_grace(cls, inactivity_gap: Duration) -> SessionWindows:
        return cls.of_inactivity_gap_and_grace(inactivity_gap, 0)

    @classmethod
    def of_inactivity_gap_and_grace(cls, inactivity_gap: Duration, after_window_end: Duration) -> SessionWindows:
        return cls(
            milliseconds(inactivity_gap, "inactivityGap"),
            milliseconds(after_window_end, "afterWindowEnd"),
        )

    def __str__(self) -> str:
        return f"SessionWindows{{gapMs={self.inactivity_gap_ms}, graceMs={self.grace_period_ms}}}"


@dataclass(frozen=True)
class JoinWindows(Windows):
    """How far before and after a record of one stream a record of the other may lie to be joined with it."""

    before_ms: int
    after_ms: int
    _grace_ms: int

    def __post_init__(self) -> None:
        if self.before_ms + self.after_ms < 0:
            raise ValueError("Window interval (ie, beforeMs+afterMs) must not be negative.")
        if self._grace_ms < 0:
            raise ValueError("Grace period must not be negative.")

    @classmethod
    def of_time_difference_with_no_grace(cls, time_difference: Duration) -> JoinWindows:
        return cls.of_time_difference_and_grace(time_difference, 0)

    @classmethod
    def of_time_difference_and_grace(cls, time_difference: Duration, after_window_end: Duration) -> JoinWindows:
        difference_ms = milliseconds(time_difference, "timeDifference")
        return cls(difference_ms, difference_ms, milliseconds(after_window_end, "afterWindowEnd"))

    def before(self, time_difference: Duration) -> JoinWindows:
        """Join records of the other stream that are at most this much earlier; negative: at least that much later."""
        return replace(self, before_ms=milliseconds(time_difference, "timeDifference"))

    def after(self, time_difference: Duration) -> JoinWindows:
        return replace(self, after_ms=milliseconds(time_difference, "timeDifference"))

    @property
    def size_ms(self) -> int:
        return self.before_ms + self.after_ms

    @property
    def grace_period_ms(self) -> int:
        return self._grace_ms

    def windows_for(self, timestamp_ms: int) -> dict[int, Window]:
        raise NotImplementedError("windowsFor() is not supported by JoinWindows.")

    def __str__(self) -> str:
        return f"JoinWindows{{beforeMs={self.before_ms}, afterMs={self.after_ms}, graceMs={self._grace_ms}}}"
