"""One event of a binary log, as it stands there: what its header says, and its body.

What a server has wrapped is unwrapped here: MySQL's compressed transactions (`Transaction_payload_event`) and MariaDB's
compressed events (`log_bin_compress`).
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.connectors.mysql.packed import packed_int

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER: Final = struct.Struct("<IBIIIH")
HEADER_BYTES: Final = _HEADER.size
CHECKSUM_BYTES: Final = 4
_PAYLOAD_END, _PAYLOAD_SIZE, _PAYLOAD_COMPRESSION, _PAYLOAD_UNCOMPRESSED_SIZE = range(4)
_ZSTD, _NOT_COMPRESSED = 0, 255
UNCOMPRESSED_BYTES_MAX: Final = 1 << 30
"""Of a compressed transaction; the server compresses none that is larger than its max_allowed_packet, at most this."""


class EventCode(IntEnum):
    """`Log_event_type` of both servers, as far as a connector looks at it."""

    QUERY = 2
    ROTATE = 4
    FORMAT_DESCRIPTION = 15
    XID = 16
    TABLE_MAP = 19
    WRITE_ROWS_V1 = 23
    UPDATE_ROWS_V1 = 24
    DELETE_ROWS_V1 = 25
    WRITE_ROWS = 30
    UPDATE_ROWS = 31
    DELETE_ROWS = 32
    GTID = 33
    ANONYMOUS_GTID = 34
    PREVIOUS_GTIDS = 35
    XA_PREPARE = 38
    PARTIAL_UPDATE_ROWS = 39
    TRANSACTION_PAYLOAD = 40
    GTID_TAGGED = 42
    MARIADB_GTID = 162
    MARIADB_QUERY_COMPRESSED = 165
    MARIADB_WRITE_ROWS_COMPRESSED_V1 = 166
    MARIADB_UPDATE_ROWS_COMPRESSED_V1 = 167
    MARIADB_DELETE_ROWS_COMPRESSED_V1 = 168
    MARIADB_WRITE_ROWS_COMPRESSED = 169
    MARIADB_UPDATE_ROWS_COMPRESSED = 170
    MARIADB_DELETE_ROWS_COMPRESSED = 171


class LogEvent(NamedTuple):
    ts_s: int
    code: int
    server_id: int
    size: int
    end_pos: int
    """0: it stands in no file."""
    body: bytes

    @property
    def pos(self) -> int:
        return self.end_pos - self.size


class PayloadError(ValueError):
    """A compressed transaction that cannot be read."""


def log_event(data: bytes, checksum_bytes: int) -> LogEvent:
    """Raises `struct.error` for bytes that are cut."""
    ts_s, code, server_id, size, end_pos, _ = _HEADER.unpack_from(data)
    end = len(data) - checksum_bytes if code != EventCode.FORMAT_DESCRIPTION else len(data)
    return LogEvent(ts_s, code, server_id, size, end_pos, data[HEADER_BYTES:end])


def has_checksums(description: LogEvent) -> bool:
    """What a format description says of the events behind it; itself it always has one."""
    return bool(description.body[-CHECKSUM_BYTES - 1])


def events_of_payload(payload: LogEvent) -> Iterator[LogEvent]:
    """Those of a compressed transaction; all of them end where it ends. Raises `PayloadError`."""
    fields: dict[int, int] = {}
    at = 0
    while True:
        kind, at = packed_int(payload.body, at)
        if kind == _PAYLOAD_END:
            break
        length, at = packed_int(payload.body, at)
        fields[kind] = packed_int(payload.body, at)[0]
        at += length
    data = payload.body[at:]
    compression = fields.get(_PAYLOAD_COMPRESSION, _NOT_COMPRESSED)
    if compression == _ZSTD:
        data = _decompressed(data, fields.get(_PAYLOAD_UNCOMPRESSED_SIZE, 0))
    elif compression != _NOT_COMPRESSED:
        raise PayloadError(f"a transaction is compressed in a way (number {compression}) that is not known")
    begin = 0
    while begin < len(data):
        event = log_event(data[begin : begin + _HEADER.unpack_from(data, begin)[3]], 0)
        yield event._replace(end_pos=payload.end_pos, size=payload.size)
        begin += event.size


def _decompressed(data: bytes, size: int) -> bytes:
    from cramjam import DecompressionError, zstd

    if not 0 < size <= UNCOMPRESSED_BYTES_MAX:
        raise PayloadError(f"a compressed transaction has {size} bytes, at most {UNCOMPRESSED_BYTES_MAX} are read")
    out = bytearray(size)
    try:
        count = zstd.decompress_into(data, out)
    except DecompressionError as error:
        raise PayloadError(f"a compressed transaction cannot be read: {error}") from error
    return bytes(out[:count])


def uncompressed(data: bytes) -> bytes:
    """What MariaDB compresses within an event: algorithm and bytes of the length in one byte, the length, zlib.

    Raises `PayloadError`.
    """
    try:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(data[1 + (data[0] & 7) :], UNCOMPRESSED_BYTES_MAX)
    except (zlib.error, IndexError) as error:
        raise PayloadError(f"a compressed event cannot be read: {error}") from error
    if unpacker.unconsumed_tail:
        raise PayloadError(f"a compressed event has more than {UNCOMPRESSED_BYTES_MAX} bytes")
    return found
