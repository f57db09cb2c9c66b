"""When an offset sync of a partition is due: often enough that translation is never far behind, and no oftener.

At the first record of this process, where offsets of the source were skipped, where the target went back, and every
`offset.lag.max` records; what was copied since waits for the next commit (`delayed`).
"""

from collections.abc import Iterator

from ottla.clients.consumer import TopicPartition
from ottla.mirror.offset_sync import OffsetSync


class OffsetSyncPace:
    """Of one partition."""

    __slots__ = ("_lag_max", "_last_downstream", "_last_upstream", "_synced_downstream", "_where", "delayed")

    def __init__(self, where: TopicPartition, offset_lag_max: int) -> None:
        self._where = where
        self._lag_max = max(offset_lag_max, 0)
        self._last_upstream = -1
        self._last_downstream = -1
        self._synced_downstream = -1
        self.delayed: OffsetSync | None = None
        """The latest record without a sync of its own."""

    def copied(self, upstream_offset: int, downstream_offset: int, count: int) -> Iterator[OffsetSync]:
        """The syncs that are due for `count` records that follow each other on both sides."""
        skipped = upstream_offset - self._last_upstream != 1
        went_back = downstream_offset < self._last_downstream
        last = downstream_offset + count - 1
        difference = upstream_offset - downstream_offset
        due = self._synced_downstream + 1 + self._lag_max
        if self._synced_downstream < 0 or skipped or went_back:
            due = downstream_offset
        while (due := max(due, downstream_offset)) <= last:
            yield OffsetSync(self._where, due + difference, due)
            self._synced_downstream = due
            due += 1 + self._lag_max
        self._last_upstream, self._last_downstream = last + difference, last
        self.delayed = None
        if self._synced_downstream < last:
            self.delayed = OffsetSync(self._where, last + difference, last)
