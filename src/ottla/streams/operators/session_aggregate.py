"""Aggregation over sessions (Java: `KStreamSessionWindowAggregate`).

A record joins all sessions that lie within the gap of it: they are removed, and one that spans them and the record
takes their place. Whether it comes too late is asked of the session that would be, not of the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.change import Change
from ottla.streams.operators.final_emission import EXPIRED, NO_KEY, EmittingAggregate
from ottla.streams.record import NO_HEADERS
from ottla.streams.windows import Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers
    from ottla.streams.windows import EmitStrategy, SessionWindows


class SessionAggregate(EmittingAggregate):
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
        super().__init__(store_name, emit_strategy, initializer, aggregator, send_old_values)
        self._gap_ms = windows.inactivity_gap_ms
        self._closes_after_ms = windows.grace_period_ms + windows.inactivity_gap_ms
        self._merger = merger

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
            self.emit_final(headers, close_ms)

    def _updated(self, session: Windowed[Any], new: Any, old: Any) -> None:
        """The headers of the record do not go on with its session, unless a cache is between: as in Java."""
        if not self._is_cached:
            change = Change(new, old if self._send_old_values else None)
            self.forward(session, change, session.window.end_ms, NO_HEADERS)

    def bounds(self, close_ms: int) -> tuple[int, int] | None:
        first, last = max(0, self.emitted_ms), close_ms - 1
        return None if last < first else (first, last)

    def due(self, first_ms: int, last_ms: int) -> Iterator[tuple[Any, Any, int]]:
        for session, aggregate in self._store.sessions_that_end(first_ms, last_ms):
            yield session, aggregate, session.window.end_ms

    def listener(self) -> Push:
        return self._flushed_without_headers if self._store.has_headers_format else self._flushed

    def _flushed(self, session: Any, change: Change, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(session, change, session.window.end_ms, headers)

    def _flushed_without_headers(self, session: Any, change: Change, timestamp_ms: int, headers: Headers, /) -> None:
        """In Java those that were put beside the aggregate go on, which are none."""
        self.forward(session, change, session.window.end_ms, NO_HEADERS)
