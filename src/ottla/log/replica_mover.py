"""Copying logs into other log directories while they are written to, and changing over (KIP-113).

    <origin>/t-0   ─── batches, a slice at a time ───►   <target>/t-0.<32 hex digits>-future
    all copied, synced in a thread, the rest copied, synced  ─►  <target>/t-0, and <origin>/t-0.…-delete

A few logs at a time take turns. A start removes what was not finished.
"""

from collections.abc import Callable
from pathlib import PurePath

from ottla.log.append_result import AppendOrigin
from ottla.log.file_names import TopicPartition
from ottla.log.log import Log
from ottla.log.manager import LogManager
from ottla.log.upkeep import RunBlocking
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock, Timer, Timers

BYTES_A_SLICE = 256 * 1024
SLICE_INTERVAL_MS = 2.0


class ReplicaMover:
    """`moved` is told of a log that took another's place; `report` of one that cannot be copied."""

    def __init__(
        self,
        manager: LogManager,
        timers: Timers,
        clock: Clock,
        run_blocking: RunBlocking,
        *,
        moved: Callable[[TopicPartition, Log], None],
        report: Callable[[str], None],
        max_bytes_per_second: float = float("inf"),
    ) -> None:
        self._manager = manager
        self._timers = timers
        self._clock = clock
        self._run_blocking = run_blocking
        self._moved = moved
        self._report = report
        self._max_bytes_per_second = max_bytes_per_second
        self._timer: Timer | None = None
        self._syncing: set[TopicPartition] = set()
        self._stopped = False

    def move(self, name: TopicPartition, target: PurePath) -> None:
        """Begin to move a log that is there into a directory that is online. `OSError`."""
        self._manager.begin_move(name, target)
        self._later(0)

    def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _later(self, delay_ms: float) -> None:
        if self._timer is None and not self._stopped:
            self._timer = self._timers.call_later(delay_ms, self._turn)

    def _turn(self) -> None:
        """A slice of one log; then the next one's turn."""
        self._timer = None
        name = next((one for one in self._manager.futures if one not in self._syncing), None)
        if name is None:
            return
        target, future = self._manager.futures.pop(name)
        self._manager.futures[name] = (target, future)  # behind the others
        source = self._manager.get(*name)
        copied = 0
        if source is None:
            self._manager.abandon_move(name)
        else:
            try:
                copied = self._copy(name, source, future)
                if future.log_end_offset == source.log_end_offset:
                    self._sync(name, source, future)
            except OSError as error:
                self._manager.fail_directory(target.path, error)
        self._later(max(SLICE_INTERVAL_MS, copied * 1000 / self._max_bytes_per_second))

    def _copy(self, name: TopicPartition, source: Log, future: Log) -> int:
        """Bytes copied now."""
        now_ms = self._clock.now_ms()
        if future.log_end_offset < source.log_start_offset:
            future.truncate_fully_at(source.log_start_offset, now_ms)
        region = source.read(future.log_end_offset, min(BYTES_A_SLICE, source.config.segment_bytes)).region
        if region is None:
            return 0
        data = region.file.read(region.position, region.size)
        result = future.append(data, leader_epoch=-1, now_ms=now_ms, origin=AppendOrigin.REPLICATION)
        if result.error is not ErrorCode.NONE:
            self._manager.abandon_move(name)
            self._report(f"{source.directory} cannot be moved: {result.error_message}")
        return len(data)

    def _sync(self, name: TopicPartition, source: Log, future: Log) -> None:
        """In a thread, until nothing is new since; then change over."""
        pending = future.prepare_flush()
        if pending is None:
            self._change_over(name, source, future)
            return
        self._syncing.add(name)

        def done(error: BaseException | None) -> None:
            self._syncing.discard(name)
            if self._stopped or self._manager.futures.get(name, (None, None))[1] is not future:
                return
            if isinstance(error, OSError):
                self._manager.fail_directory(future.directory.parent, error)
                return
            pending.complete()
            self._later(0)

        self._run_blocking(pending.sync, done)

    def _change_over(self, name: TopicPartition, source: Log, future: Log) -> None:
        future.config = source.config
        if source.epochs.latest > future.epochs.latest:  # a leader that has written nothing yet
            future.assign_epoch(source.epochs.latest, source.log_end_offset)
        self._manager.complete_move(name)
        self._moved(name, future)
