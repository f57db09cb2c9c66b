"""When aggregates of windows and sessions go on: at each change, or once they are final (KIP-825).

On every update the new result goes on at once, or with the flush of the store's cache. On the close of a window
the results that became final since the last look are read from the store, at most once in an interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.change import Change
from ottla.streams.operator import Operator
from ottla.streams.operators.time_tracker import AGGREGATION_INTERVAL, TimeTracker, emit_interval_ms
from ottla.streams.windows import EmitStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.operator import OperatorContext, Push
    from ottla.streams.record import Headers

NO_KEY = "the record has no key"
NO_KEY_OR_VALUE = "the record has no key or no value"
EXPIRED = "the window has closed"


class EmittingAggregate(Operator):
    """`emitted_ms` is the close time of the windows up to which results went out, or -1."""

    emits_as = "window-aggregate-final-emit"

    def __init__(
        self,
        store_name: str,
        emit_strategy: EmitStrategy,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        self._store_name = store_name
        self._is_final = emit_strategy is EmitStrategy.ON_WINDOW_CLOSE
        self._initializer = initializer
        self._aggregator = aggregator
        self._send_old_values = send_old_values
        self._observed_ms = -1
        self.emitted_ms = -1
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
            self.emitted_ms = -1 if emitted_ms is None else emitted_ms
            self._tracker.interval_ms = emit_interval_ms(context.config, AGGREGATION_INTERVAL)
        else:
            self._is_cached = store.set_flush_listener(self.listener(), self._send_old_values)

    def emit_final(self, headers: Headers, close_ms: int) -> None:
        """Send the results of the windows that have closed since the last time."""
        if not self._is_final or not self._tracker.may_emit(self.context.wall_clock_ms()):
            return
        if self.emitted_ms != -1 and self.emitted_ms >= close_ms:
            return
        bounds = self.bounds(close_ms)
        if bounds is None:
            return
        forward = self.forward
        for windowed, aggregate, timestamp_ms in self.due(*bounds):
            forward(windowed, Change(aggregate, None), timestamp_ms, headers)
        self.emitted_ms = close_ms
        self.context.put_processor_metadata(self._store_name, close_ms)

    def listener(self) -> Push:
        """What hears of the changes that a cache held back."""
        raise NotImplementedError

    def bounds(self, close_ms: int) -> tuple[int, int] | None:
        """The first and the last time of the windows that are final by now and were not; None when there are none."""
        raise NotImplementedError

    def due(self, first_ms: int, last_ms: int) -> Iterator[tuple[Any, Any, int]]:
        """Windows within these bounds, with their aggregates and times."""
        raise NotImplementedError
