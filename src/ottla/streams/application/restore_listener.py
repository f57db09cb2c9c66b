"""What an application hears of restorations (`StateRestoreListener`, `StandbyUpdateListener`), and one line of it."""

from __future__ import annotations

import sys
import time
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TextIO

if TYPE_CHECKING:
    from ottla.streams.record import TopicPartition

LINE_INTERVAL_S: Final = 0.2


class StateRestoreListener(Protocol):
    """Called by the threads that restore; the store must not be touched."""

    def on_restore_start(self, partition: TopicPartition, store: str, start_offset: int, end_offset: int) -> None: ...

    def on_batch_restored(self, partition: TopicPartition, store: str, batch_end_offset: int, records: int) -> None: ...

    def on_restore_end(self, partition: TopicPartition, store: str, total_restored: int) -> None: ...

    def on_restore_suspended(self, partition: TopicPartition, store: str, total_restored: int) -> None: ...


class NoRestoreListener:
    def on_restore_start(self, partition: TopicPartition, store: str, start_offset: int, end_offset: int) -> None: ...

    def on_batch_restored(self, partition: TopicPartition, store: str, batch_end_offset: int, records: int) -> None: ...

    def on_restore_end(self, partition: TopicPartition, store: str, total_restored: int) -> None: ...

    def on_restore_suspended(self, partition: TopicPartition, store: str, total_restored: int) -> None: ...


class SuspendReason(Enum):
    """Why a copy is no longer followed."""

    PROMOTED = "PROMOTED"
    """It becomes the active task."""
    MIGRATED = "MIGRATED"
    """Another instance has it now, or this one closes."""


class StandbyUpdateListener(Protocol):
    """What copies do (KIP-988), as `StateRestoreListener`. `end_offset` is the changelog's, as far as it is known."""

    def on_update_start(self, partition: TopicPartition, store: str, start_offset: int) -> None: ...

    def on_batch_loaded(
        self, partition: TopicPartition, store: str, batch_end_offset: int, records: int, end_offset: int
    ) -> None: ...

    def on_update_suspended(
        self, partition: TopicPartition, store: str, store_offset: int, end_offset: int, reason: SuspendReason
    ) -> None: ...


class NoStandbyListener:
    def on_update_start(self, partition: TopicPartition, store: str, start_offset: int) -> None: ...

    def on_batch_loaded(
        self, partition: TopicPartition, store: str, batch_end_offset: int, records: int, end_offset: int
    ) -> None: ...

    def on_update_suspended(
        self, partition: TopicPartition, store: str, store_offset: int, end_offset: int, reason: SuspendReason
    ) -> None: ...


class Listeners(NamedTuple):
    restoring: StateRestoreListener
    copies: StandbyUpdateListener


class RestoreProgress:
    """One line for all that is being restored, rewritten in place on a terminal, else a line at the end.

    Nothing where there is nothing to restore.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._ranges: dict[TopicPartition, tuple[int, int, int]] = {}
        self._restored = 0
        self._began_s = 0.0
        self._written_s = 0.0

    def on_restore_start(self, partition: TopicPartition, store: str, start_offset: int, end_offset: int) -> None:
        if not self._ranges:
            self._restored, self._began_s = 0, time.monotonic()
        self._ranges[partition] = (start_offset, start_offset, end_offset)
        if start_offset < end_offset:
            self._write()

    def on_batch_restored(self, partition: TopicPartition, store: str, batch_end_offset: int, records: int) -> None:
        start, _, end = self._ranges.get(partition, (0, 0, batch_end_offset))
        self._ranges[partition] = (start, batch_end_offset, end)
        self._restored += records
        self._write()

    def on_restore_end(self, partition: TopicPartition, store: str, total_restored: int) -> None:
        start, _, end = self._ranges.get(partition, (0, 0, 0))
        self._ranges[partition] = (start, end, end)
        if all(position >= last for _, position, last in self._ranges.values()):
            if self._restored:
                self._write(last=True)
            self._ranges.clear()

    def on_restore_suspended(self, partition: TopicPartition, store: str, total_restored: int) -> None:
        self._ranges.pop(partition, None)

    def line(self) -> str:
        whole = sum(end - start for start, _, end in self._ranges.values())
        done = sum(min(position, end) - start for start, position, end in self._ranges.values())
        percent = 100 if not whole else 100 * done // whole
        seconds = max(time.monotonic() - self._began_s, 0.001)
        rate = self._restored / seconds
        return f"restoring {len(self._ranges)} changelogs: {percent} %, {self._restored:,} records, {rate:,.0f}/s"

    def _write(self, *, last: bool = False) -> None:
        now_s = time.monotonic()
        terminal = self._out.isatty()
        if not last and (not terminal or now_s - self._written_s < LINE_INTERVAL_S):
            return
        self._written_s = now_s
        self._out.write(f"\r{self.line()}\x1b[K" if terminal else self.line())
        if last or not terminal:
            self._out.write("\n")
        self._out.flush()
