"""Every partition's log in the log directories (`LogManager`).

    <log directory>/
        <topic>-<partition>/                      a log, see `file_names`
        recovery-point-offset-checkpoint          up to where each log is synced: recovery reads from there on
        log-start-offset-checkpoint               starts that deleted records moved into a segment
        replication-offset-checkpoint             high watermarks
        cleaner-offset-checkpoint                 up to where each log is compacted (`cleaner_schedule`)
        .kafka_cleanshutdown                      only there between a clean stop and the next start

The metadata log is the quorum's own and is left alone. Calls are synchronous; what may take long comes as
`PendingFlush`, `PendingLog` or `Removal` for a thread, or is called for slices of `logs` (see `upkeep`).
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from ottla.log.checkpoint import (
    CLEANER_OFFSETS,
    HIGH_WATERMARKS,
    LOG_START_OFFSETS,
    RECOVERY_POINTS,
)
from ottla.log.clean_shutdown import remove_clean_shutdown, write_clean_shutdown
from ottla.log.config import LogConfig
from ottla.log.file_names import (
    DELETE_DIRECTORY,
    FUTURE_DIRECTORY,
    STRAY_DIRECTORY,
    TopicPartition,
    parse_log_directory,
    suffix_of_directory,
    suffixed_directory,
)
from ottla.log.flush import PendingFlush, Together, one_by_one, sync_all
from ottla.log.log import Log
from ottla.log.log_directory import LogDirectory
from ottla.log.pending_checkpoint import PendingCheckpoint
from ottla.log.pending_log import PendingLog
from ottla.log.removal import Removal
from ottla.runtime.files import FileSystem
from ottla.runtime.time import Clock

METADATA_LOG = TopicPartition("__cluster_metadata", 0)
NO_DIRECTORY = (b"", bytes(16), bytes(15) + b"\x01")
"""In place of a directory's id: not told, not known yet (MIGRATING), not placed yet (UNASSIGNED). KIP-858."""


def _is_told(name: TopicPartition, topic_id: bytes | None) -> bool:
    return topic_id is not None


@dataclass(slots=True)
class Recovered:
    """A log that was read whole at the start because the last stop was not clean."""

    log: TopicPartition
    truncated_bytes: int


