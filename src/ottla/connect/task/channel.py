"""The task's end of the line to its worker: a thread that hears, and calls that wait for an answer."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.connect.api.errors import ConnectError
from ottla.runtime.child_message import Message, decode_message, encode_message

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_TIMEOUT_S: Final = 90.0
EXIT_ORPHANED: Final = 3


class Listener(Protocol):
    """Whom a task tells how it does: its worker, or whoever runs it."""

    def send(self, kind: str, **fields: object) -> None: ...


class Channel:
    """Without its worker a task has nothing to do and nobody to tell: the process ends where the line does."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._file = self._socket.makefile("rb")
        self._sending = threading.Lock()
        self._answers: dict[int, Message] = {}
        self._answered = threading.Condition()
        self._number = 0
        self._heard: Callable[[Message], None] | None = None

    def receive_first(self) -> Message:
        return self._receive()

    def listen(self, heard: Callable[[Message], None]) -> None:
        """`heard` is called in the thread for all but answers."""
        self._heard = heard
        threading.Thread(target=self._listen, name="worker", daemon=True).start()

    def send(self, kind: str, **fields: object) -> None:
        data = encode_message(kind, **fields)
        with self._sending:
            try:
                self._socket.sendall(data)
            except OSError:
                os._exit(EXIT_ORPHANED)

    def ask(self, kind: str, timeout_s: float = ANSWER_TIMEOUT_S, **fields: object) -> Message:
        """`ConnectError` when there is none in time, or it says so."""
        with self._answered:
            self._number += 1
            number = self._number
        self.send(kind, id=number, **fields)
        with self._answered:
            if not self._answered.wait_for(lambda: number in self._answers, timeout_s):
                raise ConnectError(f"the worker did not answer within {timeout_s:g} s")
            answer = self._answers.pop(number)
        error: Any = answer.get("error")
        if error is not None:
            raise ConnectError(str(error))
        return answer

    def _listen(self) -> None:
        while True:
            message = self._receive()
            if "id" in message:
                with self._answered:
                    self._answers[message["id"]] = message
                    self._answered.notify_all()
            elif self._heard is not None:
                self._heard(message)

    def _receive(self) -> Message:
        try:
            line = self._file.readline()
            return decode_message(line)
        except (OSError, ValueError):
            os._exit(EXIT_ORPHANED)
