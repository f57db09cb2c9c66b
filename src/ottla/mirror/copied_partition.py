"""Where one partition's copying stands: what was read, what was acknowledged, what is between the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.mirror.offset_sync_pace import OffsetSyncPace

if TYPE_CHECKING:
    from ottla.clients.consumer import TopicPartition

PARTITION_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Read and not acknowledged of one partition; with more it is not read."""
BATCH_BYTES_MAX: Final = 1 << 30


class CopiedPartition:
    __slots__ = (
        "acknowledged",
        "batch_bytes_max",
        "buffered_bytes",
        "end",
        "generation",
        "pace",
        "position",
        "retry_at",
        "start",
        "target",
        "where",
    )

    def __init__(self, where: TopicPartition, target: TopicPartition, position: int, offset_lag_max: int) -> None:
        self.where = where
        self.target = target
        self.position = position
        """What is read next."""
        self.acknowledged = position
        """All before it is in the target."""
        self.start = position
        """Where reading began."""
        self.end = position
        self.buffered_bytes = 0
        self.generation = 0
        """Counts how often reading went back to what is acknowledged; what was sent before that no longer counts."""
        self.retry_at = 0.0
        """On the loop's clock: not read before."""
        self.batch_bytes_max = BATCH_BYTES_MAX
        """Larger batches are split: the target has refused one."""
        self.pace = OffsetSyncPace(where, offset_lag_max)

    @property
    def has_room(self) -> bool:
        return self.buffered_bytes < PARTITION_BUFFER_BYTES

    @property
    def lag(self) -> int:
        return max(0, self.end - self.acknowledged)

    def go_back(self, retry_at: float) -> None:
        """Read again what is not acknowledged."""
        self.position = self.acknowledged
        self.generation += 1
        self.retry_at = retry_at

    def roll_back(self, committed: int | None) -> None:
        """Read again what is not committed. `None`: the target knows nothing of this partition yet."""
        self.acknowledged = self.start if committed is None else committed
        self.go_back(self.retry_at)
