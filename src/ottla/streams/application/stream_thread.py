"""A thread that runs tasks: reads in batches, processes, commits; restores meanwhile; does what the group says.

    CREATED ─► STARTING ─► PARTITIONS_ASSIGNED ◄─► RUNNING ─► PENDING_SHUTDOWN ─► DEAD

One pass of the loop: the duty that the group has given, restoration, one poll, every task that has records, commits.
"""

from __future__ import annotations

import logging
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.streams.application.changelog_reader import CorruptedError
from ottla.streams.application.client_properties import max_poll_records
from ottla.streams.application.task_manager import stopwatch_ms
from ottla.streams.errors import StreamsError, TaskCorruptedError, TaskMigratedError
from ottla.streams.membership.assignment import NOTHING, LoseAll, TaskId

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.runtime.metrics.sensor import Sensor
    from ottla.streams.application.client_supplier import BatchConsumer
    from ottla.streams.application.group_session import GroupSession
    from ottla.streams.application.owned_task import OwnedTask
    from ottla.streams.application.task_manager import TaskManager
    from ottla.streams.config import StreamsConfig
    from ottla.streams.record import TopicPartition

RESTORE_POLL_S: Final = 0.05
MAX_UNCOMMITTED_BYTES: Final = 64 * 1024 * 1024
"""More than this in memory is committed before its time (`statestore.uncommitted.max.bytes` of KIP-892)."""
START_OVER_PAUSE_S: Final = 0.5
TELL_ALL_S: Final = 10.0
RETRY_MAKING_S: Final = 0.2
_log: Final = logging.getLogger("ottla.streams")


class ThreadState(Enum):
    CREATED = "CREATED"
    STARTING = "STARTING"
    PARTITIONS_ASSIGNED = "PARTITIONS_ASSIGNED"
    RUNNING = "RUNNING"
    PENDING_SHUTDOWN = "PENDING_SHUTDOWN"
    DEAD = "DEAD"


