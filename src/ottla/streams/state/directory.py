"""The state directory of an application: whose it is, a folder and a lock for each task, and what is cleaned away.

<state.dir>/<application.id>/kafka-streams-process-metadata      the process's id, kept over restarts
                             .lock                               held while a process of the application uses it
                             0_1/.lock  0_1/.checkpoint          held by the thread that runs the task
                             0_1/rocksdb/<store>/
                             global/
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.errors import StreamsError
from ottla.streams.record import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping

PROCESS_FILE: Final = "kafka-streams-process-metadata"
LOCK_FILE: Final = ".lock"
CHECKPOINT_FILE: Final = ".checkpoint"
GLOBAL: Final = "global"
ROCKSDB: Final = "rocksdb"
"""Below a task's folder: the databases of its stores, by their names."""
_CHECKPOINT_VERSION: Final = 0


class LockedError(StreamsError):
    """Another thread or process has the folder."""


class DirectoryLock:
    """The lock file of one folder, made with it. `flock` holds between threads, too: each has a file of its own."""

    def __init__(self, folder: Path) -> None:
        """Raises `LockedError`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = os.open(folder / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise LockedError(f"{folder} is in use by another thread or process") from None

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class StateDirectory:
    """Of one process: a second one of the same application must have another `state.dir`."""

    def __init__(self, state_dir: str, application_id: str, *, writable_by_group: bool = False) -> None:
        self.root = Path(state_dir) / application_id
        self._mode = 0o770 if writable_by_group else 0o750
        self._lock: DirectoryLock | None = None

    def open(self) -> str:
        """Take the directory, and say which process this is."""
        self.root.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            self.root.chmod(self._mode)
        try:
            self._lock = DirectoryLock(self.root)
        except LockedError:
            raise LockedError(
                f"{self.root} is in use by another process of the application; give each its own state.dir"
            ) from None
        return self._process_id()

    def _process_id(self) -> str:
        file = self.root / PROCESS_FILE
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return str(uuid.UUID(json.loads(file.read_text("utf-8"))["processId"]))
        process_id = str(uuid.uuid4())
        file.write_text(json.dumps({"processId": process_id, "version": 1}), "utf-8")
        return process_id

    def task(self, task_id: str) -> Path:
        return self.root / task_id

    def lock_task(self, task_id: str) -> DirectoryLock:
        return DirectoryLock(self.task(task_id))

    def tasks(self) -> list[str]:
        """Those that have a folder."""
        if not self.root.is_dir():
            return []
        return sorted(each.name for each in self.root.iterdir() if each.is_dir() and _is_task(each.name))

    def wipe(self, task_id: str) -> None:
        """The state of a task whose lock the caller has."""
        folder = self.task(task_id)
        if folder.is_dir():
            for each in folder.iterdir():
                if each.name != LOCK_FILE:
                    shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)

    def clean(self, now_s: float, older_than_ms: int) -> list[str]:
        """Remove the folders of tasks that nobody runs and nothing was written to for so long; which these were."""
        removed = []
        for task_id in self.tasks():
            folder = self.task(task_id)
            if now_s - _last_use_s(folder) < older_than_ms / 1000:
                continue
            try:
                lock = DirectoryLock(folder)
            except LockedError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            removed.append(task_id)
        return removed

    def clean_all(self) -> None:
        """`KafkaStreams.clean_up`: everything, as if the application had never run here."""
        with contextlib.closing(_Releasing(DirectoryLock(self.root))):
            for each in self.root.iterdir():
                if each.name != LOCK_FILE:
                    shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # Checkpoints: hints about what lies here, for assignments; the stores have the offsets that count

    def write_checkpoint(self, task_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        lines = [f"{topic} {partition} {offset}" for (topic, partition), offset in sorted(offsets.items())]
        text = "\n".join([str(_CHECKPOINT_VERSION), str(len(lines)), *lines, ""])
        with contextlib.suppress(OSError):
            temporary = self.task(task_id) / f"{CHECKPOINT_FILE}.tmp"
            temporary.write_text(text, "utf-8")
            temporary.replace(self.task(task_id) / CHECKPOINT_FILE)

    def read_checkpoint(self, task_id: str) -> dict[TopicPartition, int]:
        with contextlib.suppress(OSError, ValueError):
            version, _, *lines = (self.task(task_id) / CHECKPOINT_FILE).read_text("utf-8").splitlines()
            if int(version) == _CHECKPOINT_VERSION:
                parts: list[Any] = [line.rsplit(" ", 2) for line in lines if line]
                return {TopicPartition(topic, int(partition)): int(offset) for topic, partition, offset in parts}
        return {}


class _Releasing:
    def __init__(self, lock: DirectoryLock) -> None:
        self.close = lock.release


def _is_task(name: str) -> bool:
    sub_topology, _, partition = name.partition("_")
    return sub_topology.isdecimal() and partition.isdecimal()


def _last_use_s(folder: Path) -> float:
    return max((each.stat().st_mtime for each in (folder, *folder.iterdir())), default=0.0)
