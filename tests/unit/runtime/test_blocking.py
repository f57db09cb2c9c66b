"""Work in threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ottla.runtime.blocking import BLOCKING_THREADS, BlockingWork


async def test_all_of_it_is_done_in_several_threads() -> None:
    blocking = BlockingWork(asyncio.get_running_loop())
    meeting = threading.Barrier(BLOCKING_THREADS, timeout=30)
    done: list[int] = []

    def work() -> None:
        meeting.wait()  # passes only where all are under way
        done.append(threading.get_ident())

    blocking.together([work] * BLOCKING_THREADS)
    blocking.close()
    assert len(set(done)) == BLOCKING_THREADS


async def test_what_fails_is_told_when_all_is_done() -> None:
    blocking = BlockingWork(asyncio.get_running_loop())
    done: list[int] = []

    def fail() -> None:
        raise OSError(5, "the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        blocking.together([fail, *([lambda: done.append(1)] * 20)])
    blocking.close()
    assert len(done) == 20
