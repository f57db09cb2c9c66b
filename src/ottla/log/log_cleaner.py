"""Compaction going on beside everything else: one log after the other, never in the way (`LogCleaner`).

Reading, writing, syncing and large (de)compressing go to a thread; all else is done on the loop in slices of SLICE_MS,
with rests between them: short ones, or, when the loop is late, four times as long as the slice. Swapping segments is a
few renames on the loop. `log.cleaner.io.max.bytes.per.second` bounds what is read and written together; when nothing is
due, `log.cleaner.backoff.ms` pass.
"""

from collections.abc import Callable, Generator

from ottla.log.batch_reader import Step
from ottla.log.cleaner import CleaningAbandonedError, clean
from ottla.log.cleaner_schedule import CleanerSchedule, LogToClean
from ottla.log.config import CleanerConfig
from ottla.log.manager import LogManager
from ottla.log.pending_checkpoint import PendingCheckpoint
from ottla.log.upkeep import RunBlocking
from ottla.runtime.time import Clock, Timer, Timers

SLICE_MS = 0.5
IDLE_REST_MS = 0.5
BUSY_REST_MS = 4 * SLICE_MS
SHORTEST_BACKOFF_MS = 100
LATE_MS = 2.5
"""A timer that comes as late as this says that the loop has other things to do."""


class LogCleaner:
    """`start` once the logs are open, `stop` before they are closed. `config` is asked before each log.

    `failed` gets an `OSError` of a log's directory; `report` a line about a log that cannot be compacted.
    """

    def __init__(
        self,
        manager: LogManager,
        timers: Timers,
        clock: Clock,
        run_blocking: RunBlocking,
        *,
        config: Callable[[], CleanerConfig],
        failed: Callable[[OSError], None],
        report: Callable[[str], None],
    ) -> None:
        self._manager = manager
        self._timers = timers
        self._clock = clock
        self._run_blocking = run_blocking
        self._config = config
        self._failed = failed
        self._report = report
        self._schedule = CleanerSchedule(manager)
        self._round: Generator[Step, None, bool] | None = None
        self._timer: Timer | None = None
        self._due_ms = 0.0
        self._spent_ms = 0.0
        self._handled_bytes = 0
        self._began_ms = 0.0
        self._rate = float("inf")
        self._in_thread = False
        self._stopped = False
        self.cleaned_logs = 0
        self.longest_slice_ms = 0.0

    @property
    def uncleanable(self) -> int:
        """How many logs could not be read."""
        return len(self._schedule.uncleanable)

    def start(self) -> None:
        self._rest(self._config().backoff_ms)

    def stop(self) -> None:
        """Work that is under way in a thread ends there; its files are removed now, then, or at the next start."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._round is not None and not self._in_thread:
            self._round.close()

    def _rest(self, delay_ms: float) -> None:
        self._spent_ms = 0.0
        self._due_ms = self._clock.monotonic_ms() + delay_ms
        self._timer = self._timers.call_later(delay_ms, self._turn)

    def _turn(self) -> None:
        now_ms = self._clock.monotonic_ms()
        late = now_ms - self._due_ms > LATE_MS
        self._go_on(BUSY_REST_MS if late else IDLE_REST_MS)

    def _go_on(self, rest_ms: float, error: BaseException | None = None) -> None:
        """Work until a slice is over, something goes to a thread, or the round ends."""
        if self._round is None:
            self._began_ms, self._handled_bytes = self._clock.monotonic_ms(), 0
            self._round = self._clean_one()
        began_ms = self._clock.monotonic_ms()
        try:
            while True:
                step = next(self._round) if error is None else self._round.throw(error)
                error = None
                spent_ms = self._clock.monotonic_ms() - began_ms
                if not isinstance(step, int):
                    self._spent_ms += spent_ms
                    self._in_thread = True
                    self._run_blocking(step, lambda failure: self._done_in_thread(rest_ms, failure))
                    return
                self._handled_bytes += step
                if self._spent_ms + spent_ms >= SLICE_MS or (step and self._ahead_ms() > 0):
                    break
        except StopIteration as ended:
            self._round = None
            self._rest(IDLE_REST_MS if ended.value else max(SHORTEST_BACKOFF_MS, self._config().backoff_ms))
            return
        finally:
            self.longest_slice_ms = max(self.longest_slice_ms, self._clock.monotonic_ms() - began_ms)
        self._rest(max(rest_ms, self._ahead_ms()))

    def _ahead_ms(self) -> float:
        """How much earlier than the throttle allows the bytes of this round were handled; negative: later."""
        return self._began_ms + self._handled_bytes * 1000 / self._rate - self._clock.monotonic_ms()

    def _done_in_thread(self, rest_ms: float, error: BaseException | None) -> None:
        self._in_thread = False
        if not self._stopped:
            self._go_on(rest_ms, error)
        elif self._round is not None:
            self._round.close()

    def _clean_one(self) -> Generator[Step, None, bool]:
        """False: nothing was due, or nothing could be done."""
        config = self._config()
        self._rate = max(1.0, config.io_max_bytes_per_second)
        try:
            found = yield from self._schedule.filthiest(self._clock.now_ms())
            return found is not None and (yield from self._clean(found, config))
        except OSError as error:
            self._failed(error)
            return False

    def _clean(self, found: LogToClean, config: CleanerConfig) -> Generator[Step, None, bool]:
        name, log = found.partition, found.log
        cleaning = clean(log, found.first_dirty, found.first_uncleanable, config, now_ms=self._clock.now_ms())
        try:
            if not self._manager.is_secure(name, found.first_uncleanable):
                yield from _written(self._manager.prepare_recovery_points(name))
                if self._manager.get(*name) is not log:
                    return False
                self._manager.secure_recovery_point(name, found.first_uncleanable)
            end = yield from cleaning
            if self._manager.get(*name) is log:
                yield from _written(self._manager.prepare_cleaner_offset(name, end))
            if self._manager.get(*name) is log:
                self._manager.checkpoint_cleaner_offset(name, end)
        except CleaningAbandonedError:
            return False
        except OSError as error:
            if self._manager.get(*name) is log:  # else it was deleted meanwhile
                self._manager.fail_directory_of(log, error)
                self._failed(error)
            return False
        except Exception as error:
            self._schedule.uncleanable[name] = log
            self._report(f"{log.directory} cannot be compacted, and is left as it is: {error}")
            return True
        self.cleaned_logs += 1
        return True


def _written(checkpoint: PendingCheckpoint) -> Generator[Step, None, None]:
    """If it is out of date before it is written, nothing is."""
    yield checkpoint.write
    if checkpoint.complete():
        yield checkpoint.sync
