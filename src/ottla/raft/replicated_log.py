"""The port to the quorum's log. What consensus needs of a log, and no more; a file log stands behind it in a node."""

from typing import Protocol


class ReplicatedLog(Protocol):
    @property
    def start_offset(self) -> int: ...

    @property
    def end_offset(self) -> int:
        """The offset that the next record gets."""
        ...

    @property
    def last_epoch(self) -> int:
        """The leader epoch of the last record; 0 when there is none."""
        ...

    def append(self, batch: bytes, *, epoch: int, now_ms: int) -> None:
        """One whole batch whose offsets follow `end_offset`. After an `OSError` the log is not to be trusted."""
        ...

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Whole batches from `offset` on, at least one if there is any; the last may be cut."""
        ...
