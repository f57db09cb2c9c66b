"""All that a node has of the world outside of itself, in one value: the real one, or a simulated one.

Nothing else of a node may look at a clock, open a file or a socket, start a thread, or draw at random.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Protocol

from ottla.runtime.blocking import BlockingWork
from ottla.runtime.clock import LoopTimers, SystemClock
from ottla.runtime.collector import spare_the_collector
from ottla.runtime.disk import Disk
from ottla.runtime.lock import DirectoryLock
from ottla.runtime.sockets import SocketNetwork, SocketOptions
from ottla.runtime.turn import Turn

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ottla.runtime.files import FileSystem
    from ottla.runtime.network import Network
    from ottla.runtime.time import Clock, Timers

GC_THRESHOLD = 5_000  # objects that are new between two looks at them: requests leave no cycles, so there are few


class Blocking(Protocol):
    """Work that waits for the disk, beside the event loop: see `runtime.blocking`."""

    def future(self, work: Callable[[], object]) -> asyncio.Future[object]: ...

    def run(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None: ...

    def together(self, works: Sequence[Callable[[], None]]) -> None: ...


class Held(Protocol):
    """A directory that no other process has."""

    def release(self) -> None: ...


@dataclass(slots=True, frozen=True)
class World:
    files: FileSystem
    network: Network
    clock: Clock
    timers: Timers
    turn: Turn
    random: Random
    blocking: Blocking
    new_uuid: Callable[[], bytes]
    lock: Callable[[Path], Held]
    """Raises `DirectoryInUseError`, `OSError`."""
    disk_bytes: Callable[[Path], tuple[int, int]]
    """Of the disk that a directory is on: all, and what may still be used."""
    settled: Callable[[], None]
    """The node is up: what it made so far stays."""
    close: Callable[[], None]
    """Last of all: end the helper threads."""


def real_world(loop: asyncio.AbstractEventLoop, options: SocketOptions, turn: Turn | None = None) -> World:
    network = SocketNetwork(loop, options)
    blocking = BlockingWork(loop)

    def close() -> None:
        network.close()
        blocking.close()

    return World(
        files=Disk(),
        network=network,
        clock=SystemClock(),
        timers=LoopTimers(loop),
        turn=turn or Turn(),
        random=Random(),
        blocking=blocking,
        new_uuid=new_uuid,
        lock=DirectoryLock,
        disk_bytes=_disk_bytes,
        settled=partial(spare_the_collector, GC_THRESHOLD),
        close=close,
    )


def new_uuid() -> bytes:
    """Random bytes whose text does not begin with a dash, as Kafka makes them: tools would take it for a flag."""
    while True:
        made = uuid.uuid4().bytes
        if made[0] >> 2 != 62:
            return made


def _disk_bytes(directory: Path) -> tuple[int, int]:
    disk = os.statvfs(directory)
    return disk.f_frsize * disk.f_blocks, disk.f_frsize * disk.f_bavail
