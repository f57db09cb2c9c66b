"""The program of a plugin, in a process of its own, with its stderr in the log.

It ends with the process that started it (`leash.py`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError
from ottla.runtime.exit_status import how_it_ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_log = logging.getLogger("ottla.connect.plugin")
ERROR_LINES_KEPT: Final = 20
ERROR_LINE_BYTES_MAX: Final = 16 * 1024
END_GRACE_S: Final = 5.0
END_OF_OUTPUT_S: Final = 2.0
_LEASH: Final = str(Path(__file__).with_name("leash.py"))
_NOT_ITS_BUSINESS: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP")


class Program:
    """`name` is what the log calls it. `ConnectError` where it cannot be started."""

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        *,
        with_input: bool = False,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.error_lines = 0
        self.last_heard = time.monotonic()
        self._errors: deque[str] = deque(maxlen=ERROR_LINES_KEPT)
        self._writing = threading.Lock()
        surroundings = {key: text for key, text in os.environ.items() if key not in _NOT_ITS_BUSINESS}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _LEASH, str(os.getpid()), *command],
                stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={**surroundings, "PYTHONUNBUFFERED": "1", **(environment or {})},
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise ConnectError(f"{name} cannot be started: {command[0]}: {error.strerror}") from error
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        self._relaying = threading.Thread(target=self._relay, name=name, daemon=True)
        self._relaying.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of it, from any thread; `ConnectError`: it has ended, or takes nothing for so long."""
        with self._writing:
            self._write(data, timeout_s)

    def _write(self, data: bytes, timeout_s: float) -> None:
        assert self._process.stdin is not None, "started without input"
        if self._process.stdin.closed:
            raise ConnectError(f"{self.name} is asked to end, and takes nothing more")
        descriptor = self._process.stdin.fileno()
        rest = memoryview(data)
        deadline = time.monotonic() + timeout_s
        while rest:
            try:
                written = os.write(descriptor, rest)
            except BlockingIOError:
                _, writable, _ = select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))
                if not writable:
                    raise ConnectError(f"{self.name} took nothing for {timeout_s:g} s{self.last_words()}") from None
                continue
            except OSError as error:
                self._process.wait(END_GRACE_S)
                raise ConnectError(f"{self.name} ended {self.how_it_ended()}{self.last_words()}") from error
            rest = rest[written:]
            deadline = time.monotonic() + timeout_s

    def close_input(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def wait(self, timeout_s: float) -> int | None:
        """Its status, when all that it wrote to stderr is read; `None`: it runs."""
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        self._relaying.join(END_OF_OUTPUT_S)
        return status

    def how_it_ended(self) -> str:
        status = self._process.poll()
        if status is None:
            return "its output, and goes on running"
        return how_it_ended(status)

    def last_words(self) -> str:
        """The end of its stderr, to be put behind a message."""
        return "".join(f"\n{line}" for line in list(self._errors))

    def stop(self) -> None:
        """It is asked to end, and after `END_GRACE_S` made to, with all that it has started."""
        self.close_input()
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_GRACE_S)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._relaying.join(END_OF_OUTPUT_S)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _relay(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            file = os.fdopen(os.dup(pipe.fileno()), "rb")
            with file:
                while line := file.readline(ERROR_LINE_BYTES_MAX):
                    self.last_heard = time.monotonic()
                    text = line.decode("utf-8", "replace").rstrip()
                    if text:
                        self.error_lines += 1
                        self._errors.append(text)
                        _log.info("%s: %s", self.name, text)
