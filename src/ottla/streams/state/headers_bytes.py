"""The headers that stand before a stored value (KIP-1271, Java: `HeadersSerializer`).

varint size of the headers ‖ headers           headers    nothing, or varint count ‖ header …
header    varint size ‖ name ‖ varint size or -1 ‖ value
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.protocol.varint import decode_varint, encode_varint

if TYPE_CHECKING:
    from ottla.streams.record import Headers

_NULL: Final = encode_varint(-1)


def headed(headers: Headers) -> bytes:
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


def read_headers(data: bytes) -> tuple[Headers, int]:
    """The headers, and where they end."""
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
