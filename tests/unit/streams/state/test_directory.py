"""The state directory: process ids, locks, checkpoints, cleaning."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from ottla.streams.record import TopicPartition
from ottla.streams.state.directory import LockedError, StateDirectory

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_keeps_its_id(tmp_path: Path) -> None:
    first = StateDirectory(str(tmp_path), "app")
    process_id = first.open()
    first.close()
    again = StateDirectory(str(tmp_path), "app")
    assert again.open() == process_id
    again.close()


def test_two_processes_cannot_share_it(tmp_path: Path) -> None:
    first = StateDirectory(str(tmp_path), "app")
    first.open()
    with pytest.raises(LockedError, match=r"state\.dir"):
        StateDirectory(str(tmp_path), "app").open()
    first.close()


def test_a_task_is_locked_by_one_thread(tmp_path: Path) -> None:
    directory = StateDirectory(str(tmp_path), "app")
    lock = directory.lock_task("0_1")
    with pytest.raises(LockedError):
        directory.lock_task("0_1")
    lock.release()
    directory.lock_task("0_1").release()


def test_checkpoints(tmp_path: Path) -> None:
    directory = StateDirectory(str(tmp_path), "app")
    directory.lock_task("0_1").release()
    assert directory.read_checkpoint("0_1") == {}
    directory.write_checkpoint("0_1", {TopicPartition("app-counts-changelog", 1): 42})
    assert directory.read_checkpoint("0_1") == {TopicPartition("app-counts-changelog", 1): 42}


def test_only_old_and_idle_tasks_are_cleaned_away(tmp_path: Path) -> None:
    directory = StateDirectory(str(tmp_path), "app")
    busy = directory.lock_task("0_0")
    for task in ("0_1", "0_2"):
        directory.lock_task(task).release()
    for task in ("0_0", "0_1"):
        for each in (directory.task(task), *directory.task(task).iterdir()):
            os.utime(each, (1, 1))
    assert directory.clean(time.time(), 600_000) == ["0_1"]
    assert directory.tasks() == ["0_0", "0_2"]
    busy.release()


def test_wiping_keeps_the_lock(tmp_path: Path) -> None:
    directory = StateDirectory(str(tmp_path), "app")
    lock = directory.lock_task("0_0")
    (directory.task("0_0") / "rocksdb").mkdir()
    directory.wipe("0_0")
    assert [each.name for each in directory.task("0_0").iterdir()] == [".lock"]
    lock.release()
