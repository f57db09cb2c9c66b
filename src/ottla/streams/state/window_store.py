"""Window stores: values by key and start of the window (Java: `RocksDBWindowStore` and the layers around it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.duration import LONG_MAX
from ottla.streams.state import window_key
from ottla.streams.state.segmented_store import SegmentedConfig, SegmentedStore
from ottla.streams.state.store import WindowStore
from ottla.streams.windows import Windowed, time_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_new: Final = tuple.__new__


class SegmentedWindowStore(SegmentedStore, WindowStore):
    kind = "window"
    """With `retain_duplicates` each put adds an entry, under the next sequence number, and None is not put at all."""

    suffix_size = window_key.SUFFIX_SIZE
    time_of = staticmethod(window_key.start_of)
    time_first = staticmethod(window_key.time_first)

    def __init__(self, config: SegmentedConfig, window_size_ms: int, *, retain_duplicates: bool = False) -> None:
        super().__init__(config)
        self.window_size_ms = window_size_ms
        self.retain_duplicates = retain_duplicates
        self._window = time_window(0, window_size_ms)
        self._sequence = 0
        self._logged_sequence = 0

    def windowed(self, store_key: bytes) -> Windowed[Any]:
        key = self._deserialize_key(self._topic, store_key[: -window_key.SUFFIX_SIZE])
        start_ms = window_key.start_of(store_key)
        window = self._window
        if start_ms != window.start_ms:  # mostly that of the entry before
            window = self._window = time_window(start_ms, self.window_size_ms)
        return _new(Windowed, (key, window))

    def put(self, key: Any, value: Any | None, window_start_ms: int) -> None:
        encoded = self.encode_key(key)
        if self.retain_duplicates:
            self._add(encoded, self.encode_value(value), window_start_ms)
        else:
            self.write(window_key.window_key(encoded, window_start_ms), value)

    def _add(self, key: bytes, value: bytes | None, window_start_ms: int) -> None:
        """As in Java the changelog counts by itself, and hears of each None as the deletion of an entry never made."""
        self._logged_sequence = (self._logged_sequence + 1) & window_key.INT_MAX
        if value is not None:
            self._sequence = (self._sequence + 1) & window_key.INT_MAX
            self.store_bytes(window_key.window_key(key, window_start_ms, self._sequence), value)
        self.log_bytes(window_key.window_key(key, window_start_ms, self._logged_sequence), value)

    def get(self, key: Any, window_start_ms: int) -> Any | None:
        return self.read(self.store_key(key, window_start_ms))

    def store_key(self, key: Any, window_start_ms: int) -> bytes:
        """For `read` and `write`, which an aggregation does one after the other."""
        if key is None or self._context is None:
            self.encode_key(key)  # which says what is wrong
        encoded: Any = self._serialize_key(self._topic, key)
        made: bytes = encoded + window_key.SUFFIX.pack(window_start_ms, self._sequence)
        return made

    def fetch(self, key: Any, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[int, Any]]:
        encoded = self.encode_key(key)
        if to_ms < 0:
            return iter(())
        first, last = window_key.first_window_key(encoded, from_ms), window_key.last_window_key(encoded, to_ms)
        found = self.fetch_bytes(encoded, first, last, from_ms, to_ms, reverse=reverse)
        start_of, decode = window_key.start_of, self.decode_value
        return ((start_of(store_key), decode(value)) for store_key, value in found)

    def fetch_range(
        self, first: Any | None, last: Any | None, from_ms: int, to_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[Any], Any]]:
        keeps = self.key_filter(first, last)
        by_time = self._config.time_ordered and not self._config.indexed_by_key
        return self.typed(self.scan_bytes(from_ms, to_ms, keeps, reverse=reverse, by_time=by_time))

    def key_filter(self, first: Any | None, last: Any | None) -> Callable[[bytes], bool]:
        """Which store keys are of keys from one to another, both inclusive; None is no bound."""
        low = None if first is None else self.encode_key(first)
        high = None if last is None else self.encode_key(last)

        def keeps(store_key: bytes) -> bool:
            key = window_key.record_key(store_key)
            return (low is None or key >= low) and (high is None or key <= high)

        return keeps

    def fetch_all(self, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]:
        return self._scan(from_ms, to_ms, reverse)

    def all(self, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]:
        return self._scan(0, LONG_MAX, reverse)

    def _scan(self, from_ms: int, to_ms: int, reverse: bool) -> Iterator[tuple[Windowed[Any], Any]]:
        by_time = self._config.time_ordered
        return self.typed(self.scan_bytes(from_ms, to_ms, None, reverse=reverse, by_time=by_time))

    def windows_due(self, from_ms: int, to_ms: int) -> Iterator[tuple[Windowed[Any], Any]]:
        """As `fetch_all`, by time, for who asks again and again for what has become final."""
        return self.typed(self.due_bytes(from_ms, to_ms))

    def typed(self, found: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[Windowed[Any], Any]]:
        return ((self.windowed(store_key), self.decode_value(value)) for store_key, value in found)


class TimestampedWindowStore(SegmentedWindowStore):
    """Values are `ValueAndTimestamp`: the store of every windowed aggregation."""

    timestamped = True
