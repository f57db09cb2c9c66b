"""A process on a simulated machine: what runs in its context runs while it lives, waits while it is paused, and never
runs again once it is dead. Everything that it has of the world asks it first.
"""

from __future__ import annotations

import contextvars
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.simulation.cluster.loop import Handle


class ProcessDiedError(BaseException):
    """Raised inside of a process that dies in the middle of what it does."""


class State(Enum):
    RUNNING = "running"
    PAUSED = "paused"
    DEAD = "dead"


class Process:
    """One life: a process that is started again is another one."""

    def __init__(self, name: str, host: str) -> None:
        self.name = name
        self.host = host
        self.state = State.RUNNING
        self.context = contextvars.copy_context()
        self.context.run(CURRENT.set, self)
        self.held: list[Handle] = []
        """What came while it was paused."""
        self.fuse: int | None = None
        """After so many more uses of disk or network it dies in the middle of one (`blow`)."""
        self.blow: Callable[[], None] = self.kill
        self.on_death: list[Callable[[], None]] = []
        """What the system does when it is gone: close its sockets, release its locks."""

    @property
    def is_alive(self) -> bool:
        return self.state is not State.DEAD

    def check(self) -> None:
        """By whatever it uses: a dead process does nothing more, not even in its `finally` blocks."""
        if self.state is State.DEAD:
            raise ProcessDiedError(self.name)
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.fuse = None
                self.blow()
                raise ProcessDiedError(self.name)

    def kill(self) -> None:
        if self.state is not State.DEAD:
            self.state = State.DEAD
            self.held.clear()
            for step in self.on_death:
                step()
            self.on_death.clear()

    def __repr__(self) -> str:
        return f"<{self.name} {self.state.value}>"


CURRENT: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


def context_of(process: Process | None) -> contextvars.Context:
    return contextvars.Context() if process is None else process.context


def ignore(*_: Any) -> None:
    pass
