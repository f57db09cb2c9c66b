"""The store of a materialized table, as its operator uses it: `KeyValueStoreWrapper` and `TimestampedTupleForwarder`.

With a cache the store alone forwards, when it is flushed; without one the operator does, after each put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.change import Change
from ottla.streams.state.store import ValueAndTimestamp, VersionedKeyValueStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext, Push
    from ottla.streams.record import Headers

_new: Final = tuple.__new__  # of named tuples: a third less than to call them


class TableStore:
    """Of a timestamped store or a versioned one."""

    __slots__ = ("_forward", "_get", "_put", "_versioned", "get", "is_cached", "send_old_values")

    def __init__(self, context: OperatorContext, name: str, send_old_values: bool) -> None:
        store: Any = context.store(name)
        self._forward = context.forward
        self._versioned = isinstance(store, VersionedKeyValueStore)
        self._get = store.get
        self._put = store.put
        self.get: Callable[[Any], ValueAndTimestamp | None] = self._get_versioned if self._versioned else store.get
        self.send_old_values = send_old_values
        listener = _forward_flushed(context.forward)
        self.is_cached: bool = store.set_flush_listener(listener, send_old_values)

    def _get_versioned(self, key: Any) -> ValueAndTimestamp | None:
        found = self._get(key)
        return None if found is None else ValueAndTimestamp(found.value, found.timestamp_ms)

    def value_of(self, key: Any) -> Any:
        found = self._get(key)
        return None if found is None else found[0]

    def put(self, key: Any, value: Any, timestamp_ms: int) -> bool | None:
        """Whether the value is the newest of its key; None when it came too late and was not put."""
        if not self._versioned:
            self._put(key, None if value is None else ValueAndTimestamp(value, timestamp_ms))
            return True
        valid_to_ms = self._put(key, value, timestamp_ms)
        if valid_to_ms is None:
            return True
        return None if valid_to_ms < 0 else False

    def put_and_forward(self, key: Any, new: Any, old: Any, timestamp_ms: int, headers: Headers) -> None:
        """What is not put is not forwarded either."""
        if not self._versioned:
            self._put(key, None if new is None else _new(ValueAndTimestamp, (new, timestamp_ms)))
            if not self.is_cached:
                old = old if self.send_old_values else None
                self._forward(key, _new(Change, (new, old, True)), timestamp_ms, headers)
            return
        is_latest = self.put(key, new, timestamp_ms)
        if is_latest is not None and not self.is_cached:
            self._forward(key, Change(new, old if self.send_old_values else None, is_latest), timestamp_ms, headers)


def _forward_flushed(forward: Push) -> Push:
    def listener(key: Any, change: Any, timestamp_ms: int, headers: Headers, /) -> None:
        new, old, is_latest = change
        if new is not None:
            new, timestamp_ms = new
        forward(key, _new(Change, (new, None if old is None else old[0], is_latest)), timestamp_ms, headers)

    return listener
