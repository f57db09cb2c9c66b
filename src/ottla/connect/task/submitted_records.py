"""Records on their way to Kafka, and up to which of each source partition all have arrived (`SubmittedRecords`).

An offset may be stored when its record and all before it of the same source partition are written. How many wait is
bounded by the producer's queue (`clients.QUEUED_RECORDS_MAX`).
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from ottla.connect.store.source_partition import partition_identity

if TYPE_CHECKING:
    from collections.abc import Mapping


class SubmittedRecord:
    __slots__ = ("acknowledged", "offset")

    def __init__(self, offset: Mapping[str, Any] | None) -> None:
        self.offset = offset
        self.acknowledged = False


class _SourcePartition:
    __slots__ = ("partition", "waiting")

    def __init__(self, partition: Mapping[str, Any] | None) -> None:
        self.partition = partition
        self.waiting: deque[SubmittedRecord] = deque()


class SubmittedRecords:
    """`submit` from the task's thread, `take_committable` from any."""

    def __init__(self) -> None:
        self._partitions: dict[str, _SourcePartition] = {}
        self._lock = threading.Lock()
        self._last: Mapping[str, Any] | None = None
        self._last_queue: deque[SubmittedRecord] | None = None

    def submit(self, partition: Mapping[str, Any] | None, offset: Mapping[str, Any] | None) -> SubmittedRecord:
        submitted = SubmittedRecord(offset)
        queue = self._last_queue
        if queue is None or partition is not self._last:
            key = partition_identity(partition)
            with self._lock:
                found = self._partitions.get(key)
                if found is None:
                    found = self._partitions[key] = _SourcePartition(partition)
            queue = self._last_queue = found.waiting
            self._last = partition
        queue.append(submitted)
        return submitted

    def take_committable(self) -> list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]:
        """The offset of each partition that has got any further since the last call."""
        committable = []
        with self._lock:
            for each in self._partitions.values():
                last = None
                waiting = each.waiting
                while waiting and waiting[0].acknowledged:
                    last = waiting.popleft()
                if last is not None:
                    committable.append((each.partition, last.offset))
        return committable

    @property
    def unacknowledged(self) -> int:
        with self._lock:
            return sum(len(each.waiting) for each in self._partitions.values())
