"""The processes of a cluster on one machine: started together, watched, stopped in order.

Children do not share the terminal's signals: Ctrl-C reaches the supervisor, and it stops the brokers one by one, the
last first, then the controllers all at once, since who stopped last would look for a quorum in vain. They end by
themselves when the supervisor is gone: their standard input ends then.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from ottla import __version__
from ottla.broker.cluster_layout import node_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ottla.broker.cluster_layout import ClusterLayout

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_IMPATIENT = 130
STOP_TIMEOUT_S: Final = 60.0
"""How long one may take to stop; then it is killed."""
READY_WORDS: Final = b" is ready on "
"""Of the line that `ottla start` prints."""
MAX_LINE_BYTES: Final = 1024 * 1024
"""Of what a node says at a time; more of it is cut into several lines."""


class Child:
    """One node's process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.ready = asyncio.Event()
        self.asked_to_stop = False

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def ask_to_stop(self) -> None:
        self.asked_to_stop = True
        if self.is_running:
            self.process.terminate()

    def kill(self) -> None:
        self.asked_to_stop = True
        if self.is_running:
            self.process.kill()


class Supervisor:
    def __init__(self, directory: Path, layout: ClusterLayout) -> None:
        self._directory = directory
        self._layout = layout
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._failed = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        try:
            for node_id in self._layout.node_ids:
                await self._start(node_id)
            await self._until_ready()
            await self._stop.wait()
            await self._stop_all()
        finally:
            for child in self._children:
                child.kill()
        await asyncio.gather(*self._tasks)
        return EXIT_FAILED if self._failed else EXIT_OK

    async def _start(self, node_id: int) -> None:
        folder = node_folder(self._directory, node_id)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ottla", "start", "--config", str(folder / "server.properties"), "--stop-at-eof"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            limit=MAX_LINE_BYTES,
            start_new_session=True,
        )
        child = Child(folder.name, process)
        _say(f"{child.name} is process {process.pid}.")
        self._children.append(child)
        self._tasks.append(asyncio.ensure_future(self._watch(child)))

    async def _watch(self, child: Child) -> None:
        """Pass on what it says, and say when it ends."""
        width = len(node_folder(self._directory, self._layout.nodes - 1).name)
        assert child.process.stdout is not None
        while line := await _line(child.process.stdout):
            if READY_WORDS in line:
                child.ready.set()
            _say(f"{child.name:<{width}} | {line.decode('utf-8', 'backslashreplace').rstrip()}")
        status = await child.process.wait()
        if child.asked_to_stop and not status:
            return
        self._failed = True
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        if child.asked_to_stop:
            _say(f"{child.name} stopped {how}.")
            return
        left = sum(each.is_running for each in self._children)
        _say(f"{child.name} ended by itself, {how}; it is not started again. {left} of {len(self._children)} run.")
        if not child.ready.is_set() or not left:
            self._stop.set()

    async def _until_ready(self) -> None:
        """The one line, unless somebody cannot start or it is to stop."""
        stop = asyncio.ensure_future(self._stop.wait())
        ready = asyncio.gather(*(child.ready.wait() for child in self._children))
        await asyncio.wait((stop, ready), return_when=asyncio.FIRST_COMPLETED)
        if not self._stop.is_set():
            bootstrap, count = self._layout.bootstrap, self._layout.nodes
            nodes = "1 node" if count == 1 else f"{count} nodes"
            print(
                f"Ottla {__version__}: a cluster of {nodes} is ready on {bootstrap}, data in {self._directory}."
                f" Try: ottla brokers list --bootstrap {self._layout.client_address(0)}",
                flush=True,
            )
        for future in (stop, ready):
            future.cancel()
        await asyncio.gather(stop, ready, return_exceptions=True)

    async def _stop_all(self) -> None:
        voters = [each for node_id, each in enumerate(self._children) if self._layout.is_voter(node_id)]
        for child in reversed(self._children):
            if child not in voters:
                await self._stop_together((child,))
        await self._stop_together(voters)

    async def _stop_together(self, children: Iterable[Child]) -> None:
        running = [child for child in children if child.is_running]
        for child in running:
            child.ask_to_stop()
        waiting = [asyncio.ensure_future(child.process.wait()) for child in running]
        if waiting:
            await asyncio.wait(waiting, timeout=STOP_TIMEOUT_S)
        for child in running:
            if child.is_running:
                _say(f"{child.name} does not stop within {STOP_TIMEOUT_S:g} s, and is killed.")
                child.kill()

    def _on_signal(self) -> None:
        if self._stop.is_set():  # a second one, from a person who cannot wait
            for child in self._children:
                child.kill()
        self._stop.set()


def supervise(directory: Path, layout: ClusterLayout) -> int:
    """Until Ctrl-C, or until no node is left; the exit code says whether all ended well."""

    async def main() -> int:
        return await Supervisor(directory, layout).run()

    return asyncio.run(main())


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, or as much of it as may be; empty at the end."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)


def _say(text: str) -> None:
    """Everything but the ready line: to the standard error."""
    print(text, file=sys.stderr, flush=True)
