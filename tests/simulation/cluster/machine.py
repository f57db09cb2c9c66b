"""A simulated machine: a host name, a disk, a clock that is wrong in its own way, and the processes on it.

`world_of` makes all that a node is handed. `kill` ends a process as `kill -9` does: what it wrote is in the page cache.
`lose_power` ends all of them, and what was not synced is lost, or torn; nobody is told.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.simulation.cluster.network import ProcessNetwork
from tests.simulation.cluster.process import Process, ignore
from tests.simulation.disk import SimulatedDisk

from ottla.log.flush import one_by_one
from ottla.runtime.clock import LoopTimers
from ottla.runtime.lock import DirectoryInUseError
from ottla.runtime.turn import Turn
from ottla.runtime.world import World

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from pathlib import Path, PurePath

    from tests.simulation.cluster.loop import SimulatedLoop
    from tests.simulation.cluster.network import SimulatedNetwork
    from tests.simulation.disk import SimulatedFile

    from ottla.runtime.files import Buffer

WALL_START_MS = 1_700_000_000_000
DISK_BYTES = 1 << 40
SYNC_S = (0.0005, 0.006)


class Machine:
    def __init__(self, loop: SimulatedLoop, network: SimulatedNetwork, host: str, seed: str) -> None:
        self.loop = loop
        self.network = network
        self.host = host
        self.random = Random(f"{seed}/{host}")
        self.disk = SimulatedDisk(self.random.getrandbits(32))
        self.clock = SkewedClock(loop, self.random.uniform(0, 1e6))
        self.sync_s = SYNC_S
        """How long a sync takes, from and to."""
        self.processes: list[Process] = []
        self._locked: dict[str, Process] = {}

    def new_process(self, name: str) -> Process:
        self.processes = [process for process in self.processes if process.is_alive]
        process = Process(name, self.host)
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        process.kill()
        if not any(each.is_alive for each in self.processes):
            self.disk.crash(power=False)

    def lose_power(self) -> None:
        self.network.is_off.add(self.host)
        for process in self.processes:
            process.kill()
        self.disk.crash(power=True)

    def power_on(self) -> None:
        self.network.is_off.discard(self.host)

    def world_of(self, process: Process) -> World:
        random = Random(self.random.getrandbits(64))
        return World(
            files=ProcessFiles(self.disk, process),
            network=ProcessNetwork(self.network, process),
            clock=self.clock,
            timers=LoopTimers(self.loop),
            turn=Turn(),
            random=random,
            blocking=SimulatedBlocking(self, random),
            new_uuid=lambda: _uuid(random),
            lock=lambda directory: self._lock(directory, process),
            disk_bytes=lambda _: (DISK_BYTES, DISK_BYTES // 2),
            settled=ignore,
            close=ignore,
        )

    def _lock(self, directory: Path, process: Process) -> SimulatedLock:
        process.check()
        holder = self._locked.get(str(directory))
        if holder is not None and holder.is_alive:
            raise DirectoryInUseError(directory)
        self._locked[str(directory)] = process
        return SimulatedLock(self._locked, str(directory))


class SimulatedLock:
    def __init__(self, locked: dict[str, Process], directory: str) -> None:
        self._locked = locked
        self._directory = directory

    def release(self) -> None:
        self._locked.pop(self._directory, None)


class SkewedClock:
    """`Clock`: the wall clock is off, and drifts; now and then somebody sets it. The monotonic one is only started
    anywhere."""

    def __init__(self, loop: SimulatedLoop, monotonic_start_ms: float) -> None:
        self._loop = loop
        self._monotonic_start_ms = monotonic_start_ms
        self.offset_ms = 0.0
        self.drift = 0.0

    def now_ms(self) -> int:
        return WALL_START_MS + int(self._loop.time() * 1000 * (1 + self.drift) + self.offset_ms)

    def monotonic_ms(self) -> float:
        return self._monotonic_start_ms + self._loop.time() * 1000


class SimulatedBlocking:
    """`Blocking`: the work is done at some moment before it is reported."""

    def __init__(self, machine: Machine, random: Random) -> None:
        self._machine = machine
        self._random = random

    def future(self, work: Callable[[], object]) -> asyncio.Future[object]:
        loop = self._machine.loop
        future: asyncio.Future[object] = loop.create_future()
        took_s = self._random.uniform(*self._machine.sync_s)
        before_s = took_s * self._random.random()

        def run() -> None:
            try:
                result = work()
            except Exception as error:
                loop.call_later(took_s - before_s, _fail, future, error)
            else:
                loop.call_later(took_s - before_s, _succeed, future, result)

        loop.call_later(before_s, run)
        return future

    def run(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        self.future(work).add_done_callback(lambda future: done(None if future.cancelled() else future.exception()))

    def together(self, works: Sequence[Callable[[], None]]) -> None:
        one_by_one(self._random.sample(works, len(works)))


def _fail(future: asyncio.Future[object], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: asyncio.Future[object], result: object) -> None:
    if not future.done():
        future.set_result(result)


class ProcessFiles:
    """`FileSystem`: the machine's disk, as long as the process lives. It may die at any operation."""

    def __init__(self, disk: SimulatedDisk, process: Process) -> None:
        self._disk = disk
        self._process = process

    def open(self, path: PurePath, *, create: bool = False) -> ProcessFile:
        self._process.check()
        return ProcessFile(self._disk.open(path, create=create), self._process)

    def list(self, directory: PurePath) -> list[str]:
        self._process.check()
        return self._disk.list(directory)

    def make_directory(self, directory: PurePath) -> None:
        self._process.check()
        self._disk.make_directory(directory)

    def rename(self, source: PurePath, target: PurePath) -> None:
        self._process.check()
        self._disk.rename(source, target)

    def remove(self, path: PurePath) -> None:
        self._process.check()
        self._disk.remove(path)

    def sync_directory(self, directory: PurePath) -> None:
        self._process.check()
        self._disk.sync_directory(directory)


class ProcessFile:
    def __init__(self, file: SimulatedFile, process: Process) -> None:
        self._file = file
        self._process = process

    @property
    def size(self) -> int:
        return self._file.size

    def append(self, buffers: Sequence[Buffer]) -> int:
        self._process.check()
        return self._file.append(buffers)

    def read(self, position: int, size: int) -> bytes:
        self._process.check()
        return self._file.read(position, size)

    def truncate(self, size: int) -> None:
        self._process.check()
        self._file.truncate(size)

    def sync(self) -> None:
        self._process.check()
        self._file.sync()

    def close(self) -> None:
        self._file.close()


def _uuid(random: Random) -> bytes:
    while True:
        made = random.randbytes(16)
        if made[0] >> 2 != 62:
            return made
