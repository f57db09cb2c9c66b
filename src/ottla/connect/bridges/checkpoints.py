"""Records of a stream, and the state that may be stored when they are written. Pure.

A state covers the records before it. Each record goes with the last state that is known to cover all before it; the
newest record of each source partition is kept back until it is known which that is:

    RECORD a, RECORD b, STATE 1, STATE 2, RECORD c     a goes with nothing, b with 2; c waits

so that whoever starts again from what is stored misses nothing. Where every record that is kept back is covered a
transaction may end (`boundaries`, KIP-618).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import SourceRecord


class Checkpoints:
    """`key` names a source partition; at most one record of each is kept back."""

    def __init__(self) -> None:
        self._held: dict[str, SourceRecord] = {}
        self._covered: set[str] = set()
        self._offsets: dict[str, Mapping[str, Any]] = {}
        self.boundaries: list[SourceRecord] = []
        """Records behind which everything is covered, of those that were let go since somebody emptied this."""

    def begin(self, key: str, offset: Mapping[str, Any]) -> None:
        """Where the partition stands before its first record."""
        self._offsets[key] = offset

    def record(self, key: str, record: SourceRecord) -> list[SourceRecord]:
        """What may go now that this one has come."""
        released = self.release_covered()
        if not released and (previous := self._held.pop(key, None)) is not None:
            released = [previous]
        record.source_offset = self._offsets.get(key)
        self._held[key] = record
        self._covered.discard(key)
        return released

    def state(self, key: str, offset: Mapping[str, Any]) -> None:
        self._offsets[key] = offset
        held = self._held.get(key)
        if held is not None:
            held.source_offset = offset
            self._covered.add(key)

    def release_covered(self) -> list[SourceRecord]:
        """All that is kept back, if all of it is covered."""
        if not self._held or len(self._covered) < len(self._held):
            return []
        released = self.release()
        self.boundaries.append(released[-1])
        return released

    def release(self) -> list[SourceRecord]:
        released = list(self._held.values())
        self._held.clear()
        self._covered.clear()
        return released
