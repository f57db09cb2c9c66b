"""Windows and what defines them: tumbling, hopping, sliding, session, unlimited, and the windows of joins.

`org.apache.kafka.streams.kstream` (KIP-450 sliding, KIP-633 grace without a default of a day).
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

K = TypeVar("K")


class Window(NamedTuple):
    """`start_ms` is inside; `end_ms` is outside for time windows, and inside for sessions and sliding windows."""

    start_ms: int
    end_ms: int


class Windowed(NamedTuple, Generic[K]):
    """A key within a window: the key of every windowed table."""

    key: K
    window: Window


AnyWindowed = Windowed[Any]
