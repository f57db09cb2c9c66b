"""The keys of a window store: the record's key, 8 bytes of the window's start, 4 bytes of a sequence number.

They are the keys of its changelog, too (Java: `WindowKeySchema`). The number is 0 except where duplicates are retained.
"""

from __future__ import annotations

import struct
from typing import Final

from ottla.streams.duration import LONG_MAX

SUFFIX_SIZE: Final = 12
INT_MAX: Final = 2**31 - 1

SUFFIX: Final = struct.Struct(">qi")
_START: Final = struct.Struct(">q")


def window_key(key: bytes, start_ms: int, sequence: int = 0) -> bytes:
    return key + SUFFIX.pack(start_ms, sequence)


def first_window_key(key: bytes, from_ms: int) -> bytes:
    return key + SUFFIX.pack(max(0, from_ms), 0)


def last_window_key(key: bytes, to_ms: int) -> bytes:
    return key + SUFFIX.pack(min(to_ms, LONG_MAX), INT_MAX)


def start_of(store_key: bytes) -> int:
    start_ms: int = _START.unpack_from(store_key, len(store_key) - SUFFIX_SIZE)[0]
    return start_ms


def record_key(store_key: bytes) -> bytes:
    return store_key[:-SUFFIX_SIZE]


def time_first(store_key: bytes) -> bytes:
    """By this the windows of a store for final results are ordered: start, key, sequence number."""
    return store_key[-SUFFIX_SIZE:-4] + store_key[:-SUFFIX_SIZE] + store_key[-4:]
