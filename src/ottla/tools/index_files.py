"""The entries of `.index`, `.timeindex` and `.txnindex` files, with offsets as they are, not relative.

Apache Kafka takes the space of the indexes that it writes to beforehand, and gives it back when it rolls or stops: a
rest of zeros is no entry.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import NamedTuple

_OFFSET_ENTRY = Struct(">ii")
_TIME_ENTRY = Struct(">qi")
_TRANSACTION_ENTRY = Struct(">hqqqq")


class IndexFileError(Exception):
    """The file cannot be an index of its kind."""


class OffsetEntry(NamedTuple):
    offset: int
    position: int


class TimeEntry(NamedTuple):
    timestamp: int
    offset: int


class AbortedTransaction(NamedTuple):
    version: int
    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


def offset_entries(data: bytes, base_offset: int) -> list[OffsetEntry]:
    found = [OffsetEntry(base_offset + each[0], each[1]) for each in _entries(_OFFSET_ENTRY, _without_space(data, 8))]
    for before, after in pairwise(found):
        if after.offset <= before.offset or after.position <= before.position:
            raise IndexFileError(f"entry {after} does not follow {before}")
    return found


def time_entries(data: bytes, base_offset: int) -> list[TimeEntry]:
    found = [TimeEntry(each[0], base_offset + each[1]) for each in _entries(_TIME_ENTRY, _without_space(data, 12))]
    for before, after in pairwise(found):
        if after.timestamp <= before.timestamp or after.offset < before.offset:
            raise IndexFileError(f"entry {after} does not follow {before}")
    return found


def transaction_entries(data: bytes) -> list[AbortedTransaction]:
    found = [AbortedTransaction(*each) for each in _entries(_TRANSACTION_ENTRY, data)]
    for each in found:
        if each.version != 0 or each.first_offset > each.last_offset:
            raise IndexFileError(f"entry {each} cannot be")
    return found


def _entries(entry: Struct, data: bytes) -> list[tuple[int, ...]]:
    if len(data) % entry.size:
        raise IndexFileError(f"{len(data)} bytes are not a multiple of {entry.size}")
    return list(entry.iter_unpack(data))


def _without_space(data: bytes, entry_size: int) -> bytes:
    """Whole entries up to the last with something in it; one of zeros may stand first, as offset 0 at position 0."""
    used = len(data.rstrip(b"\0"))
    whole = -(-used // entry_size) * entry_size
    if not used and data:
        return b""
    return data[:whole] if whole <= len(data) else data
