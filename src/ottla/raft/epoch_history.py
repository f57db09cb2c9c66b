"""At which offset each leader epoch of the log begins: what tells two logs that diverged apart. KIP-101, 595, 630.

    epoch     3        5     6
    offset    0 ...... 17 .. 20 ...... end          5 ends at 20; 4 is not there: what is below it ends at 17

A log that starts at a snapshot begins with the snapshot's epoch.
"""

from collections.abc import Iterable
from typing import NamedTuple


class OffsetAndEpoch(NamedTuple):
    """Where an epoch ends (exclusive), or a log."""

    offset: int
    epoch: int


class EpochHistory:
    def __init__(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        """`entries`: (epoch, its first offset), ascending."""
        self._entries = list(entries)
        self._snapshot: OffsetAndEpoch | None = None

    @property
    def last_epoch(self) -> int:
        """0 of a log that never had a record."""
        if self._entries:
            return self._entries[-1][0]
        return self._snapshot.epoch if self._snapshot is not None else 0

    @property
    def entries(self) -> list[tuple[int, int]]:
        return list(self._entries)

    def assign(self, epoch: int, offset: int) -> None:
        """A record of `epoch` stands at `offset`."""
        if not self._entries or epoch > self._entries[-1][0]:
            self._entries.append((epoch, offset))

    def truncate_to(self, offset: int) -> None:
        """What stood at `offset` and after it is gone."""
        while self._entries and self._entries[-1][1] >= offset:
            self._entries.pop()

    def start_at(self, snapshot: OffsetAndEpoch) -> None:
        """The log is empty, and what came before is in a snapshot."""
        self._entries.clear()
        self._snapshot = snapshot

    def set_snapshot(self, snapshot: OffsetAndEpoch | None) -> None:
        """The snapshot at which the log starts, if it does not start at 0; entries stay."""
        self._snapshot = snapshot

    def end_of(self, epoch: int, log_end_offset: int) -> OffsetAndEpoch:
        """Where the largest epoch ends that is not above `epoch`. The log's end for one that is above all."""
        if self._snapshot is not None and epoch == self._snapshot.epoch and not self._contains(epoch):
            return self._snapshot
        if not self._entries or epoch > self._entries[-1][0]:
            return OffsetAndEpoch(log_end_offset, self.last_epoch)
        if epoch == self._entries[-1][0]:
            return OffsetAndEpoch(log_end_offset, epoch)
        below = epoch
        for entry_epoch, start in self._entries:
            if entry_epoch > epoch:
                return OffsetAndEpoch(start, below)
            below = entry_epoch
        raise AssertionError("the last epoch is above")

    def _contains(self, epoch: int) -> bool:
        return any(entry_epoch == epoch for entry_epoch, _ in self._entries)
