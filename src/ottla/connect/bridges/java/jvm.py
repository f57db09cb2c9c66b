"""A JVM that hosts one connector or one task, and the frames that are exchanged with it (`ConnectHost.java`).

    size, 4 bytes │ size of the header, 4 bytes │ header, JSON │ body

Requests have an id and are answered under it, in whatever order; the JVM calls, too. `ask` from any thread.
"""

from __future__ import annotations

import json
import logging
import struct
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.bridges.program import END_OF_OUTPUT_S, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = logging.getLogger("ottla.connect.plugin")
FRAME_BYTES_MAX: Final = 256 * 1024 * 1024
TAKE_TIMEOUT_S: Final = 60.0
_SIZES: Final = struct.Struct(">ii")


class Answer(NamedTuple):
    header: dict[str, Any]
    body: bytes


class JavaError(ConnectError):
    """What Java threw: its class, its message, and the trace as Java prints it."""

    java_name: ClassVar[str] = "org.apache.kafka.connect.errors.ConnectException"


class RetriableJavaError(RetriableError):
    """A `RetriableException`."""


Call = dict[str, Any]


class Jvm(Program):
    """`on_call` answers what the JVM asks (`{"type": …}`), by a dict or a future of one; `on_event` hears the rest."""

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        folder: Path | None,
        on_call: Callable[[Call], Any],
        on_event: Callable[[str, str | None], None],
    ) -> None:
        super().__init__(command, name, with_input=True, folder=folder)
        self._on_call = on_call
        self._on_event = on_event
        self._waiting: dict[int, Future[Answer]] = {}
        self._lock = threading.Lock()
        self._number = 0
        self._has_ended = False
        self._reading = threading.Thread(target=self._read, name=name, daemon=True)
        self._reading.start()

    def begin(self, kind: str, body: bytes = b"", **fields: object) -> Future[Answer]:
        """`ConnectError` where it takes nothing any more."""
        with self._lock:
            if self._has_ended:
                raise self._dead()
            self._number += 1
            number = self._number
            future = self._waiting[number] = Future()
        self._send({"type": kind, "id": number, **fields}, body)
        return future

    def ask(self, kind: str, timeout_s: float, body: bytes = b"", **fields: object) -> Answer:
        """`ConnectError`: what Java threw, or there was no answer in time."""
        return self.result(self.begin(kind, body, **fields), kind, timeout_s)

    def result(self, future: Future[Answer], kind: str, timeout_s: float) -> Answer:
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            raise ConnectError(f"{self.name} did not answer {kind} within {timeout_s:g} s{self.last_words()}") from None

    def stop(self) -> None:
        super().stop()
        self._reading.join(END_OF_OUTPUT_S)

    def _send(self, header: dict[str, Any], body: bytes) -> None:
        head = json.dumps(header, separators=(",", ":")).encode()
        size = 4 + len(head) + len(body)
        if size > FRAME_BYTES_MAX:
            raise ConnectError(f"{self.name} cannot be given {size} bytes at once, the bound is {FRAME_BYTES_MAX}")
        self.write(_SIZES.pack(size, len(head)) + head + body, TAKE_TIMEOUT_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._process.stdout as pipe:
                file = open(pipe.fileno(), "rb", closefd=False)  # noqa: SIM115
                while sizes := file.read(_SIZES.size):
                    size, head = _SIZES.unpack(sizes)
                    if not 4 <= size <= FRAME_BYTES_MAX or not 0 <= head <= size - 4:
                        raise ValueError(f"a frame of {size} bytes")
                    data = file.read(size - 4)
                    self._take(json.loads(data[:head]), data[head:])
        except (OSError, ValueError, struct.error, KeyError) as error:
            _log.error("%s: what it writes is not understood: %s", self.name, error)
        with self._lock:
            self._has_ended = True
            waiting, self._waiting = self._waiting, {}
        if waiting:
            self.wait(END_OF_OUTPUT_S)
        for future in waiting.values():
            future.set_exception(self._dead())

    def _dead(self) -> ConnectError:
        return ConnectError(f"{self.name} ended {self.how_it_ended()}{self.last_words()}")

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        if "event" in header:
            self._on_event(header["event"], header.get("message"))
        elif "call" in header:
            self._answer(header)
        else:
            with self._lock:
                future = self._waiting.pop(header["id"], None)
            if future is None:
                return
            error = header.get("error")
            if error is None:
                future.set_result(Answer(header, body))
            else:
                failure = error_of(error)
                failure.effects = header.get("effects")  # type: ignore[attr-defined]
                future.set_exception(failure)

    def _answer(self, call: Call) -> None:
        number = call["call"]

        def answered(found: Future[dict[str, Any]]) -> None:
            error = found.exception()
            answer = {"error": str(error)} if error is not None else found.result()
            try:
                self._send({"call": number, **answer}, b"")
            except ConnectError as unheard:
                _log.warning("%s did not hear an answer: %s", self.name, unheard)

        answer: Future[dict[str, Any]] = Future()
        try:
            found = self._on_call(call)
        except ConnectError as error:
            answer.set_exception(error)
        else:
            if isinstance(found, Future):
                answer = found
            else:
                answer.set_result(found)
        answer.add_done_callback(answered)


def error_of(error: dict[str, Any]) -> ConnectError:
    """As Java said it, with its trace."""
    text = f"{error['class']}: {error['message']}\n{error['trace']}".rstrip()
    return RetriableJavaError(text) if error.get("retriable") else JavaError(text)
