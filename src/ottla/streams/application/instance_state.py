"""In which state an instance of an application is, who waits for another one and who is told of it.

CREATED ─► REBALANCING ◄─► RUNNING ─► PENDING_SHUTDOWN ─► NOT_RUNNING
                   └─────────┴──────► PENDING_ERROR ─► ERROR
"""

from __future__ import annotations

import logging
import threading
from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Callable

_log: Final = logging.getLogger("ottla.streams")


class State(Enum):
    CREATED = "CREATED"
    REBALANCING = "REBALANCING"
    RUNNING = "RUNNING"
    PENDING_SHUTDOWN = "PENDING_SHUTDOWN"
    NOT_RUNNING = "NOT_RUNNING"
    PENDING_ERROR = "PENDING_ERROR"
    ERROR = "ERROR"

    @property
    def is_running_or_rebalancing(self) -> bool:
        return self in (State.RUNNING, State.REBALANCING)


_NEXT: Final = {
    State.CREATED: {State.REBALANCING, State.PENDING_SHUTDOWN, State.PENDING_ERROR},
    State.REBALANCING: {State.RUNNING, State.PENDING_SHUTDOWN, State.PENDING_ERROR},
    State.RUNNING: {State.REBALANCING, State.PENDING_SHUTDOWN, State.PENDING_ERROR},
    State.PENDING_SHUTDOWN: {State.NOT_RUNNING},
    State.PENDING_ERROR: {State.ERROR},
    State.NOT_RUNNING: set(),
    State.ERROR: set(),
}


class InstanceState:
    """For any thread; `changed` guards what else changes with it."""

    def __init__(self, application_id: str) -> None:
        self.now = State.CREATED
        self.changed = threading.Condition(threading.RLock())
        self.listener: Callable[[State, State], None] | None = None
        """Told the new state and the old one, by whichever thread changes it."""
        self._application_id = application_id

    def become(self, state: State) -> bool:
        """False: it cannot be, from the state it is in."""
        with self.changed:
            before = self.now
            if before is state:
                return state is not State.PENDING_SHUTDOWN
            if state not in _NEXT[before]:
                return False
            self.now = state
            self.changed.notify_all()
        _log.info("%s: %s ─► %s", self._application_id, before.value, state.value)
        if self.listener is not None:
            self.listener(state, before)
        return True

    def wait_for(self, *states: State, timeout_s: float | None) -> bool:
        """False: it was none of these within the time."""
        with self.changed:
            return self.changed.wait_for(lambda: self.now in states, timeout_s)

    def check_created(self, what: str) -> None:
        """`StreamsError`."""
        if self.now is not State.CREATED:
            raise StreamsError(f"{what} can be set before the start only")