class StreamThread:
    """`on_state` is called in this thread. So is `on_failure`, which says whether all instances are to stop."""

    def __init__(
        self,
        name: str,
        config: StreamsConfig,
        consumer: BatchConsumer,
        restore_consumer: BatchConsumer,
        tasks: TaskManager,
        session: GroupSession,
        *,
        on_state: Callable[[StreamThread, ThreadState], None],
        on_failure: Callable[[StreamThread, BaseException], bool],
        on_shutdown_wanted: Callable[[], None],
    ) -> None:
        self.name = name
        self.tasks = tasks
        self.session = session
        self.state = ThreadState.CREATED
        self.processed = 0
        self.is_paused = False
        """Then nothing is processed or restored, while the thread keeps its tasks and its place in the group."""
        self._consumer = consumer
        self._restore_consumer = restore_consumer
        self._on_state = on_state
        self._on_failure = on_failure
        self._on_shutdown_wanted = on_shutdown_wanted
        self._stop = threading.Event()
        self._leave = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._poll_records = max_poll_records(config)
        self._poll_s = int(config["poll.ms"]) / 1000
        self._buffered_max = int(config["buffered.records.per.partition"])
        self._commit_s = config.commit_interval_ms / 1000
        self._purge_s = int(config["repartition.purge.interval.ms"]) / 1000
        self._transaction_s = config.transaction_timeout_ms / 1000
        self._committed_s = self._purged_s = self._made_s = time.monotonic()
        self._was_assigned = False
        self._metrics = tasks.metrics
        self._metrics.watch(lambda: self.state.value, tasks.counts())
        self._paused: set[TopicPartition] = set()
        self._at_end: set[TopicPartition] = set()

    def start(self) -> None:
        self._thread.start()

    def shutdown(self, *, leave: bool = True) -> None:
        """Ask it to commit, close and end; `join` waits for that."""
        self._leave = leave
        self._stop.set()

    def join(self, timeout_s: float | None = None) -> bool:
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    # The loop

    def _run(self) -> None:
        failure: BaseException | None = None
        self._become(ThreadState.STARTING)
        self._metrics.started(stopwatch_ms())
        self.session.start()
        try:
            while not self._stop.is_set():
                self._run_once_or_start_over()
        except BaseException as error:
            failure = error
            _log.error("%s ends: %s", self.name, error, exc_info=not isinstance(error, StreamsError) or error)
        self._become(ThreadState.PENDING_SHUTDOWN)
        if failure is not None and self._on_failure(self, failure):
            self._tell_all_to_stop()
        self._close(failure)
        self._become(ThreadState.DEAD)
        self._metrics.close()

    def _run_once_or_start_over(self) -> None:
        try:
            self._run_once()
        except TaskMigratedError as error:
            _log.warning("%s gives up its tasks and asks the group again: %s", self.name, error)
            self._start_over(())
        except CorruptedError as error:
            _log.warning("%s restores task %s from nothing: %s", self.name, error.task, error)
            self._start_over((error.task,))
        except TaskCorruptedError as error:
            _log.warning("%s restores its tasks: %s", self.name, error)
            self._start_over(())

    def _start_over(self, corrupted: tuple[TaskId, ...]) -> None:
        self._become(ThreadState.PARTITIONS_ASSIGNED)
        assignment = self.tasks.assignment
        self.tasks.start_over(NOTHING, corrupted)
        self._forget_positions()
        self.session.hurry()
        self._stop.wait(START_OVER_PAUSE_S)
        if self.session.duty is None:
            self.tasks.assignment = assignment
            self._made_s = 0.0

    def _run_once(self) -> None:
        session = self.session
        session.polled()
        self._do_duty()
        if session.fatal is not None:
            raise session.fatal
        if session.wants_shutdown:
            self._on_shutdown_wanted()
        self._complete()
        busy = False
        if not self.is_paused:
            busy = self._restore()
            busy = self._process_all() or busy
        self._poll(0.0 if busy else self._idle_s())
        self._commit_if_due()

    def _do_duty(self) -> None:
        duty = self.session.duty
        if duty is None:
            return
        if isinstance(duty, LoseAll):
            _log.warning("%s loses its tasks: %s", self.name, duty.reason)
            self._become(ThreadState.PARTITIONS_ASSIGNED)
            self.tasks.start_over(NOTHING)
            self._forget_positions()
        else:
            if duty.assignment.same_tasks(self.tasks.assignment) and self.tasks.is_complete:
                self.tasks.assignment = duty.assignment
            else:
                self._become(ThreadState.PARTITIONS_ASSIGNED)
                self.tasks.take_up(duty.assignment)
            self._made_s, self._was_assigned = 0.0, True
        self.session.done(duty)
        deadline_s = time.monotonic() + 1
        while self.session.duty is duty and time.monotonic() < deadline_s:
            time.sleep(0.001)  # until the control thread has taken note: it must not be done twice

    def _complete(self) -> None:
        """Make tasks that are assigned and not there yet, and say when all of them run."""
        tasks = self.tasks
        if tasks.is_complete:
            if self.state is not ThreadState.RUNNING and tasks.assignment.is_group_ready and self._is_settled():
                self._become(ThreadState.RUNNING)
            return
        now_s = time.monotonic()
        if now_s - self._made_s >= RETRY_MAKING_S:
            self._made_s = now_s
            tasks.make_missing()
        tasks.start_restored(stopwatch_ms())

    def _is_settled(self) -> bool:
        return self._was_assigned and self.session.duty is None and self.session.owned.same_tasks(self.tasks.assignment)

    def _restore(self) -> bool:
        reader = self.tasks.reader
        if reader.is_idle:
            return False
        is_restoring = reader.is_restoring
        start_ns = time.perf_counter_ns()
        records = reader.poll(RESTORE_POLL_S if is_restoring and not self.tasks.running else 0.0)
        self._metrics.restored(time.perf_counter_ns() - start_ns, records, is_active=is_restoring)
        return records > 0 or is_restoring

    def _idle_s(self) -> float:
        now_ms = stopwatch_ms()
        due = [each.task.next_wall_clock_punctuation_ms for each in self.tasks.running]
        wait_s = min((max(0.0, (at_ms - now_ms) / 1000) for at_ms in due if at_ms is not None), default=self._poll_s)
        return min(
            wait_s, self._poll_s, max(0.0, self._committed_s + self._commit_s - time.monotonic()) or self._poll_s
        )

    def _poll(self, timeout_s: float) -> None:
        start_ns = time.perf_counter_ns()
        polled = self._consumer.poll(self._poll_records, timeout_s)
        took_ns = time.perf_counter_ns() - start_ns
        self._metrics.polled(took_ns, sum(map(len, polled.records.values())))
        if self.tasks.reader.is_idle:
            self._metrics.rested(took_ns)
        owner_of = self.tasks.owner_of
        for partition in polled.out_of_range:
            self._reset(partition)
        for partition, records in polled.records.items():
            owned = owner_of.get(partition)
            if owned is None:
                continue
            self._at_end.discard(partition)
            if owned.task.add_records(partition, records) > self._buffered_max and partition not in self._paused:
                self._consumer.pause([partition])
                self._paused.add(partition)
        for partition, position in polled.ends.items():
            if (owned := owner_of.get(partition)) is not None:
                self._at_end.add(partition)
                owned.task.note_position(partition, position)

    def _reset(self, partition: TopicPartition) -> None:
        if (owned := self.tasks.owner_of.get(partition)) is not None:
            found = self.tasks.position_after_loss(partition)
            _log.warning("%s-%s: the offset is gone, going on at %s", *partition, found)
            self._consumer.unassign([partition])
            self._consumer.assign({partition: found})
            owned.task.note_position(partition, found)

    def _process_all(self) -> bool:
        """Whether there may be more to do at once."""
        if self._must_wait_for_commit():
            return False
        now_ms = stopwatch_ms()
        clock_ns = time.perf_counter_ns
        done = punctuated = processing_ns = punctuating_ns = 0
        spent: list[tuple[Sensor, int]] = []
        for owned in self.tasks.running:
            task = owned.task
            start_ns = clock_ns()
            if len(task.input_partitions) > 1:
                task.update_lags(self._lag)
            is_processable = task.is_processable(now_ms)
            is_due = (at_ms := task.next_wall_clock_punctuation_ms) is not None and at_ms <= now_ms
            if is_processable or is_due:
                self.tasks.producer.begin()
            with owned.guard:
                if is_processable:
                    done += task.process(now_ms, owned.guard.slice_of(self._poll_records))
                middle_ns = clock_ns()
                punctuated += task.maybe_punctuate_stream_time()
                if is_due:
                    punctuated += task.maybe_punctuate_wall_clock(now_ms)
            punctuating_ns += clock_ns() - middle_ns
            processing_ns += middle_ns - start_ns
            spent.append((task.metrics.process_ratio, middle_ns - start_ns))
            if is_processable:
                self._resume(owned)
            owned.collector.check()
        self.tasks.producer.poll()
        self.processed += done
        self._metrics.processed(processing_ns, done)
        self._metrics.punctuated(punctuating_ns, punctuated)
        for ratio, took_ns in spent:
            ratio.record(took_ns / processing_ns if processing_ns else 0.0, now_ms)
        return done > 0 or punctuated > 0

    def _must_wait_for_commit(self) -> bool:
        """A transaction that is open for long, while the group allows no commit, must not grow until it times out."""
        return self.session.is_rebalancing and self.tasks.producer.transaction_age_s > self._transaction_s / 3

    def _lag(self, partition: TopicPartition) -> int | None:
        return 0 if partition in self._at_end else None

    def _resume(self, owned: OwnedTask) -> None:
        if not self._paused:
            return
        room = [
            each
            for each in owned.task.input_partitions
            if each in self._paused and owned.task.buffered_of(each) <= self._buffered_max
        ]
        if room:
            self._consumer.resume(room)
            self._paused.difference_update(room)

    def _commit_if_due(self) -> None:
        now_s = time.monotonic()
        tasks = self.tasks
        wanted = any(each.task.commit_requested for each in tasks.running)
        wanted = wanted or sum(each.uncommitted_bytes for each in tasks.running) > MAX_UNCOMMITTED_BYTES
        if not wanted and now_s - self._committed_s < self._commit_s:
            return
        start_ns = time.perf_counter_ns()
        count = sum(each.task.commit_needed for each in tasks.running)
        if tasks.commit():
            self._metrics.committed(time.perf_counter_ns() - start_ns, count)
            self._committed_s = time.monotonic()
            tasks.follow_committed()
        if now_s - self._purged_s >= self._purge_s:
            self._purged_s = now_s
            tasks.purge_repartition_topics()

    def _forget_positions(self) -> None:
        self._paused.clear()
        self._at_end.clear()

    def _tell_all_to_stop(self) -> None:
        self.session.request_shutdown()
        deadline_s = time.monotonic() + TELL_ALL_S
        while not self.session.wants_shutdown and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def _close(self, failure: BaseException | None) -> None:
        try:
            if failure is None:
                self.tasks.commit()
        except Exception as error:
            _log.warning("%s could not commit before its end: %s", self.name, error)
        self.tasks.close_all()
        if self._leave:
            self.session.leave()
        self.tasks.producer.close()
        self._consumer.close()
        self._restore_consumer.close()

    def _become(self, state: ThreadState) -> None:
        if state is not self.state:
            self.state = state
            self._on_state(self, state)
