"""The tasks of one thread: made, restored, run, committed, closed. Whoever calls decides when.

assigned ─► (lock) ─► COPY ──────────────────────────────► closed
               └────► RESTORING ─► RUNNING ─► commit ─► closed
                          ▲ a copy that becomes active goes on from where it is
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from ottla.streams.application.changelog_reader import Changelog, ChangelogReader, CorruptedError
from ottla.streams.application.client_properties import auto_offset_reset
from ottla.streams.application.group_metadata import encode_group_metadata
from ottla.streams.application.owned_task import OwnedTask, Phase
from ottla.streams.application.restore_listener import SuspendReason
from ottla.streams.errors import StreamsError
from ottla.streams.membership.assignment import NOTHING, Assignment, TaskId
from ottla.streams.membership.classic_metadata import CAUGHT_UP
from ottla.streams.membership.internal_topics import sources_of
from ottla.streams.record import TopicPartition
from ottla.streams.state.directory import LockedError
from ottla.streams.tasks.stream_task import StreamTask
from ottla.streams.topology.auto_offset_reset import AutoOffsetReset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ottla.streams.application.client_supplier import BatchConsumer
    from ottla.streams.application.cluster_queries import ClusterQueries
    from ottla.streams.application.group_session import GroupSession
    from ottla.streams.application.thread_metrics import ThreadMetrics
    from ottla.streams.application.thread_producer import ThreadProducer
    from ottla.streams.config import StreamsConfig
    from ottla.streams.state.directory import StateDirectory
    from ottla.streams.state.store import StateStore
    from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata
    from ottla.streams.topology.built import BuiltTopology, SourceNode

_log: Final = logging.getLogger("ottla.streams")


class TaskManager:
    def __init__(
        self,
        topology: BuiltTopology,
        config: StreamsConfig,
        consumer: BatchConsumer,
        reader: ChangelogReader,
        producer: ThreadProducer,
        cluster: ClusterQueries,
        directory: StateDirectory,
        session: GroupSession,
        *,
        cache_bytes: int,
        global_stores: Mapping[str, StateStore],
        metrics: ThreadMetrics,
    ) -> None:
        self.metrics = metrics
        self.tasks: dict[TaskId, OwnedTask] = {}
        self.assignment: Assignment = NOTHING
        self.reader = reader
        self.producer = producer
        self._topology = topology
        self._config = config
        self._consumer = consumer
        self._cluster = cluster
        self._directory = directory
        self._session = session
        self._cache_bytes = cache_bytes
        self._global_stores = global_stores
        self._counts: dict[str, int] = {}
        self._repartition = {name for sub in topology.sub_topologies for name in sub.repartition_source_topics}
        self.owner_of: dict[TopicPartition, OwnedTask] = {}

    # What there is

    @property
    def running(self) -> list[OwnedTask]:
        return [each for each in self.tasks.values() if each.phase is Phase.RUNNING]

    @property
    def is_complete(self) -> bool:
        """Whether everything that is assigned is there, and what is active runs."""
        wanted = self.assignment.active | self.assignment.copies
        return wanted == self.tasks.keys() and all(each.phase is not Phase.RESTORING for each in self.tasks.values())

    def counts(self) -> dict[str, Callable[[], int]]:
        """By the names of metrics, how many tasks are being restored or copied; copies wait while others restore."""

        def copies() -> int:
            return sum(each.phase is Phase.COPY for each in list(self.tasks.values()))

        return {
            "active-restoring-tasks": lambda: sum(each.phase is Phase.RESTORING for each in list(self.tasks.values())),
            "standby-updating-tasks": lambda: 0 if self.reader.is_restoring else copies(),
            "active-paused-tasks": lambda: 0,
            "standby-paused-tasks": lambda: copies() if self.reader.is_restoring else 0,
        }

    def offsets(self) -> dict[TaskId, int]:
        """For the assignor: sums of the changelogs' positions, or that nothing is newer."""
        found = {}
        for each in list(self.tasks.values()):
            if each.phase is Phase.RUNNING:
                found[each.id] = CAUGHT_UP
            elif each.changelogs:
                found[each.id] = sum(self.reader.positions(each.id).values())
        return found

    # Taking up and giving up

    def take_up(self, assignment: Assignment) -> None:
        """Give up what is not assigned any more, having committed; what is new is made by `make_missing`.

        Raises `TaskMigratedError` where nothing can be committed any more.
        """
        keep_active, copies = assignment.active, assignment.copies
        stop = [
            each
            for each in self.tasks.values()
            if each.id not in (copies if each.phase is Phase.COPY else keep_active)
            and not (each.phase is Phase.COPY and each.id in keep_active)
        ]
        if any(each.phase is Phase.RUNNING for each in stop):
            self.commit(must=True)
        for each in stop:
            if each.id in copies:
                self._demote(each)
            else:
                _log.info("task %s is given up", each.id)
                self.close(each)
        self.assignment = assignment
        for each in self.tasks.values():
            if each.phase is Phase.COPY and each.id in keep_active:
                self._promote(each)

    def make_missing(self) -> None:
        """Tasks whose folders another thread still has come with a later call."""
        wanted = sorted((self.assignment.active | self.assignment.copies) - self.tasks.keys())
        if not wanted:
            return
        self._counts = self._cluster.partition_counts()
        for task_id in wanted:
            try:
                self._make(task_id)
            except LockedError:
                _log.info("task %s waits for its folder, which another thread has", task_id)

    def _make(self, task_id: TaskId) -> None:
        sub = self._topology.sub_topology(task_id.sub_topology)
        inputs = [
            TopicPartition(topic, task_id.partition)
            for topic in sorted(sources_of(sub, self._counts))
            if task_id.partition < self._counts.get(topic, 0)
        ]
        lock = self._directory.lock_task(str(task_id)) if sub.stores else None
        try:
            collector = self.producer.collector()
            task = StreamTask(
                sub,
                task_id.partition,
                inputs,
                self._topology.application_id,
                self._config,
                collector,
                directory=str(self._directory.task(str(task_id))) if sub.stores else None,
                cache_bytes=self._cache_bytes,
                global_stores=self._global_stores,
                metrics=self.metrics.registry,
                thread_id=self.metrics.thread_id,
            )
            collector.unsent = task.failures.unsent
            task.open_stores()
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        changelogs = {
            name: TopicPartition(topic, task_id.partition)
            for name in sub.stores
            if (topic := sub.changelog_topic(name)) is not None
        }
        is_active = task_id in self.assignment.active
        phase = Phase.RESTORING if is_active else Phase.COPY
        owned = self.tasks[task_id] = OwnedTask(task_id, task, collector, lock, phase, changelogs)
        task.metrics.publish() if is_active else task.metrics.publish_copy()
        self.metrics.created.record(1, self.metrics.registry.clock_ms())
        self._read_changelogs(owned)
        if not is_active:
            _log.info("task %s is copied", task_id)

    def _promote(self, owned: OwnedTask) -> None:
        """A copy becomes active: only what its changelogs have beyond it is read first."""
        _log.info("task %s: its copy takes over", owned.id)
        self.reader.commit(owned.id)
        positions = self.reader.positions(owned.id)
        self.reader.remove(owned.id, SuspendReason.PROMOTED)
        owned.phase = Phase.RESTORING
        owned.task.metrics.publish()
        self._read_changelogs(owned, positions)

    def _demote(self, owned: OwnedTask) -> None:
        """What is active, and committed, becomes a copy: its stores stay open, and follow what others write."""
        _log.info("task %s becomes a copy", owned.id)
        if owned.phase is Phase.RUNNING:
            shared = owned.task.sub_topology.source_topic_changelogs
            positions = dict(self._cluster.ends(owned.own_changelogs.values()))
            for name, topic in shared.items():
                if name in owned.changelogs and (consumed := owned.task.consumed_of(topic)) is not None:
                    positions[owned.changelogs[name]] = consumed
            try:
                with owned.guard:
                    owned.task.recycle()
            except Exception:
                _log.exception("task %s could not be suspended cleanly: its stores are opened anew", owned.id)
                self.close(owned)
                return
            self._stop_reading(owned)
        else:
            self.reader.commit(owned.id)
            positions = self.reader.positions(owned.id)
            self.reader.remove(owned.id)
        owned.phase = Phase.COPY
        owned.task.metrics.publish_copy()
        self._read_changelogs(owned, positions)

    def _read_changelogs(self, owned: OwnedTask, positions: Mapping[TopicPartition, int] | None = None) -> None:
        partitions = list(owned.changelogs.values())
        is_active = owned.phase is Phase.RESTORING
        ends = self._cluster.ends(partitions)
        starts = self._cluster.beginnings(partitions)
        shared = owned.task.sub_topology.source_topic_changelogs
        committed = self._cluster.committed([owned.changelogs[name] for name in shared if name in owned.changelogs])
        for name, partition in owned.changelogs.items():
            store = owned.task.stores[name]
            position = (positions or {}).get(partition, store.committed_offset)
            start, end = starts[partition], ends[partition]
            if position is not None and not start <= position <= end:
                raise CorruptedError(
                    owned.id, f"store {name} is at offset {position} of {partition.topic}, which has {start} to {end}"
                )
            limit: int | None = end if is_active else None
            if name in shared:
                limit = min(end, committed[partition].offset) if partition in committed else start
            reached = start if position is None else position
            self.reader.add(
                Changelog(owned.id, partition, store, reached, limit, is_active, owned.guard, owned.task.metrics)
            )

    def start_restored(self, now_ms: int) -> None:
        """Tasks whose changelogs are read go on where the group has committed."""
        ready = [
            each for each in self.tasks.values() if each.phase is Phase.RESTORING and self.reader.is_restored(each.id)
        ]
        if not ready:
            return
        wanted = [partition for each in ready for partition in each.task.input_partitions]
        committed = self._cluster.committed(wanted)
        positions = {partition: each.offset for partition, each in committed.items()}
        positions |= self._first_positions([each for each in wanted if each not in committed])
        for owned in ready:
            self.reader.remove(owned.id)
            mine = {each: committed[each] for each in owned.task.input_partitions if each in committed}
            self.producer.begin()
            with owned.guard:
                owned.task.initialize(mine, now_ms)
                owned.phase = Phase.RUNNING
            for partition in owned.task.input_partitions:
                self.owner_of[partition] = owned
            self._consumer.assign({each: positions[each] for each in owned.task.input_partitions})
            _log.info("task %s runs", owned.id)

    def _first_positions(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where reading starts in partitions that the group has committed nothing of."""
        by_reset: dict[AutoOffsetReset, list[TopicPartition]] = {}
        for partition in partitions:
            by_reset.setdefault(self._reset_of(partition.topic), []).append(partition)
        found: dict[TopicPartition, int] = {}
        for reset, some in by_reset.items():
            if reset.strategy == "none":
                names = ", ".join(f"{topic}-{partition}" for topic, partition in some)
                raise StreamsError(f"the group has no offsets for {names}, and auto.offset.reset is none")
            if reset.strategy == "by_duration":
                found |= self._cluster.since(some, reset.duration_ms or 0)
            else:
                found |= self._cluster.ends(some) if reset.strategy == "latest" else self._cluster.beginnings(some)
        return found

    def position_after_loss(self, partition: TopicPartition) -> int:
        """Of a partition whose records at our position were deleted."""
        return self._first_positions([partition])[partition]

    def _reset_of(self, topic: str) -> AutoOffsetReset:
        if topic in self._repartition:
            return AutoOffsetReset.earliest()
        for sub in self._topology.sub_topologies:
            for source in sub.sources:
                if source.offset_reset is not None and _reads(source, topic):
                    return source.offset_reset
        wanted = auto_offset_reset(self._config)
        return AutoOffsetReset("latest" if wanted == "latest" else "none" if wanted == "none" else "earliest")

    # Committing

    def commit(self, *, must: bool = False) -> bool:
        """Everything that the running tasks have done; False where the group allows no commit now.

        `must`: the tasks are about to be given up, so the group's word is waited for by the caller: there is none to
        wait for once the member has been told what it is to have.
        """
        tasks = [each for each in self.running if each.task.commit_needed]
        if not tasks:
            return True
        session = self._session
        with session.commit_lock:
            if session.is_rebalancing and not must:
                return False
            self.producer.begin()
            offsets: dict[TopicPartition, OffsetAndMetadata] = {}
            for each in tasks:
                with each.guard:
                    offsets |= each.task.prepare_commit()
            member = session.member
            if self.producer.transactional:
                # A record of a task may fail while others are sent: that ends the transaction for all.
                self.producer.commit(offsets, encode_group_metadata(member.group_id, member.member_id, member.epoch))
            else:
                self.producer.flush()
            for each in tasks:
                each.collector.check()
            if not self.producer.transactional and not self._cluster.commit(offsets, member.member_id, member.epoch):
                return False
        self._note_committed(tasks)
        return True

    def _note_committed(self, tasks: list[OwnedTask]) -> None:
        """What was committed becomes durable, with where its changelogs end: nobody else writes there."""
        ends = self._cluster.ends([each for owned in tasks for each in owned.own_changelogs.values()])
        for owned in tasks:
            with owned.guard:
                owned.task.post_commit({store: ends[each] for store, each in owned.own_changelogs.items()})

    def follow_committed(self) -> None:
        """Copies whose changelog is a source topic go as far as the group has come."""
        if limits := list(self.reader.limits()):
            committed = self._cluster.committed(limits)
            self.reader.raise_limits({partition: each.offset for partition, each in committed.items()})

    def purge_repartition_topics(self) -> None:
        consumed = {}
        for owned in self.running:
            for partition in owned.task.input_partitions:
                if partition.topic in self._repartition:
                    offset = owned.task.group.queues[partition].commit_offset()
                    if offset:
                        consumed[partition] = offset
        if consumed:
            self._cluster.purge(consumed)

    # Closing

    def close(self, owned: OwnedTask) -> None:
        """What was not committed is forgotten; it is restored, or done again, by whoever has the task next."""
        if owned.phase is Phase.RUNNING:
            self._stop_reading(owned)
        elif owned.phase is Phase.COPY:
            self.reader.commit(owned.id)
        self.reader.remove(owned.id)
        del self.tasks[owned.id]
        self.metrics.closed.record(1, self.metrics.registry.clock_ms())
        positions = {
            partition: offset
            for store, partition in owned.changelogs.items()
            if (offset := owned.task.stores[store].committed_offset) is not None
            and owned.task.stores[store].is_persistent
        }
        try:
            with owned.guard:
                owned.task.close()
        except Exception:
            _log.exception("task %s could not be closed cleanly", owned.id)
        finally:
            if owned.lock is not None:
                if positions:
                    self._directory.write_checkpoint(str(owned.id), positions)
                owned.lock.release()

    def _stop_reading(self, owned: OwnedTask) -> None:
        self._consumer.unassign(owned.task.input_partitions)
        for partition in owned.task.input_partitions:
            self.owner_of.pop(partition, None)

    def close_all(self) -> None:
        """Without a commit."""
        for owned in list(self.tasks.values()):
            self.close(owned)
        self.assignment = NOTHING

    def start_over(self, assignment: Assignment, corrupted: Iterable[TaskId] = ()) -> None:
        """Close all that there is, undo what was not committed, wipe what is corrupt, and make everything again."""
        self.close_all()
        for task_id in corrupted:
            lock = self._directory.lock_task(str(task_id))
            self._directory.wipe(str(task_id))
            lock.release()
        self.producer.start_over()
        self.assignment = assignment


def _reads(source: SourceNode, topic: str) -> bool:
    return topic in source.topics or (source.pattern is not None and source.pattern.fullmatch(topic) is not None)


def stopwatch_ms() -> int:
    """The wall clock, as records and punctuators have it."""
    return int(time.time() * 1000)
