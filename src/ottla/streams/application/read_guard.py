"""Who may touch the stores of a task now: its thread, while it changes them, or somebody else's query.

Strictly in the order of asking, so that neither keeps the other out: a thread that lets go and takes again at once
would win nearly always, otherwise. What a query sees lies between two records, never within one. While somebody
queries, the thread works in slices of about `SLICE_S`; where it waits for the cluster in the middle of a record, as the
producer's queue is full, it lets readers in.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ottla.streams.errors import StateStoreNotAvailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLICE_S: Final = 0.005
LINGER_S: Final = 1.0
"""After a query the thread works in slices for so long."""

READ_WAIT_S: Final = 30.0
"""A query that has waited for so long fails: the task is within a record, a commit or a restoration that hangs."""

_held: Final = threading.local()


class ReadGuard:
    """`with guard:` is for the thread of the task; `with guard.reading(what):` for all others, and for it as well."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._owner: int | None = None
        self._depth = 0
        self._read_s = float("-inf")
        self._slice = 1
        self._limit = 0
        self._began_s = 0.0

    def __enter__(self) -> None:
        self._acquire(None)
        _held.guard = self

    def __exit__(self, *_: object) -> None:
        _held.guard = None
        if self._limit:
            self._measure()
        self._release()

    def slice_of(self, most: int) -> int:
        """How many records the thread may process now, before it lets others in. Within `with guard`."""
        now_s = self._clock_s()
        if now_s - self._read_s > LINGER_S:
            return most
        self._began_s = now_s
        self._limit = min(most, self._slice)
        return self._limit

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Raises `StateStoreNotAvailableError`, which names `what` could not be read."""
        if not self._acquire(READ_WAIT_S):
            raise StateStoreNotAvailableError(
                f"{what} could not be read within {READ_WAIT_S:g} s, as its task is busy with one record, a commit or a"
                " restoration; try again"
            )
        try:
            yield
        finally:
            self._read_s = self._clock_s()
            self._release()

    def _measure(self) -> None:
        """The next slice is as many records as this one had in the time of a slice."""
        took_s = self._clock_s() - self._began_s
        if took_s > SLICE_S:
            self._slice = max(1, int(self._limit * SLICE_S / took_s))
        elif took_s < SLICE_S / 2:
            self._slice = self._limit * 2
        self._limit = 0

    # In the order of asking

    def _acquire(self, timeout_s: float | None) -> bool:
        me = threading.get_ident()
        with self._mutex:
            if self._owner is None or self._owner == me:
                self._owner = me
                self._depth += 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            in_time = turn.acquire(timeout=-1 if timeout_s is None else timeout_s)
        except BaseException:
            if self._is_ours(turn):
                self._release()
            raise
        return self._take() if in_time else self._is_ours(turn)

    def _is_ours(self, turn: threading.Lock) -> bool:
        """Who waits no longer may have been handed it at the last moment."""
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return self._take()

    def _take(self) -> bool:
        """It was handed over."""
        self._owner = threading.get_ident()
        self._depth = 1
        return True

    def _release(self) -> None:
        with self._mutex:
            self._depth -= 1
            if self._depth:
                return
            if self._waiting:
                self._owner = _NOBODY
                self._waiting.popleft().release()
            else:
                self._owner = None


_NOBODY: Final = -1
"""Handed over, and not taken yet: no thread has this identity."""


@contextmanager
def open_to_readers() -> Iterator[None]:
    """While this thread waits for the cluster in the middle of its work: whatever guard it holds is free meanwhile.

    Stores are whole at each record that they send: they have what they log.
    """
    guard: ReadGuard | None = getattr(_held, "guard", None)
    if guard is None or guard._depth > 1:
        yield
        return
    guard._release()
    try:
        yield
    finally:
        guard._acquire(None)
