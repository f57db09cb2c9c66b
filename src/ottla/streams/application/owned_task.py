"""A task that a thread has: running, on its way there, or a copy that follows its changelogs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ottla.streams.application.read_guard import ReadGuard
from ottla.streams.state.rocksdb import uncommitted_bytes_below

if TYPE_CHECKING:
    from ottla.streams.application.record_collector import TaskCollector
    from ottla.streams.membership.assignment import TaskId
    from ottla.streams.record import TopicPartition
    from ottla.streams.state.directory import DirectoryLock
    from ottla.streams.tasks.stream_task import StreamTask


class Phase(Enum):
    COPY = "copy"
    RESTORING = "restoring"
    RUNNING = "running"


@dataclass(slots=True)
class OwnedTask:
    id: TaskId
    task: StreamTask
    collector: TaskCollector
    lock: DirectoryLock | None
    phase: Phase
    changelogs: dict[str, TopicPartition]
    """By store, of those that are logged, or read their source topic again."""

    guard: ReadGuard = field(default_factory=ReadGuard)
    """Held by whoever reads or changes the stores."""

    @property
    def own_changelogs(self) -> dict[str, TopicPartition]:
        """Without source topics: what only this task writes."""
        shared = self.task.sub_topology.source_topic_changelogs
        return {store: partition for store, partition in self.changelogs.items() if store not in shared}

    @property
    def uncommitted_bytes(self) -> int:
        """In memory until the next commit, of stores on disk."""
        return 0 if self.lock is None else uncommitted_bytes_below(self.lock.folder)
