"""One partition's log: the public face of the room (`UnifiedLog`)."""

from collections.abc import Callable
from pathlib import PurePath

from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.config import LogConfig
from ottla.log.log_slice import AbortedTransaction, LogSlice
from ottla.runtime.files import Buffer, FileSystem


class Log:
    """Interface first: the body follows."""

    log_start_offset: int
    log_end_offset: int
    recovery_point: int
    high_watermark: int
    topic_id: bytes | None
    directory: PurePath
    config: LogConfig

    @classmethod
    def open(
        cls,
        files: FileSystem,
        directory: PurePath,
        config: LogConfig,
        *,
        now_ms: int,
        clean: bool,
        recovery_point: int = 0,
        log_start_offset: int = 0,
        topic_id: bytes | None = None,
        random_below: Callable[[int], int] | None = None,
    ) -> "Log":
        """Open the log in `directory` (made if missing), after recovery unless the last shutdown was `clean`."""
        raise NotImplementedError

    @property
    def last_stable_offset(self) -> int:
        raise NotImplementedError

    @property
    def size_bytes(self) -> int:
        raise NotImplementedError

    def append(
        self, records: Buffer, *, leader_epoch: int, now_ms: int, origin: AppendOrigin = AppendOrigin.CLIENT
    ) -> AppendResult:
        raise NotImplementedError

    def read(self, offset: int, max_bytes: int, *, upper_bound: int | None = None, min_one: bool = True) -> LogSlice:
        """Never past `upper_bound` (default: the log's end), which is an offset such as the high watermark."""
        raise NotImplementedError

    def aborted_transactions(self, start: int, end: int) -> list[AbortedTransaction]:
        """For a read_committed fetch of the offsets `start … end` (exclusive)."""
        raise NotImplementedError

    def offset_for_timestamp(self, timestamp_ms: int) -> "TimestampedOffset | None":
        """The first record whose timestamp is `timestamp_ms` or later; None if there is none."""
        raise NotImplementedError

    def offset_of_max_timestamp(self) -> "TimestampedOffset | None":
        raise NotImplementedError

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int] | None:
        """(the largest epoch known that is not above `epoch`, its end offset), as OffsetForLeaderEpoch answers; None: unknown."""
        raise NotImplementedError

    def assign_epoch(self, epoch: int, start_offset: int) -> None:
        """A leader's epoch begins at `start_offset`; earlier entries from there on are forgotten."""
        raise NotImplementedError

    @property
    def latest_epoch(self) -> int | None:
        raise NotImplementedError

    def roll(self, now_ms: int) -> None:
        raise NotImplementedError

    def flush(self) -> None:
        """Sync everything on this thread. A loop prefers `prepare_flush`."""
        raise NotImplementedError

    def prepare_flush(self) -> "PendingFlush | None":
        """What to sync, for a thread: run `.sync()` there, then `.complete()` here; None when nothing is unsynced."""
        raise NotImplementedError

    def truncate_to(self, offset: int, now_ms: int) -> bool: ...

    def truncate_fully_at(self, offset: int, now_ms: int) -> None: ...

    def delete_records(self, offset: int) -> None:
        """Move the log's start; `ValueError` beyond the high watermark. -1 means the high watermark."""
        raise NotImplementedError

    def delete_old_segments(self, now_ms: int) -> int:
        """Apply retention; segments become `.deleted` files, removed by `remove_deleted_files` after the delay."""
        raise NotImplementedError

    def remove_deleted_files(self, now_ms: int) -> None: ...

    def close(self) -> None: ...


class TimestampedOffset:
    offset: int
    timestamp_ms: int
    leader_epoch: int


class PendingFlush:
    def sync(self) -> None:
        """Blocking; may run in a thread."""
        raise NotImplementedError

    def complete(self) -> None:
        """Back on the loop: the recovery point advances."""
        raise NotImplementedError
