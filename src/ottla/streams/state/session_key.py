"""The keys of a session store and of its changelog: the record's key, 8 bytes of the end, 8 of the start.

Java: `SessionKeySchema`. The end comes first because sessions are found, and expire, by when they end.
"""

from __future__ import annotations

import struct
from typing import Final

from ottla.streams.duration import LONG_MAX
from ottla.streams.windows import Window

SUFFIX_SIZE: Final = 16

_SUFFIX: Final = struct.Struct(">qq")
_END: Final = struct.Struct(">q")


def session_key(key: bytes, start_ms: int, end_ms: int) -> bytes:
    return key + _SUFFIX.pack(end_ms, start_ms)


def first_session_key(key: bytes, earliest_end_ms: int) -> bytes:
    return key + _SUFFIX.pack(max(0, earliest_end_ms), 0)


def last_session_key(key: bytes) -> bytes:
    return key + _SUFFIX.pack(LONG_MAX, LONG_MAX)


def end_of(store_key: bytes) -> int:
    end_ms: int = _END.unpack_from(store_key, len(store_key) - SUFFIX_SIZE)[0]
    return end_ms


def window_of(store_key: bytes) -> Window:
    end_ms, start_ms = _SUFFIX.unpack_from(store_key, len(store_key) - SUFFIX_SIZE)
    return Window(start_ms, end_ms)


def record_key(store_key: bytes) -> bytes:
    return store_key[:-SUFFIX_SIZE]


def time_first(store_key: bytes) -> bytes:
    """By this the sessions of a store for final results are ordered: end, start, key."""
    return store_key[-SUFFIX_SIZE:] + store_key[:-SUFFIX_SIZE]
