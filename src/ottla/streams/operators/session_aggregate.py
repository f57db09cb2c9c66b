"""Aggregation over sessions (Java: `KStreamSessionWindowAggregate`).

A record joins all sessions that lie within the gap of it: they are removed, and one that spans them and the record
takes their place. Whether it comes too late is asked of the session that would be, not of the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.change import Change
from ottla.streams.operator import Operator
from ottla.streams.operators.time_tracker import AGGREGATION_INTERVAL, TimeTracker, emit_interval_ms
from ottla.streams.operators.windowed_aggregate import EXPIRED, NO_KEY
from ottla.streams.record import NO_HEADERS
from ottla.streams.windows import EmitStrategy, Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.record import Headers
    from ottla.streams.windows import SessionWindows


class SessionAggregate(Operator):
    emits_as = "window-aggregate-final-emit"

    def __init__(
        self,
        windows: SessionWindows,
        store_name: str,
        emit_strategy: EmitStrategy,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
        merger: Callable[[Any, Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        self._gap_ms = windows.inactivity_gap_ms
        self._closes_after_ms = windows.grace_period_ms + windows.inactivity_gap_ms
        self._store_name = store_name
        self._is_final = emit_strategy is EmitStrategy.ON_WINDOW_CLOSE
        self._initializer = initializer
        self._aggregator = aggregator
        self._merger = merger
        self._send_old_values = send_old_values
        self._observed_ms = -1
        self._emitted_ms = -1
        self._tracker = TimeTracker()

    @property
    def emits_late(self) -> bool:
        return self._is_final

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        store: Any = context.store(self._store_name)
        self._store = store
        if self._is_final:
            self._is_cached = True  # what is not final yet never goes on from here
            emitted_ms = context.processor_metadata(self._store_name)
            self._emitted_ms = -1 if emitted_ms is None else emitted_ms
            self._tracker.interval_ms = emit_interval_ms(context.config, AGGREGATION_INTERVAL)
        else:
            flushed = self._flushed_without_headers if store.has_headers_format else self._flushed
            self._is_cached = store.set_flush_listener(flushed, self._send_old_values)

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            self.context.drop(NO_KEY)
            return
        if timestamp_ms > self._observed_ms:
            self._observed_ms = timestamp_ms
        close_ms = self._observed_ms - self._closes_after_ms
        start_ms = end_ms = timestamp_ms
        aggregate = self._initializer()
        merged = list(self._store.find_sessions(key, timestamp_ms - self._gap_ms, timestamp_ms + self._gap_ms))
        for (_, (first_ms, last_ms)), value_of_session in merged:
            aggregate = self._merger(key, aggregate, value_of_session)
            start_ms = min(start_ms, first_ms)
            end_ms = max(end_ms, last_ms)
        if end_ms < close_ms:
            self.context.drop(EXPIRED)
        else:
            if start_ms != timestamp_ms or end_ms != timestamp_ms:
                for session, value_of_session in merged:
                    self._store.remove(session)
                    self._updated(session, None, value_of_session)
            aggregate = self._aggregator(key, value, aggregate)
            session = Windowed(key, Window(start_ms, end_ms))
            self._store.put(session, aggregate)
            self._updated(session, aggregate, None)
        if self._is_final:
            self._emit_final(headers, close_ms)

    def _updated(self, session: Windowed[Any], new: Any, old: Any) -> None:
        """The headers of the record do not go on with its session, unless a cache is between: as in Java."""
        if not self._is_cached:
            change = Change(new, old if self._send_old_values else None)
            self.forward(session, change, session.window.end_ms, NO_HEADERS)

    def _emit_final(self, headers: Headers, close_ms: int) -> None:
        if not self._tracker.may_emit(self.context.wall_clock_ms()):
            return
        if self._emitted_ms != -1 and self._emitted_ms >= close_ms:
            return
        first, last = max(0, self._emitted_ms), close_ms - 1
        if last < first:
            return
        for session, aggregate in self._store.sessions_that_end(first, last):
            self.forward(session, Change(aggregate, None), session.window.end_ms, headers)
        self._emitted_ms = close_ms
        self.context.put_processor_metadata(self._store_name, close_ms)

    def _flushed(self, session: Any, change: Change, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(session, change, session.window.end_ms, headers)

    def _flushed_without_headers(self, session: Any, change: Change, timestamp_ms: int, headers: Headers, /) -> None:
        """In Java those that were put beside the aggregate go on, which are none."""
        self.forward(session, change, session.window.end_ms, NO_HEADERS)
