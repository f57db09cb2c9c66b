"""A server process of a test: started, waited for, stopped, killed, never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

STOP_TIMEOUT_S: Final = 60.0
POLL_INTERVAL_S: Final = 0.02
LOG_TAIL_BYTES: Final = 4000

T = TypeVar("T")


class NodeDiedError(AssertionError):
    """The process ended, or did not get ready in time; the text holds the end of its output."""


class NodeProcess(ABC):
    """One node of a broker: its process, and the directory with its data and its output (`output.log`)."""

    name: str
    data: Path
    of_slowness: ClassVar[tuple[str, ...]] = ()
    """Parts of the errors that it reports for no other reason than that the machine is slow."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_here = True

    @property
    @abstractmethod
    def address(self) -> str:
        """`HOST:PORT` of the listener for clients."""

    @abstractmethod
    def start(self) -> None:
        """Start the process and return when it answers."""

    @property
    def pid(self) -> int:
        assert self._process is not None, "the node is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Everything that the process wrote, over all of its starts."""
        log = self.directory / "output.log"
        return log.read_text(errors="replace") if log.exists() else ""

    @property
    def errors(self) -> list[str]:
        """Every line of the output that tells of an error, but for those that only a slow machine is to blame for."""
        told = [line for line in self.output.splitlines() if "ERROR" in line]
        return [line for line in told if not any(part in line for part in self.of_slowness)]

    def stop(self) -> int:
        """SIGTERM, and wait for a clean end; the exit status."""
        return self._end(signal.SIGTERM)

    def terminate(self) -> None:
        """SIGTERM, and do not wait."""
        assert self._process is not None, "the node was never started"
        if self._process.poll() is None:
            self._ended_here = True
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`: no flush, no checkpoint, no goodbye."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """End the process if it runs, whatever it takes; `NodeDiedError` if it ended before, and not by this class."""
        if self._process is not None and not self.is_running and not self._ended_here:
            self._ended_here = True
            raise self.died(f"ended by itself, with status {self._process.returncode}")
        if self.is_running:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            if self.is_running:
                self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        assert not self.is_running, "the node runs already"
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "output.log").open("ab") as log:
            self._ended_here = False
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=self.directory,
            )

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "the node was never started"
        if self._process.poll() is None:
            self._ended_here = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return self._process.wait(STOP_TIMEOUT_S)

    def died(self, reason: str) -> NodeDiedError:
        return NodeDiedError(f"{self.name}: {reason}\n{self.output[-LOG_TAIL_BYTES:]}")


def wait_for(condition: Callable[[], T | None], what: str, timeout_s: float = 60.0) -> T:
    """Poll `condition` until it gives something true, and return it; after the timeout AssertionError with `what`."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what} (last: {result!r})")
        time.sleep(POLL_INTERVAL_S)


def wait_until_listening(node: NodeProcess, host: str, port: int, timeout_s: float) -> None:
    """Return when `host:port` takes connections; `NodeDiedError` when the process ends first or the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            pass
        if not node.is_running:
            raise node.died("ended before it took connections")
        if time.monotonic() > deadline:
            node.close()
            raise node.died(f"takes no connections on {host}:{port} after {timeout_s:g} s")
        time.sleep(POLL_INTERVAL_S)


_kept: Final[dict[int, socket.socket]] = {}


def free_port() -> int:
    """A TCP port of the loopback that nobody else gets while this process lives: see `keep_port`."""
    return keep_port(0)


def keep_port(port: int) -> int:
    """Bind `port` (0: any) without ever listening on it.

    A server that allows reuse of its address, as Java's and ours do, listens on it all the same. But neither does the
    system give it to whoever binds to any port, nor to a client's connection, of which one that knocks while the
    server is away could otherwise reach itself.
    """
    if port not in _kept:
        keeper = socket.socket()
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            keeper.bind(("127.0.0.1", port))
        except OSError:
            keeper.close()
            raise
        port = keeper.getsockname()[1]
        _kept[port] = keeper
    return port
