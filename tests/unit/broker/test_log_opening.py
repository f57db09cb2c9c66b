"""Opening thousands of logs holds up neither heartbeats nor votes."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import START_MS, ManualClock, batch

from ottla.broker.log_opening import OPEN_SLICE_MS, open_logs
from ottla.log.config import LogConfig
from ottla.log.manager import LogManager
from ottla.runtime.blocking import BlockingWork
from ottla.runtime.disk import Disk, DiskFile

if TYPE_CHECKING:
    from pathlib import Path, PurePath

LOGS = 60


class SlowClock(ManualClock):
    """A millisecond goes by whenever somebody looks."""

    def monotonic_ms(self) -> float:
        self.ms += 1
        return float(self.ms)


class LoopBoundDisk(Disk):
    """Reads a log only while the loop goes on: it has to turn once for every segment that is opened."""

    def __init__(self) -> None:
        self.wanted, self.turned = threading.Event(), threading.Event()
        self.stuck = 0

    def open(self, path: PurePath, *, create: bool = False) -> DiskFile:
        if path.suffix == ".log":
            self.turned.clear()
            self.wanted.set()
            self.stuck += not self.turned.wait(0.2)
        return super().open(path, create=create)


def written(directory: Path) -> LogManager:
    manager = LogManager(Disk(), [directory], ManualClock(), unique=lambda: bytes(16))
    manager.open_all(lambda _: LogConfig())
    for index in range(LOGS):
        log = manager.get_or_create("t", index, b"t" * 16, LogConfig())
        assert log.append(batch(b"a"), leader_epoch=0, now_ms=START_MS).base_offset == 0
    return manager


async def test_a_turn_opens_as_many_as_a_slice_has_room_for(tmp_path: Path) -> None:
    written(tmp_path).close()
    again = LogManager(Disk(), [tmp_path], ManualClock(), unique=lambda: bytes(16))
    turns = 0

    async def beat() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    heart = asyncio.ensure_future(beat())
    work = BlockingWork(asyncio.get_running_loop())
    await open_logs(again, lambda _: LogConfig(), lambda name, topic_id: True, SlowClock(), work)
    heart.cancel()
    work.close()
    assert turns >= LOGS // OPEN_SLICE_MS - 1
    assert sum(1 for _ in again) == LOGS
    assert again.recovered == []


async def test_what_has_to_be_recovered_is_read_beside_the_loop(tmp_path: Path) -> None:
    written(tmp_path)  # and no clean stop
    disk = LoopBoundDisk()
    again = LogManager(disk, [tmp_path], ManualClock(), unique=lambda: bytes(16))

    async def beat() -> None:
        while True:
            if disk.wanted.is_set():
                disk.wanted.clear()
                disk.turned.set()
            await asyncio.sleep(0)

    heart = asyncio.ensure_future(beat())
    work = BlockingWork(asyncio.get_running_loop())
    await open_logs(again, lambda _: LogConfig(), lambda name, topic_id: True, SlowClock(), work)
    heart.cancel()
    work.close()
    assert disk.stuck == 0
    assert [found.log.partition for found in again.recovered] == sorted(range(LOGS), key=lambda index: f"t-{index}")
    assert all(log.log_end_offset == 1 for _, log in again)


async def test_a_start_that_is_given_up_waits_for_who_writes(tmp_path: Path) -> None:
    written(tmp_path)
    disk = LoopBoundDisk()
    again = LogManager(disk, [tmp_path], ManualClock(), unique=lambda: bytes(16))
    work = BlockingWork(asyncio.get_running_loop())
    opening = asyncio.ensure_future(
        open_logs(again, lambda _: LogConfig(), lambda name, topic_id: True, SlowClock(), work)
    )
    await asyncio.sleep(0)
    assert disk.wanted.wait(10), "a thread reads"
    opening.cancel()
    await asyncio.sleep(0)
    assert not opening.done()
    disk.turned.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    work.close()
