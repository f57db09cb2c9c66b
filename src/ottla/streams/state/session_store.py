"""Session stores: values by key, start and end of the session (Java: `RocksDBSessionStore` and what is around it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.duration import LONG_MAX
from ottla.streams.state import session_key
from ottla.streams.state.segmented_store import SegmentedStore
from ottla.streams.state.store import SessionStore
from ottla.streams.windows import Windowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class SegmentedSessionStore(SegmentedStore, SessionStore):
    kind = "session"
    suffix_size = session_key.SUFFIX_SIZE
    time_of = staticmethod(session_key.end_of)
    time_first = staticmethod(session_key.time_first)

    def windowed(self, store_key: bytes) -> Windowed[Any]:
        return Windowed(self.decode_key(session_key.record_key(store_key)), session_key.window_of(store_key))

    def put(self, session: Windowed[Any], value: Any | None) -> None:
        key, (start_ms, end_ms) = session
        self.write(session_key.session_key(self.encode_key(key), start_ms, end_ms), value)

    def remove(self, session: Windowed[Any]) -> None:
        key, (start_ms, end_ms) = session
        self.write(session_key.session_key(self.encode_key(key), start_ms, end_ms), None)

    def find_sessions(
        self, key: Any, earliest_end_ms: int, latest_start_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[Any], Any]]:
        if key is None:
            return self.find_sessions_range(None, None, earliest_end_ms, latest_start_ms, reverse=reverse)
        encoded = self.encode_key(key)
        first, last = session_key.first_session_key(encoded, earliest_end_ms), session_key.last_session_key(encoded)
        found = self.fetch_bytes(encoded, first, last, earliest_end_ms, LONG_MAX, reverse=reverse)
        window_of = session_key.window_of
        return (
            (Windowed(key, window), self.decode_value(value))
            for store_key, value in found
            if (window := window_of(store_key)).start_ms <= latest_start_ms
        )

    def fetch_session(self, key: Any, start_ms: int, end_ms: int) -> Any | None:
        return self.read(session_key.session_key(self.encode_key(key), start_ms, end_ms))

    def fetch(self, key: Any, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]:
        return self.find_sessions(key, 0, LONG_MAX, reverse=reverse)

    def fetch_range(
        self, first: Any | None, last: Any | None, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[Any], Any]]:
        return self.find_sessions_range(first, last, 0, LONG_MAX, reverse=reverse)

    def find_sessions_range(
        self,
        first: Any | None,
        last: Any | None,
        earliest_end_ms: int,
        latest_start_ms: int,
        *,
        reverse: bool = False,
    ) -> Iterator[tuple[Windowed[Any], Any]]:
        """The sessions of all keys from `first` to `last`; None is no bound."""
        keeps = self.key_filter(first, last, latest_start_ms)
        by_time = self._config.time_ordered
        return self.typed(self.scan_bytes(earliest_end_ms, LONG_MAX, keeps, reverse=reverse, by_time=by_time))

    def key_filter(self, first: Any | None, last: Any | None, latest_start_ms: int) -> Callable[[bytes], bool]:
        """Which store keys are of keys from one to another, and of sessions that start then at the latest."""
        low = None if first is None else self.encode_key(first)
        high = None if last is None else self.encode_key(last)

        def keeps(store_key: bytes) -> bool:
            key = session_key.record_key(store_key)
            if (low is not None and key < low) or (high is not None and key > high):
                return False
            return session_key.window_of(store_key).start_ms <= latest_start_ms

        return keeps

    @property
    def shows_expired(self) -> bool:
        """What is final shows until its segment goes; a store in memory forgets it to the millisecond."""
        return not self._config.time_ordered

    def sessions_that_end(self, earliest_ms: int, latest_ms: int) -> Iterator[tuple[Windowed[Any], Any]]:
        """All sessions that end from one time to another, by their ends: what is final by now."""
        return self.typed(self.due_bytes(earliest_ms, latest_ms, expired=self.shows_expired))

    def all(self) -> Iterator[tuple[Windowed[Any], Any]]:
        return self.find_sessions_range(None, None, 0, LONG_MAX)

    def typed(self, found: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[Windowed[Any], Any]]:
        return ((self.windowed(store_key), self.decode_value(value)) for store_key, value in found)
