"""Key-value stores that keep headers beside value and timestamp (Java: `TimestampedKeyValueStoreWithHeaders`, 4.3).

    key ─► varint size of the headers ‖ headers ‖ 8 bytes of time ‖ value
    headers    nothing, or varint count ‖ (varint size ‖ name ‖ varint size or -1 ‖ value) …

In the changelog: the value, in a record of that time and those headers; a deletion has the headers of its record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.protocol.varint import decode_varint, encode_varint
from ottla.streams.state.cached_key_value_store import CachedKeyValueStore
from ottla.streams.state.key_value_store import TIMESTAMP, TIMESTAMP_SIZE, TypedKeyValueStore
from ottla.streams.state.store import ValueTimestampHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.streams.record import Headers

_NULL = encode_varint(-1)


class HeadersKeyValueStore(TypedKeyValueStore):
    """Its values are `ValueTimestampHeaders`."""

    def data_of(self, value: Any) -> bytes | None:
        data = self._serialize_value(self._topic, value[0], value[2])
        return None if data is None else _headed(value[2]) + TIMESTAMP.pack(value[1]) + data

    def value_of(self, data: bytes) -> Any:
        headers, at = _read_headers(data)
        value = self._deserialize_value(self._topic, data[at + TIMESTAMP_SIZE :], headers)
        return ValueTimestampHeaders(value, TIMESTAMP.unpack_from(data, at)[0], headers)

    def write(self, key: bytes, data: bytes | None, timestamp_ms: int) -> None:
        self.bytes_store.put(key, data)
        if self._log is None:
            return
        if data is None:
            self._log(key, None, timestamp_ms, self._record.headers)
            return
        headers, at = _read_headers(data)
        self._log(key, data[at + TIMESTAMP_SIZE :], TIMESTAMP.unpack_from(data, at)[0], headers)

    def write_value(self, key: bytes, value: Any, timestamp_ms: int) -> None:
        self.write(key, self.data_of(value), timestamp_ms)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        self.bytes_store.put_all(
            (key, None if value is None else _headed(headers) + TIMESTAMP.pack(timestamp_ms) + value)
            for key, value, timestamp_ms, headers in records
        )


class CachedHeadersKeyValueStore(HeadersKeyValueStore, CachedKeyValueStore):
    pass


def _headed(headers: Headers) -> bytes:
    """The size of the headers, and they."""
    if not headers:
        return b"\x00"
    parts = [encode_varint(len(headers))]
    for name, value in headers:
        key = name.encode()
        parts += (encode_varint(len(key)), key)
        parts += (_NULL,) if value is None else (encode_varint(len(value)), value)
    data = b"".join(parts)
    return encode_varint(len(data)) + data


def _read_headers(data: bytes) -> tuple[Headers, int]:
    size, at = decode_varint(data, 0)
    if size == 0:
        return (), at
    count, at = decode_varint(data, at)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        size, at = decode_varint(data, at)
        name = data[at : at + size].decode()
        size, at = decode_varint(data, at + size)
        headers.append((name, None if size < 0 else data[at : at + size]))
        at += max(size, 0)
    return tuple(headers), at
