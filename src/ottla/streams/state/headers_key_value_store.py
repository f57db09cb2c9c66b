"""Key-value stores that keep headers beside value and timestamp (Java: `TimestampedKeyValueStoreWithHeaders`, 4.3).

    key ─► headers ‖ 8 bytes of time ‖ value           `headers_bytes.py` has the first of them

In the changelog: the value, in a record of that time and those headers; a deletion has the headers of its record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.state.cached_key_value_store import CachedKeyValueStore
from ottla.streams.state.headers_bytes import headed, read_headers
from ottla.streams.state.key_value_store import TIMESTAMP, TIMESTAMP_SIZE, TypedKeyValueStore
from ottla.streams.state.store import ValueTimestampHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.streams.record import Headers


class HeadersKeyValueStore(TypedKeyValueStore):
    """Its values are `ValueTimestampHeaders`."""

    def data_of(self, value: Any) -> bytes | None:
        data = self._serialize_value(self._topic, value[0], value[2])
        return None if data is None else headed(value[2]) + TIMESTAMP.pack(value[1]) + data

    def value_of(self, data: bytes) -> Any:
        headers, at = read_headers(data)
        value = self._deserialize_value(self._topic, data[at + TIMESTAMP_SIZE :], headers)
        return ValueTimestampHeaders(value, TIMESTAMP.unpack_from(data, at)[0], headers)

    def write(self, key: bytes, data: bytes | None, timestamp_ms: int) -> None:
        self.bytes_store.put(key, data)
        if self._log is None:
            return
        if data is None:
            self._log(key, None, timestamp_ms, self._record.headers)
            return
        headers, at = read_headers(data)
        self._log(key, data[at + TIMESTAMP_SIZE :], TIMESTAMP.unpack_from(data, at)[0], headers)

    def write_value(self, key: bytes, value: Any, timestamp_ms: int) -> None:
        self.write(key, self.data_of(value), timestamp_ms)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        self.bytes_store.put_all(
            (key, None if value is None else headed(headers) + TIMESTAMP.pack(timestamp_ms) + value)
            for key, value, timestamp_ms, headers in records
        )


class CachedHeadersKeyValueStore(HeadersKeyValueStore, CachedKeyValueStore):
    pass
