"""What the worker wants of a task at this moment: to run, to pause, to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.task.channel import Listener
    from ottla.runtime.child_message import Message


class Control:
    """Read by the task's thread, changed by the one that hears the worker."""

    def __init__(self, channel: Listener) -> None:
        self._channel = channel
        self._changed = threading.Condition()
        self._paused = False
        self.stopping = False
        self.on_stop: Callable[[], None] | None = None

    def begin(self, target_state: str) -> None:
        self._paused = target_state != "STARTED"

    @property
    def paused(self) -> bool:
        return self._paused

    def heard(self, message: Message) -> None:
        with self._changed:
            if message["type"] == "stop":
                self.stopping = True
            elif message["type"] == "target_state":
                self._paused = message["state"] != "STARTED"
            self._changed.notify_all()
        if self.stopping and self.on_stop is not None:
            self.on_stop()

    def wait_while_paused(self) -> None:
        """Says that it is paused, and returns when it runs again or is to stop."""
        self._channel.send("state", state="PAUSED")
        with self._changed:
            self._changed.wait_for(lambda: self.stopping or not self._paused)
        if not self.stopping:
            self._channel.send("state", state="RUNNING")

    def sleep(self, seconds: float) -> None:
        """Shorter when the task is to stop, pause or go on."""
        paused = self._paused
        with self._changed:
            self._changed.wait_for(lambda: self.stopping or self._paused is not paused, seconds)