class LogManager:
    """`open_all` or `opening` first. `unique()` gives 16 random bytes for the names of deleted logs."""

    def __init__(
        self,
        files: FileSystem,
        directories: Sequence[PurePath],
        clock: Clock,
        *,
        unique: Callable[[], bytes],
        random_below: Callable[[int], int] | None = None,
        file_delete_delay_ms: int = 60_000,
        directory_ids: Mapping[PurePath, bytes] | None = None,
        failed: Mapping[PurePath, OSError] | None = None,
    ) -> None:
        """`failed`: the directories that are out of service already."""
        self._files = files
        self._clock = clock
        self._unique = unique
        self._random_below = random_below
        self._delete_delay_ms = file_delete_delay_ms
        ids, failures = directory_ids or {}, failed or {}
        self.directories = [LogDirectory(path, ids.get(path, b""), failures.get(path)) for path in directories]
        self.on_failure: Callable[[PurePath, list[TopicPartition], OSError], None] = lambda *_: None
        self.recovered: list[Recovered] = []
        self._by_name: dict[TopicPartition, LogDirectory] = {}
        self._removable: list[tuple[int, PurePath]] = []
        self.futures: dict[TopicPartition, tuple[LogDirectory, Log]] = {}

    # ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────

    def open_all(
        self,
        config_of: Callable[[str], LogConfig],
        is_hosted: Callable[[TopicPartition, bytes | None], bool] = _is_told,
    ) -> list[Recovered]:
        """`opening`, here and now; returns the logs that needed recovery."""
        for pending in self.opening(config_of, is_hosted):
            pending.open()
        return self.recovered

    def opening(
        self,
        config_of: Callable[[str], LogConfig],
        is_hosted: Callable[[TopicPartition, bytes | None], bool] = _is_told,
    ) -> Iterator[PendingLog]:
        """Every log there is, with `config_of(topic)`, one after the other for the caller to open; see `recovered`.

        `is_hosted(partition, topic id)`: whether the metadata gives it to this node.

        A directory whose disk fails goes offline; `OSError` if it was the last. What else `Log.open` raises passes.
        """
        for directory in self.online:
            try:
                yield from self._open_directory(directory, config_of, is_hosted)
            except OSError as error:
                self.fail_directory(directory.path, error)
                if not self.online:
                    raise

    def _open_directory(
        self,
        directory: LogDirectory,
        config_of: Callable[[str], LogConfig],
        is_hosted: Callable[[TopicPartition, bytes | None], bool],
    ) -> Iterator[PendingLog]:
        self._files.make_directory(directory.path)
        directory.read_state(self._files)
        for name in self._files.list(directory.path):
            log = parse_log_directory(name)
            if suffix_of_directory(name) == FUTURE_DIRECTORY:
                self._files.remove(directory.path / name)  # a copy that was not finished; whoever wants it asks again
            elif suffix_of_directory(name) == DELETE_DIRECTORY:
                self._removable.append((self._clock.now_ms() + self._delete_delay_ms, directory.path / name))
            elif log is not None and log != METADATA_LOG:
                open_log = partial(self._opened, directory, log, config_of(log.topic), None, clean=directory.clean)
                pending = PendingLog(log, open_log, clean=directory.clean)
                yield pending
                twin = self._by_name.get(log)
                try:
                    opened = self._take_in(directory, log, pending.take())
                except NotADirectoryError:
                    continue
                if not directory.clean:
                    self.recovered.append(Recovered(log, opened.truncated_bytes))
                if twin is not None:
                    self._keep_one(log, twin, directory, is_hosted)
        remove_clean_shutdown(self._files, directory.path)

    def _keep_one(
        self,
        name: TopicPartition,
        first: LogDirectory,
        second: LogDirectory,
        is_hosted: Callable[[TopicPartition, bytes | None], bool],
    ) -> None:
        """Two directories have the log: one failed when it was made there, moved away or deleted, and is well again.

        That of the topic that the metadata knows is kept, of two such the longer one: what was acknowledged since is
        in there. The other one is put aside as stray.
        """

        def rank(directory: LogDirectory) -> tuple[bool, int]:
            log = directory.logs[name]
            return is_hosted(name, log.topic_id) and log.topic_id is not None, log.log_end_offset

        kept, other = (second, first) if rank(second) > rank(first) else (first, second)
        self._by_name[name] = other
        self._put_aside(name, STRAY_DIRECTORY)
        self._by_name[name] = kept

    def _open(
        self,
        directory: LogDirectory,
        name: TopicPartition,
        config: LogConfig,
        topic_id: bytes | None,
        *,
        clean: bool,
    ) -> Log:
        return self._take_in(directory, name, self._opened(directory, name, config, topic_id, clean=clean))

    def _opened(
        self,
        directory: LogDirectory,
        name: TopicPartition,
        config: LogConfig,
        topic_id: bytes | None,
        *,
        clean: bool,
    ) -> Log:
        """In any thread."""
        return Log.open(
            self._files,
            directory.path / str(name),
            config,
            now_ms=self._clock.now_ms(),
            clean=clean,
            recovery_point=directory.checkpoints[RECOVERY_POINTS].get(name, 0),
            log_start_offset=directory.checkpoints[LOG_START_OFFSETS].get(name, 0),
            topic_id=topic_id,
            random_below=self._random_below,
        )

    def _take_in(self, directory: LogDirectory, name: TopicPartition, log: Log) -> Log:
        log.high_watermark = directory.checkpoints[HIGH_WATERMARKS].get(name, 0)
        directory.logs[name] = log
        self._by_name[name] = directory
        return log

    # ── the logs ───────────────────────────────────────────────────────────────────────────────────────────────────

    def __iter__(self) -> Iterator[tuple[TopicPartition, Log]]:
        for directory in self.directories:
            yield from directory.logs.items()

    def get(self, topic: str, partition: int) -> Log | None:
        name = TopicPartition(topic, partition)
        directory = self._by_name.get(name)
        return directory.logs[name] if directory else None

    def directory_id_of(self, topic: str, partition: int) -> bytes:
        """Empty if there is no such log, or nobody told the ids."""
        directory = self._by_name.get(TopicPartition(topic, partition))
        return b"" if directory is None else directory.directory_id

    def directory_of(self, topic: str, partition: int) -> LogDirectory | None:
        return self._by_name.get(TopicPartition(topic, partition))

    @property
    def online(self) -> list[LogDirectory]:
        return [directory for directory in self.directories if directory.failure is None]

    def get_or_create(
        self, topic: str, partition: int, topic_id: bytes, config: LogConfig, directory_id: bytes = b""
    ) -> Log:
        """The partition's log; if there is none, made in `directory_id`, or in the directory that has the fewest.

        `OSError` when the metadata knows it in another directory, and it may lie in one that is offline.

        One that belongs to another topic of the same name, deleted while this node was down, is put aside as stray.
        """
        name = TopicPartition(topic, partition)
        log = self.get(topic, partition)
        if log is not None:
            if log.topic_id is None or log.topic_id == topic_id:
                log.config = config
                log.assign_topic_id(topic_id)
                return log
            self._put_aside(name, STRAY_DIRECTORY)
        directory = self._place(name, directory_id)
        try:
            directory.forget(self._files, name)
            return self._open(directory, name, config, topic_id, clean=True)
        except NotADirectoryError:  # a file is in the way; the disk is well
            raise
        except OSError as error:
            self.fail_directory(directory.path, error)
            raise

    def _place(self, name: TopicPartition, directory_id: bytes) -> LogDirectory:
        online = self.online
        if not online:
            raise OSError(errno.EIO, "no log directory is online")
        for directory in online:
            if directory_id and directory.directory_id == directory_id:
                return directory
        if directory_id not in NO_DIRECTORY and len(online) < len(self.directories):
            raise OSError(errno.EIO, f"{name} lies in a log directory that is offline")
        return min(online, key=lambda candidate: len(candidate.logs))

    def is_offline(self, path: PurePath) -> bool:
        return any(directory.path == path and directory.failure is not None for directory in self.directories)

    def fail_directory(self, path: PurePath, error: OSError) -> None:
        """The disk of a directory failed: its logs are this manager's no more, and nothing touches it again."""
        directory = next((one for one in self.directories if one.path == path), None)
        if directory is None or directory.failure is not None:
            return
        directory.failure = error
        lost, directory.logs = list(directory.logs), {}
        for name in lost:
            self._by_name.pop(name, None)
        self._removable = [(when, other) for when, other in self._removable if other.parent != path]
        self.futures = {name: (to, log) for name, (to, log) in self.futures.items() if to is not directory}
        self.on_failure(path, lost, error)

    def fail_directory_of(self, log: Log, error: OSError) -> None:
        self.fail_directory(log.directory.parent, error)

    def delete(self, topic: str, partition: int) -> None:
        """Rename the log's directory to `-delete`; its files go after the delay. Nothing happens if there is none."""
        name = TopicPartition(topic, partition)
        self.abandon_move(name)
        if name in self._by_name:
            try:
                path = self._put_aside(name, DELETE_DIRECTORY)
            except OSError as error:
                self.fail_directory(self._by_name[name].path, error)
                return
            self._removable.append((self._clock.now_ms() + self._delete_delay_ms, path))

    # ── moving between directories ─────────────────────────────────────────────────────────────────────────────────

    def begin_move(self, name: TopicPartition, target: PurePath) -> None:
        """Make the future log of `name` in another directory; nothing happens if it lies there. `OSError`."""
        directory = next(one for one in self.online if one.path == target)
        if name in self.futures and self.futures[name][0] is directory:
            return
        self.abandon_move(name)
        source = self._by_name[name].logs[name]
        if self._by_name[name] is directory:
            return
        path = directory.path / suffixed_directory(name, self._unique(), FUTURE_DIRECTORY)
        now_ms = self._clock.now_ms()
        try:
            future = Log.open(self._files, path, source.config, now_ms=now_ms, clean=True, topic_id=source.topic_id)
            future.truncate_fully_at(source.log_start_offset, now_ms)
        except OSError as error:
            self.fail_directory(directory.path, error)
            raise
        self.futures[name] = (directory, future)

    def abandon_move(self, name: TopicPartition) -> None:
        """Remove the future log, if there is one."""
        directory, future = self.futures.pop(name, (None, None))
        if directory is not None and future is not None:
            try:
                self._files.remove(future.directory)
            except OSError as error:
                self.fail_directory(directory.path, error)

    def complete_move(self, name: TopicPartition) -> Log:
        """Put the synced future log, which holds everything, in the place of the current one. `OSError`."""
        target, future = self.futures.pop(name)
        origin = self._by_name[name]
        source = origin.logs[name]
        future.high_watermark = source.high_watermark
        if future.log_start_offset < source.log_start_offset:
            future.delete_records(source.log_start_offset)
        cleaned = self.cleaner_offset(name)
        try:
            target.forget(self._files, name)
            future.move(target.path / str(name))
            self._files.sync_directory(target.path)
        except OSError as error:
            self.fail_directory(target.path, error)
            raise
        target.logs[name] = future
        try:
            path = self._put_aside(name, DELETE_DIRECTORY)
            self._removable.append((self._clock.now_ms() + self._delete_delay_ms, path))
        except OSError as error:
            del origin.logs[name]
            self.fail_directory(origin.path, error)
        self._by_name[name] = target
        if cleaned is not None:
            self.checkpoint_cleaner_offset(name, cleaned)
        target.write(self._files, LOG_START_OFFSETS, target.log_start_offsets())
        return future

    def put_strays_aside(self, is_hosted: Callable[[TopicPartition, bytes | None], bool]) -> list[TopicPartition]:
        """Rename the logs that the metadata does not give to this node to `-stray`; an operator may look at them."""
        strays = [name for name, log in self if not is_hosted(name, log.topic_id)]
        for name in strays:
            self._put_aside(name, STRAY_DIRECTORY)
        return strays

    def _put_aside(self, name: TopicPartition, suffix: str) -> PurePath:
        directory = self._by_name[name]
        log = directory.logs[name]
        path = directory.path / suffixed_directory(name, self._unique(), suffix)
        directory.changes += 1
        log.move(path)
        self._files.sync_directory(directory.path)
        del self._by_name[name], directory.logs[name]
        return path

    # ── upkeep ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def due_flushes(self) -> list[PendingFlush]:
        """For a thread: logs whose `flush.ms` is over, whole, and the closed segments of those that rolled."""
        now_ms = self._clock.now_ms()
        pending = []
        for _, log in self:
            flush = None
            try:
                if log.flush_due(now_ms):
                    flush = log.prepare_flush(now_ms=now_ms)
                elif log.rolled_unflushed:
                    flush = log.prepare_flush(closed_only=True)
            except OSError as error:
                self.fail_directory_of(log, error)
            if flush is not None:
                pending.append(flush)
        return pending

    def due_removals(self) -> list[Removal]:
        """The files of deleted segments and logs whose `file.delete.delay.ms` is over, once: remove them anywhere.

        A removal that fails (`OSError`) fails its directory.
        """
        now_ms = self._clock.now_ms()
        due: list[Removal] = []
        for _, log in self:
            if log.next_removal_ms is not None:
                root = log.directory.parent
                due += [Removal(self._files, root, path) for path in log.due_removals(now_ms)]
        due += [Removal(self._files, path.parent, path) for when, path in self._removable if when <= now_ms]
        self._removable = [(when, path) for when, path in self._removable if when > now_ms]
        return due

    def remove_deleted(self) -> None:
        """Remove them here and now."""
        for removal in self.due_removals():
            try:
                removal.remove()
            except OSError as error:
                self.fail_directory(removal.directory, error)

    def due_checkpoints(self) -> list[PendingCheckpoint]:
        """Of the checkpoints that changed. The next `open_all` needs them only when the stop is not clean."""
        return [
            PendingCheckpoint(self._files, directory, name, offsets, "upkeep")
            for directory in self.online
            for name, offsets in directory.offsets().items()
            if directory.checkpoints.get(name) != offsets
        ]

    def checkpoint(self) -> None:
        """Write them here and now."""
        for directory in self.online:
            try:
                for name, offsets in directory.offsets().items():
                    directory.write(self._files, name, offsets)
            except OSError as error:
                self.fail_directory(directory.path, error)

    def truncated(self, logs: Iterable[Log]) -> None:
        """These were cut, and nothing was appended since.

        No checkpoint may say that more of them is synced than there is; no copy under way may have more.
        """
        cut = list(logs)
        for name, (target, future) in list(self.futures.items()):
            source = self.get(*name)
            if source in cut and source is not None and future.log_end_offset > source.log_end_offset:
                try:
                    future.truncate_to(source.log_end_offset, self._clock.now_ms())
                except OSError as error:
                    self.fail_directory(target.path, error)
        for path in {log.directory.parent for log in cut}:
            for directory in self.online:
                if directory.path == path:
                    directory.changes += 1
                    try:
                        directory.write(self._files, RECOVERY_POINTS, directory.recovery_points())
                    except OSError as error:
                        self.fail_directory(path, error)

    def cleaner_offset(self, name: TopicPartition) -> int | None:
        """Up to where the log is compacted; None: it never was."""
        directory = self._by_name.get(name)
        return None if directory is None else directory.checkpoints[CLEANER_OFFSETS].get(name)

    def prepare_cleaner_offset(self, name: TopicPartition, offset: int) -> PendingCheckpoint:
        """For a thread, before `checkpoint_cleaner_offset`, which then has nothing left to do."""
        directory = self._by_name[name]
        offsets = directory.cleaner_offsets(name, offset)
        return PendingCheckpoint(self._files, directory, CLEANER_OFFSETS, offsets, "cleaner")

    def checkpoint_cleaner_offset(self, name: TopicPartition, offset: int) -> None:
        directory = self._by_name[name]
        directory.write(self._files, CLEANER_OFFSETS, directory.cleaner_offsets(name, offset))

    def prepare_recovery_points(self, name: TopicPartition) -> PendingCheckpoint:
        """For a thread, before `secure_recovery_point`, which then has nothing left to do."""
        directory = self._by_name[name]
        return PendingCheckpoint(self._files, directory, RECOVERY_POINTS, directory.recovery_points(), "cleaner")

    def secure_recovery_point(self, name: TopicPartition, offset: int) -> None:
        """Have a crash begin recovery at `offset` or later: compaction leaves holes that look like losses."""
        directory = self._by_name[name]
        if not self.is_secure(name, offset):
            directory.write(self._files, RECOVERY_POINTS, directory.recovery_points())

    def is_secure(self, name: TopicPartition, offset: int) -> bool:
        return self._by_name[name].checkpoints[RECOVERY_POINTS].get(name, 0) >= offset

    def close(self, broker_epoch: int = -1, together: Together = one_by_one) -> None:
        """A clean stop: every log flushed and closed, the checkpoints, and the file that says so.

        All is written before anything is synced: one commit of the file system's journal may then serve all logs.
        If a log cannot be closed its directory gets no such file, the others do; the `OSError` is raised at the end.
        """
        failed: OSError | None = None
        for directory in self.online:
            try:
                pending = [log.prepare_close() for log in directory.logs.values()]
                sync_all([each for each in pending if each is not None], together)
                for log in directory.logs.values():
                    log.release()
                for checkpoint, offsets in directory.offsets().items():
                    directory.write(self._files, checkpoint, offsets)
                write_clean_shutdown(self._files, directory.path, broker_epoch)
            except OSError as error:
                failed = error
        if failed is not None:
            raise failed
