"""Windowed joins of two streams: inner, left, outer, and of a stream with itself (Java: `KStreamKStreamJoin`).

    left ──► JoinWindowed (left store) ──► StreamStreamJoin, reads the right store ──┐
    right ─► JoinWindowed (right store) ─► StreamStreamJoin, reads the left store ───┴► merge

A record without a partner is a result of a left or outer join only when none can come any more (KIP-633): until its
window and the grace are over it waits among the candidates, and goes out with a later record of the join, looked for no
more often than the emit interval says. Its own timestamp goes with it, and the later record's headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.duration import LONG_MAX
from ottla.streams.operator import Operator
from ottla.streams.operators.final_emission import NO_KEY_OR_VALUE
from ottla.streams.operators.time_tracker import OUTER_JOIN_INTERVAL, TimeTracker, emit_interval_ms
from ottla.streams.state.join_candidates import LeftOrRightValue, TimestampedKeyAndJoinSide

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.record import Headers
    from ottla.streams.windows import JoinWindows

__all__ = ["JoinWindowed", "SelfJoin", "StreamStreamJoin", "TimeTracker"]


class JoinWindowed(Operator):
    """Lets a record go on, and then keeps it for the records of the other side that come later."""

    forwards_unchanged = True

    def __init__(self, store_name: str) -> None:
        self._store_name = store_name

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        store: Any = context.store(self._store_name)
        self._put = store.put

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(key, value, timestamp_ms, headers)
        if key is not None:
            self._put(key, value, timestamp_ms)


class StreamStreamJoin(Operator):
    """One side of a join. `outer` says that records of this side go out alone; `candidates_name` is None if none do."""

    def __init__(
        self,
        windows: JoinWindows,
        joiner: Callable[[Any, Any, Any], Any],
        is_left_side: bool,
        outer: bool,
        other_store_name: str,
        candidates_name: str | None,
        tracker: TimeTracker,
    ) -> None:
        before_ms, after_ms = windows.before_ms, windows.after_ms
        self._before_ms, self._after_ms = (before_ms, after_ms) if is_left_side else (after_ms, before_ms)
        self._grace_ms = windows.grace_period_ms
        self._look_back_ms = {True: after_ms, False: before_ms}
        self._joiner = joiner
        self._is_left_side = is_left_side
        self._outer = outer
        self._other_store_name = other_store_name
        self._candidates_name = candidates_name
        self._tracker = tracker

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        store: Any = context.store(self._other_store_name)
        self._fetch = store.fetch
        self._candidates: Any = None
        if self._candidates_name is not None:
            self._candidates = context.store(self._candidates_name)
        self._tracker.interval_ms = emit_interval_ms(context.config, OUTER_JOIN_INTERVAL)

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        tracker = self._tracker
        if timestamp_ms > tracker.stream_time_ms:
            tracker.stream_time_ms = timestamp_ms
        if key is None or value is None:
            if self._outer and value is not None:
                self.forward(key, self._joiner(key, value, None), timestamp_ms, headers)
            else:
                self.context.drop(NO_KEY_OR_VALUE)
            return
        candidates = self._candidates
        if candidates is not None and timestamp_ms == tracker.stream_time_ms:
            self._emit_alone(headers)
        to_ms = max(0, timestamp_ms + self._after_ms)
        forward, joiner = self.forward, self._joiner
        found = False
        for other_ms, other in self._fetch(key, max(0, timestamp_ms - self._before_ms), to_ms):
            found = True
            if candidates is not None:
                candidates.joined(TimestampedKeyAndJoinSide(key, other_ms, not self._is_left_side))
            forward(key, joiner(key, value, other), max(timestamp_ms, other_ms), headers)
        if found or not self._outer:
            return
        if candidates is None or to_ms < tracker.stream_time_ms:
            forward(key, joiner(key, value, None), timestamp_ms, headers)
            return
        tracker.min_time_ms = min(tracker.min_time_ms, timestamp_ms)
        waiting = LeftOrRightValue(self._is_left_side, value)
        candidates.put(TimestampedKeyAndJoinSide(key, timestamp_ms, self._is_left_side), waiting)

    def _emit_alone(self, headers: Headers) -> None:
        """Send what can find no partner any more, the earliest first, until one of each side still can."""
        tracker = self._tracker
        # In Java this sum overflows while nothing waits, so that the interval starts with the first record.
        least_ms = tracker.min_time_ms + self._after_ms + self._grace_ms
        if tracker.stream_time_ms <= least_ms <= LONG_MAX:
            return
        if not tracker.may_emit(self.context.wall_clock_ms()):
            return
        tracker.min_time_ms = LONG_MAX
        candidates = self._candidates
        emitted: TimestampedKeyAndJoinSide | None = None
        is_open = {True: False, False: False}
        for candidate, waiting in candidates.all():
            key, timestamp_ms, is_left = candidate
            tracker.min_time_ms = timestamp_ms
            if is_open[True] and is_open[False]:
                break
            if timestamp_ms + self._look_back_ms[is_left] + self._grace_ms >= tracker.stream_time_ms:
                is_open[is_left] = True
                continue
            this, other = (waiting.value, None) if is_left is self._is_left_side else (None, waiting.value)
            self.forward(key, self._joiner(key, this, other), timestamp_ms, headers)
            if emitted is not None and emitted != candidate:
                candidates.put(emitted, None)
            emitted = candidate
        if emitted is not None:
            candidates.put(emitted, None)


class SelfJoin(Operator):
    """A stream joined with itself: one store, one walk for each role of the record, and the pair with itself."""

    def __init__(self, windows: JoinWindows, joiner: Callable[[Any, Any, Any], Any], store_name: str) -> None:
        self._before_ms = windows.before_ms
        self._after_ms = windows.after_ms
        self._retention_ms = windows.size_ms + windows.grace_period_ms
        self._joiner = joiner
        self._store_name = store_name
        self._stream_time_ms = -1

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        store: Any = context.store(self._store_name)
        self._fetch = store.fetch

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None or value is None:
            self.context.drop(NO_KEY_OR_VALUE)
            return
        if timestamp_ms > self._stream_time_ms:
            self._stream_time_ms = timestamp_ms
        forward, joiner = self.forward, self._joiner
        with_itself = joiner(key, value, value)
        is_due = timestamp_ms > self._stream_time_ms - self._retention_ms + 1
        from_ms, to_ms = timestamp_ms - self._before_ms, timestamp_ms + self._after_ms
        for other_ms, other in self._fetch(key, max(0, from_ms), max(0, to_ms)):
            forward(key, joiner(key, value, other), max(timestamp_ms, other_ms), headers)
        from_ms, to_ms = timestamp_ms - self._after_ms, timestamp_ms + self._before_ms
        for other_ms, other in self._fetch(key, max(0, from_ms), max(0, to_ms)):
            if is_due and other_ms > timestamp_ms:
                is_due = False
                forward(key, with_itself, timestamp_ms, headers)
            forward(key, joiner(key, other, value), max(timestamp_ms, other_ms), headers)
        if is_due:
            forward(key, with_itself, timestamp_ms, headers)
