"""Reads changelogs into stores: to their end for tasks that are to run, and for ever for copies.

An active task's changelog has an end, which is fixed when its restoration begins; a copy's has none, or, where the
changelog is the source topic itself, the offset that the group has committed. Copies wait while active tasks restore.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.streams.application.restore_listener import SuspendReason
from ottla.streams.errors import TaskCorruptedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.application.client_supplier import BatchConsumer
    from ottla.streams.application.read_guard import ReadGuard
    from ottla.streams.application.restore_listener import Listeners
    from ottla.streams.membership.assignment import TaskId
    from ottla.streams.record import RawRecord, TopicPartition
    from ottla.streams.state.store import StateStore
    from ottla.streams.tasks.task_metrics import TaskMetrics

_log = logging.getLogger("ottla.streams")
BATCH_RECORDS: Final = 10_000
COMMIT_RECORDS: Final = 50_000
"""So many restored records are made durable together."""


class CorruptedError(TaskCorruptedError):
    def __init__(self, task: TaskId, message: str) -> None:
        super().__init__(message)
        self.task = task


@dataclass(slots=True)
class Changelog:
    task: TaskId
    partition: TopicPartition
    store: StateStore
    position: int
    end: int | None
    """None: a copy that follows."""
    is_active: bool
    guard: ReadGuard
    metrics: TaskMetrics
    restored: int = 0
    uncommitted: int = 0
    assigned: bool = False
    has_caught_up: bool = False
    """A copy was at the end of its changelog once."""

    def is_done(self) -> bool:
        return self.end is not None and self.position >= self.end

    def advance(self, position: int, records: int) -> None:
        now_ms = self.metrics.registry.clock_ms()
        if not self.is_active:
            self.metrics.update.record(records, now_ms)
        elif self.end is not None:
            self.metrics.restored.record(records, now_ms)
            self.metrics.to_restore.record(self.position - min(position, self.end), now_ms)
        self.position = position


class ChangelogReader:
    def __init__(self, consumer: BatchConsumer, listeners: Listeners) -> None:
        self._consumer = consumer
        self._listener, self._copies = listeners
        self._changelogs: dict[TopicPartition, Changelog] = {}
        self._paused: set[TopicPartition] = set()

    def add(self, changelog: Changelog) -> None:
        self._changelogs[changelog.partition] = changelog
        if changelog.is_active and changelog.end is not None:
            start, end = changelog.position, changelog.end
            changelog.metrics.to_restore.record(max(0, end - start), changelog.metrics.registry.clock_ms())
            self._listener.on_restore_start(changelog.partition, changelog.store.name, start, end)
            if changelog.is_done():
                self._finish(changelog)
        elif not changelog.is_active:
            self._copies.on_update_start(changelog.partition, changelog.store.name, changelog.position)
        self._assign(changelog)

    def remove(self, task: TaskId, reason: SuspendReason = SuspendReason.MIGRATED) -> None:
        """Its stores are about to be closed, or to be processed into. `reason`: of a copy's."""
        for partition, changelog in list(self._changelogs.items()):
            if changelog.task == task:
                self._unassign(changelog)
                name = changelog.store.name
                if not changelog.is_active:
                    end = self._end_of(changelog)
                    self._copies.on_update_suspended(partition, name, changelog.position, end, reason)
                elif not changelog.is_done():
                    self._listener.on_restore_suspended(partition, name, changelog.restored)
                del self._changelogs[partition]

    def commit(self, task: TaskId) -> None:
        for changelog in self._changelogs.values():
            if changelog.task == task:
                _commit(changelog)

    def is_restored(self, task: TaskId) -> bool:
        return all(each.is_done() for each in self._changelogs.values() if each.task == task)

    @property
    def is_restoring(self) -> bool:
        return any(each.is_active and not each.is_done() for each in self._changelogs.values())

    @property
    def is_idle(self) -> bool:
        return not any(each.assigned for each in self._changelogs.values())

    def positions(self, task: TaskId) -> dict[TopicPartition, int]:
        """Other threads ask, too."""
        return {each.partition: each.position for each in list(self._changelogs.values()) if each.task == task}

    def limits(self) -> Iterable[TopicPartition]:
        """Of copies that may not be read further than the group has committed."""
        return [each.partition for each in self._changelogs.values() if not each.is_active and each.end is not None]

    def raise_limits(self, committed: Mapping[TopicPartition, int]) -> None:
        for partition, offset in committed.items():
            changelog = self._changelogs.get(partition)
            if changelog is not None and changelog.end is not None and not changelog.is_active:
                changelog.end = max(changelog.end, offset)
                self._assign(changelog)

    def poll(self, timeout_s: float) -> int:
        """Read once; how many records came. Raises `CorruptedError` where a store cannot be brought up to date."""
        self._let_active_ones_first()
        polled = self._consumer.poll(BATCH_RECORDS, timeout_s)
        for partition in polled.out_of_range:
            if (lost := self._changelogs.get(partition)) is not None:
                raise CorruptedError(
                    lost.task, f"{partition.topic}-{partition.partition} has lost offset {lost.position}"
                )
        for partition, records in polled.records.items():
            if (changelog := self._changelogs.get(partition)) is not None:
                self._apply(changelog, records)
        for partition, position in polled.ends.items():
            if (changelog := self._changelogs.get(partition)) is not None and not changelog.is_done():
                changelog.advance(max(changelog.position, position), 0)
                if changelog.is_done():
                    self._finish(changelog)
                elif not changelog.is_active:
                    self._note_end(changelog)
        return sum(map(len, polled.records.values()))

    def _note_end(self, copy: Changelog) -> None:
        """Told once, when all of the task's copies have been at the end of their changelogs."""
        if copy.has_caught_up:
            return
        copy.has_caught_up = True
        mine = [each for each in self._changelogs.values() if each.task == copy.task]
        if all(each.has_caught_up or each.is_done() for each in mine):
            _log.info(
                "task %s: its copy has caught up, %d records read", copy.task, sum(each.restored for each in mine)
            )

    def _apply(self, changelog: Changelog, records: list[RawRecord]) -> None:
        if changelog.is_done():
            return
        last = records[-1].offset + 1
        if changelog.end is not None and last > changelog.end:
            records = [record for record in records if record.offset < changelog.end]
            last = changelog.end
        with changelog.guard:
            changelog.store.restore(
                (record.key, record.value, record.timestamp_ms, record.headers)
                for record in records
                if record.key is not None
            )
            changelog.advance(last, len(records))
        changelog.restored += len(records)
        changelog.uncommitted += len(records)
        if changelog.uncommitted >= COMMIT_RECORDS:
            _commit(changelog)
        partition, name = changelog.partition, changelog.store.name
        if changelog.is_active:
            self._listener.on_batch_restored(partition, name, last, len(records))
        else:
            self._copies.on_batch_loaded(partition, name, last, len(records), self._end_of(changelog))
        if changelog.is_done():
            self._finish(changelog)

    def _end_of(self, changelog: Changelog) -> int:
        return max(changelog.position, self._consumer.known_end(changelog.partition) or 0)

    def _finish(self, changelog: Changelog) -> None:
        _commit(changelog)
        self._unassign(changelog)
        if changelog.is_active:
            self._listener.on_restore_end(changelog.partition, changelog.store.name, changelog.restored)
        else:
            self._note_end(changelog)

    def _assign(self, changelog: Changelog) -> None:
        if not changelog.assigned and not changelog.is_done():
            self._consumer.assign({changelog.partition: changelog.position})
            changelog.assigned = True

    def _unassign(self, changelog: Changelog) -> None:
        if changelog.assigned:
            self._consumer.unassign([changelog.partition])
            changelog.assigned = False
            self._paused.discard(changelog.partition)

    def _let_active_ones_first(self) -> None:
        copies = {each.partition for each in self._changelogs.values() if not each.is_active and each.assigned}
        wanted = copies if self.is_restoring else set()
        if wanted - self._paused:
            self._consumer.pause(wanted - self._paused)
        if resumed := (self._paused & copies) - wanted:
            self._consumer.resume(resumed)
        self._paused = wanted


def _commit(changelog: Changelog) -> None:
    with changelog.guard:
        changelog.store.commit(changelog.position)
    changelog.uncommitted = 0
