"""Values as a store has them, and as a query wants them: alone, with their time, or with headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.state.headers_key_value_store import HeadersKeyValueStore
from ottla.streams.state.headers_segmented_store import HeadersSessionStore, HeadersWindowStore
from ottla.streams.state.store import KeyValueStore, ValueAndTimestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.state.store import StateStore


def is_timestamped(store: StateStore) -> bool:
    return bool(getattr(store, "timestamped", False))


def has_headers(store: StateStore) -> bool:
    return isinstance(store, HeadersKeyValueStore | HeadersWindowStore | HeadersSessionStore)


def is_key_value(store: StateStore) -> bool:
    return isinstance(store, KeyValueStore)


def as_it_is(stored: Any) -> Any:
    return stored


def plain(store: StateStore) -> Callable[[Any], Any]:
    """What makes a value alone of what the store has."""
    return _first if is_timestamped(store) or has_headers(store) else as_it_is


def timestamped(store: StateStore) -> Callable[[Any], Any]:
    """What makes `ValueAndTimestamp` of what a timestamped store has."""
    return _without_headers if has_headers(store) else as_it_is


def _first(stored: Any) -> Any:
    return None if stored is None else stored[0]


def _without_headers(stored: Any) -> Any:
    return None if stored is None else ValueAndTimestamp(stored[0], stored[1])
