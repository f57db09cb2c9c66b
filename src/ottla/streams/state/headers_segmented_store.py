"""Stores of windows and of sessions that keep headers beside the value (Java 4.3: `TimestampedWindowStoreWithHeaders`,
`SessionStoreWithHeaders`).

    window     store key ─► headers ‖ 8 bytes of time ‖ value           `headers_bytes.py` has the first of them
    session    store key ─► headers ‖ value

In the changelog: the value in a record of those headers, and of the window's time; a deletion has the headers of the
record that caused it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.state.headers_bytes import headed, read_headers
from ottla.streams.state.segmented_store import TIMESTAMP
from ottla.streams.state.session_store import SegmentedSessionStore
from ottla.streams.state.store import AggregationWithHeaders, ValueTimestampHeaders
from ottla.streams.state.window_store import SegmentedWindowStore

if TYPE_CHECKING:
    from ottla.streams.record import Headers
    from ottla.streams.state.store import StoreContext


class HeadersWindowStore(SegmentedWindowStore):
    """Its values are `ValueTimestampHeaders`."""

    timestamped = True

    def open(self, context: StoreContext) -> None:
        super().open(context)
        self._immutable = None  # the cache holds bytes: a value has more to it than its serde knows

    def encode_value(self, value: Any) -> bytes | None:
        if value is None:
            return None
        inner, timestamp_ms, headers = value
        data = self._serialize_value(self._topic, inner, headers)
        return None if data is None else headed(headers) + TIMESTAMP.pack(timestamp_ms) + data

    def decode_value(self, value: bytes | None) -> Any:
        if value is None:
            return None
        headers, at = read_headers(value)
        inner = self._deserialize_value(self._topic, value[at + TIMESTAMP.size :], headers)
        return ValueTimestampHeaders(inner, TIMESTAMP.unpack_from(value, at)[0], headers)

    def restored_value(self, value: bytes, timestamp_ms: int, headers: Headers) -> bytes:
        return headed(headers) + TIMESTAMP.pack(timestamp_ms) + value

    def log_bytes(self, store_key: bytes, value: bytes | None) -> None:
        if self._changelog is None:
            return
        if value is None:
            self._changelog(store_key, None, self._record.timestamp_ms, self._record.headers)
            return
        headers, at = read_headers(value)
        self._changelog(store_key, value[at + TIMESTAMP.size :], TIMESTAMP.unpack_from(value, at)[0], headers)


class HeadersSessionStore(SegmentedSessionStore):
    """Its values are `AggregationWithHeaders`."""

    def open(self, context: StoreContext) -> None:
        super().open(context)
        self._immutable = None

    def encode_value(self, value: Any) -> bytes | None:
        if value is None:
            return None
        aggregation, headers = value
        data = self._serialize_value(self._topic, aggregation, headers)
        return None if data is None else headed(headers) + data

    def decode_value(self, value: bytes | None) -> Any:
        if value is None:
            return None
        headers, at = read_headers(value)
        return AggregationWithHeaders(self._deserialize_value(self._topic, value[at:], headers), headers)

    def restored_value(self, value: bytes, timestamp_ms: int, headers: Headers) -> bytes:
        return headed(headers) + value

    def log_bytes(self, store_key: bytes, value: bytes | None) -> None:
        if self._changelog is None:
            return
        timestamp_ms, headers, at = self._record.timestamp_ms, self._record.headers, 0
        if value is not None:
            headers, at = read_headers(value)
        self._changelog(store_key, None if value is None else value[at:], timestamp_ms, headers)
