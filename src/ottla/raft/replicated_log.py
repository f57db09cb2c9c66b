"""The ports to the quorum's log and its snapshots: what consensus needs to read. Files stand behind them in a node.

Consensus writes nothing itself: it asks for it by effects, and counts on them to be done before its next event.
"""

from collections.abc import Sequence
from typing import Protocol

from ottla.raft.snapshot_id import SnapshotId


class ReplicatedLog(Protocol):
    @property
    def start_offset(self) -> int: ...

    @property
    def end_offset(self) -> int:
        """The offset that the next record gets."""
        ...

    @property
    def epochs(self) -> Sequence[tuple[int, int]]:
        """(leader epoch, its first offset), ascending."""
        ...

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Whole batches from `offset` on, at least one if there is any; the last may be cut."""
        ...


class SnapshotReader(Protocol):
    def snapshots(self) -> Sequence[SnapshotId]:
        """Those that are whole, oldest first."""
        ...

    def size(self, snapshot_id: SnapshotId) -> int: ...

    def read_at(self, snapshot_id: SnapshotId, position: int, max_bytes: int) -> bytes: ...
