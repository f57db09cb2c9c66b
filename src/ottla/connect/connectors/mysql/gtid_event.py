"""The event with which a transaction begins, and the id that it tells.

MySQL's `Gtid_event`, whose tagged kind (8.3 and later) is a message of its serialization library, and MariaDB's.
"""

from __future__ import annotations

import struct
import uuid
from typing import Final

from ottla.connect.connectors.mysql.log_event import EventCode, LogEvent

_VERSION: Final = 1
_FLAGS, _UUID, _NUMBER, _TAG = range(4)
_UUID_BYTES: Final = 16
_MARIADB: Final = struct.Struct("<QI")


def gtid_of_event(event: LogEvent) -> str:
    """Raises `ValueError`, `IndexError` or `struct.error` for what is none."""
    body = event.body
    if event.code == EventCode.MARIADB_GTID:
        number, domain = _MARIADB.unpack_from(body)
        return f"{domain}-{event.server_id}-{number}"
    if event.code == EventCode.GTID:
        return f"{uuid.UUID(bytes=body[1:17])}:{int.from_bytes(body[17:25], 'little')}"
    return _tagged(body)


def _tagged(body: bytes) -> str:
    """Version, size, the last field that one must know; then fields behind their numbers, in order."""
    version, at = _varint(body, 0)
    if version != _VERSION:
        raise ValueError(f"a GTID of version {version}, which is not known")
    _, at = _varint(body, at)
    _, at = _varint(body, at)
    found: dict[int, object] = {}
    while _TAG not in found:
        field, at = _varint(body, at)
        if field == _UUID:
            octets = bytearray()
            for _ in range(_UUID_BYTES):
                octet, at = _varint(body, at)
                octets.append(octet)
            found[field] = uuid.UUID(bytes=bytes(octets))
        elif field == _TAG:
            length, at = _varint(body, at)
            found[field] = body[at : at + length].decode()
        elif field in (_FLAGS, _NUMBER):
            found[field], at = _varint(body, at)
        else:
            break
    number = found[_NUMBER]
    assert isinstance(number, int)
    tag = found.get(_TAG)
    return f"{found[_UUID]}:{f'{tag}:' if tag else ''}{number >> 1}"  # the lowest bit of a signed number is its sign


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """So many ones at the lowest end of the first byte, so many bytes follow."""
    first = data[at]
    more = next((place for place in range(8) if not first >> place & 1), 8)
    end = at + 1 + more
    if end > len(data):
        raise IndexError("a GTID is cut")
    if more == 8:
        return int.from_bytes(data[at + 1 : end], "little"), end
    return int.from_bytes(data[at:end], "little") >> more + 1, end
