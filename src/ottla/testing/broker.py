"""One node in a process of its own, on a free port of the loopback: for the tests of whoever uses Kafka.

It is `ottla start` as anybody would start it, with two things that tests like better: consumer groups do not wait for
more members, and the topic of offsets is small. It ends with the process that made it, also when that is killed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOST: Final = "127.0.0.1"
SETTINGS: Final = {"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "4"}
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 30.0
TOLD_LINES: Final = 40
MAX_KEPT_LINES: Final = 10_000
_READY: Final = re.compile(rf"is ready on \S*{re.escape(HOST)}:(\d+)")


class BrokerError(RuntimeError):
    """The broker did not start, or ended by itself; the text has the end of what it printed."""


class Broker:
    """`settings` are keys of `server.properties`; `data` is kept if it is given, and else removed at the end.

    `parts` run in the same process, as with `ottla start --with`: "registry", or "registry=HOST:PORT".
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        data: str | Path | None = None,
        parts: Sequence[str] = (),
    ) -> None:
        self._settings = SETTINGS | dict(settings or {})
        self._data = Path(data) if data is not None else None
        self._own: Path | None = None
        self._parts = tuple(parts)
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._printed: deque[str] = deque(maxlen=MAX_KEPT_LINES)
        self._reader: threading.Thread | None = None
        self._addresses: list[int] = []
        """The ports of what is ready: of the broker, and of each part."""
        self._decided = threading.Event()

    @property
    def data(self) -> Path:
        """Where its log directory is. `BrokerError` before the first start, unless it was given."""
        if self._data is None:
            raise BrokerError("the broker was not started")
        return self._data

    @property
    def bootstrap_servers(self) -> str:
        """`HOST:PORT`, the same after a restart."""
        if not self._port:
            raise BrokerError("the broker was not started")
        return f"{HOST}:{self._port}"

    def address_of(self, part: str) -> str:
        """`HOST:PORT` of a part, by its name."""
        names = [word.partition("=")[0] for word in self._parts]
        if part not in names or not self._all_are_ready:
            raise BrokerError(f"{part} does not run beside this broker")
        return f"{HOST}:{self._addresses[1 + names.index(part)]}"

    @property
    def output(self) -> str:
        """What it printed, over all of its starts: the last `MAX_KEPT_LINES`."""
        return "".join(self._printed.copy())

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return when it answers. `BrokerError` if it does not."""
        if self.is_running:
            raise BrokerError("the broker is running already")
        if self._data is None:
            self._own = Path(tempfile.mkdtemp(prefix="ottla-broker-"))
            self._data = self._own / "data"
        self._decided.clear()
        self._addresses = []
        command = [sys.executable, "-m", "ottla", "start", "--stop-at-eof"]
        command += ["--data", str(self.data), "--listen", f"{HOST}:{self._port}"]
        for part in self._parts:
            command += ["--with", part]
        for key, value in self._settings.items():
            command += ["--set", f"{key}={value}"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if not self._decided.wait(START_TIMEOUT_S) or not self._all_are_ready:
            self.kill()
            self._remove_own()
            raise BrokerError(f"the broker did not start:\n{''.join([*self._printed][-TOLD_LINES:])}")

    def stop(self) -> None:
        """SIGTERM: what is open is flushed and closed."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL, as when the machine goes: what was acknowledged is there after the next `start`."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove the data unless it was somebody's own."""
        self.stop()
        self._remove_own()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remove_own(self) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._own = self._data = None

    @property
    def _all_are_ready(self) -> bool:
        return len(self._addresses) == 1 + len(self._parts)

    def _forget(self) -> None:
        process, reader = self._process, self._reader
        assert process is not None and reader is not None
        process.wait()
        reader.join()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        self._process = self._reader = None

    def _read(self, process: subprocess.Popen[str]) -> None:
        """It would stand still if nobody read what it prints."""
        assert process.stdout is not None
        for line in process.stdout:
            self._printed.append(line)
            if not self._all_are_ready and (found := _READY.search(line)):
                self._addresses.append(int(found[1]))
                self._port = self._addresses[0]
            if self._all_are_ready:
                self._decided.set()
        self._decided.set()  # it has ended
