"""What the logs need from time to time: flushing, checkpoints, retention, removal, forgetting producers.

Runs on the timers it is handed. Passes over all logs go in slices, so that no turn of the loop grows with their number;
syncing, checkpoints and removing go to `run_blocking`, one round of each at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from ottla.log.log import Log
from ottla.log.manager import LogManager
from ottla.runtime.time import Clock, Timer, Timers

if TYPE_CHECKING:
    from ottla.log.file_names import TopicPartition
    from ottla.log.flush import PendingFlush

RunBlocking = Callable[[Callable[[], None], Callable[[BaseException | None], None]], None]
"""`run_blocking(work, done)`: run `work` in a thread, then `done(its exception or None)` on the loop."""

LOGS_A_TURN = 200


@dataclass(slots=True, frozen=True)
class UpkeepIntervals:
    """Defaults of the broker configs of these names."""

    flush_check_ms: float = 500
    file_removal_check_ms: float = 5_000
    log_flush_offset_checkpoint_interval_ms: float = 60_000
    log_retention_check_interval_ms: float = 300_000
    producer_id_expiration_check_interval_ms: float = 600_000


class LogUpkeep:
    """`start` once the logs are open, `stop` before they are closed. `failed` gets an `OSError` of the disk.

    The log directory is taken out of service (`LogManager.fail_directory`) before.
    """

    def __init__(
        self,
        manager: LogManager,
        timers: Timers,
        clock: Clock,
        run_blocking: RunBlocking,
        failed: Callable[[OSError], None],
        intervals: UpkeepIntervals | None = None,
    ) -> None:
        self._manager = manager
        self._timers = timers
        self._clock = clock
        self._run_blocking = run_blocking
        self._failed = failed
        self._intervals = intervals or UpkeepIntervals()
        self._running: dict[str, Timer] = {}
        self._stopped = False

    def start(self) -> None:
        times = self._intervals
        self._later("flush", times.flush_check_ms, self._flush)
        self._later("remove", times.file_removal_check_ms, self._remove)
        self._later("checkpoint", times.log_flush_offset_checkpoint_interval_ms, self._checkpoint)
        self._pass("retention", times.log_retention_check_interval_ms, self._retain)
        self._pass("producers", times.producer_id_expiration_check_interval_ms, self._expire)

    def stop(self) -> None:
        """A sync that is under way in a thread goes on, and changes nothing afterwards."""
        self._stopped = True
        for timer in self._running.values():
            timer.cancel()
        self._running.clear()

    def _later(self, name: str, delay_ms: float, callback: Callable[[], None]) -> None:
        if not self._stopped:
            self._running[name] = self._timers.call_later(delay_ms, callback)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._failed(error)

    def _disk_failed(self, directory: PurePath, error: OSError) -> None:
        self._manager.fail_directory(directory, error)
        self._failed(error)

    def _pass(self, name: str, interval_ms: float, work: Callable[[Log], None]) -> None:
        """`work` on every log, LOGS_A_TURN at a time; the next pass begins `interval_ms` after the last ended."""
        waiting: list[tuple[TopicPartition, Log]] = []

        def turn() -> None:
            if not waiting:
                waiting.extend(self._manager)
            turn_of, waiting[:] = waiting[:LOGS_A_TURN], waiting[LOGS_A_TURN:]
            for partition, log in turn_of:
                if self._manager.get(*partition) is log:  # else it was deleted since the pass began
                    try:
                        work(log)
                    except OSError as error:
                        self._disk_failed(log.directory.parent, error)
            self._later(name, 0 if waiting else interval_ms, turn)

        self._later(name, interval_ms, turn)

    def _retain(self, log: Log) -> None:
        log.delete_old_segments(self._clock.now_ms())

    def _expire(self, log: Log) -> None:
        log.remove_expired_producers(self._clock.now_ms())

    def _remove(self) -> None:
        """In a thread: the pages of a large file that goes are let go one by one."""
        due = self._manager.due_removals()
        self._beside(
            [(removal.directory, removal.remove) for removal in due],
            lambda _: self._later("remove", self._intervals.file_removal_check_ms, self._remove),
        )

    def _flush(self) -> None:
        due: list[PendingFlush] = []
        self._guarded(lambda: due.extend(self._manager.due_flushes()))

        def complete(synced: list[int]) -> None:
            for index in synced:
                due[index].complete()
            self._later("flush", self._intervals.flush_check_ms, self._flush)

        self._beside([(flush.directory.parent, flush.sync) for flush in due], complete)

    def _checkpoint(self) -> None:
        due = self._manager.due_checkpoints()

        def complete(written: list[int]) -> None:
            placed = []
            for index in written:
                try:
                    placed += [due[index]] if due[index].complete() else []
                except OSError as error:
                    self._disk_failed(due[index].directory, error)
            if len(placed) < len(due):
                self._manager.checkpoint()  # something came between: here and now
            self._beside([(one.directory, one.sync) for one in placed], rest)

        def rest(_: list[int]) -> None:
            self._later("checkpoint", self._intervals.log_flush_offset_checkpoint_interval_ms, self._checkpoint)

        self._beside([(checkpoint.directory, checkpoint.write) for checkpoint in due], complete)

    def _beside(self, jobs: Sequence[tuple[PurePath, Callable[[], None]]], done: Callable[[list[int]], None]) -> None:
        """Do the jobs in a thread; then `done` with the numbers of those that went well, unless stopped meanwhile.

        Each comes with its log directory, which fails with it.
        """
        if not jobs:
            done([])
            return
        well: list[int] = []
        failed: list[tuple[PurePath, OSError]] = []

        def work() -> None:
            for index, (directory, job) in enumerate(jobs):
                try:
                    job()
                    well.append(index)
                except OSError as error:
                    failed.append((directory, error))

        def back(error: BaseException | None) -> None:
            if self._stopped:
                return
            if error is not None:
                raise error
            for directory, reason in failed:
                self._disk_failed(directory, reason)
            done(well)

        self._run_blocking(work, back)
