"""An event loop on which a node's sockets are called straight from `epoll`.

    asyncio    epoll ─► SelectorKey ─► Handle ─► queue ─► a context ─► callback      for each event, a turn of the loop
    here       epoll ─► callback                                                     several looks a turn

`add_reader` and its like register at the `DirectSelector`; what asyncio needs for itself (its pipe for signals and
threads, connecting) goes its usual way. The selector looks for events again and again, and goes back to the loop only
when there is something for that to do: a timer, a callback that somebody made due, an event of asyncio's own.
"""

import asyncio
import math
import select
import selectors
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, TypeVarTuple, Unpack, cast

from ottla.runtime.moderation import Moderation
from ottla.runtime.turn import Turn

MAX_EVENTS: Final = 256
"""Of one look; the rest comes with the next."""

_READ: Final = getattr(select, "EPOLLIN", 1)
_WRITE: Final = getattr(select, "EPOLLOUT", 4)
_NOT_READ: Final = ~_READ  # errors and the end wake whoever waits, for whatever
_NOT_WRITE: Final = ~_WRITE

Ts = TypeVarTuple("Ts")
Callback: TypeAlias = Callable[[], object]


class HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class _Watched:
    """One descriptor: who is called when it can be read, and when it can be written."""

    __slots__ = ("reader", "writer")

    def __init__(self) -> None:
        self.reader: Callback | None = None
        self.writer: Callback | None = None

    @property
    def events(self) -> int:
        return (_READ if self.reader is not None else 0) | (_WRITE if self.writer is not None else 0)


class DirectSelector(selectors.BaseSelector):
    """`failed` is told of what a callback raised. `wanted` is set by the loop when it has something to do."""

    def __init__(self, turn: Turn, failed: Callable[[Exception], None]) -> None:
        self._turn = turn
        self._failed = failed
        self._moderation = Moderation()
        self._epoll = select.epoll()
        self._watched: dict[int, _Watched] = {}
        self._keys: dict[int, selectors.SelectorKey] = {}
        self.wanted = False

    def add_reader(self, fd: int, callback: Callback) -> None:
        watched = self._watched.get(fd) or self._watch(fd)
        watched.reader = callback
        self._epoll.modify(fd, watched.events)

    def add_writer(self, fd: int, callback: Callback) -> None:
        watched = self._watched.get(fd) or self._watch(fd)
        watched.writer = callback
        self._epoll.modify(fd, watched.events)

    def remove_reader(self, fd: int) -> bool:
        watched = self._watched.get(fd)
        if watched is None or watched.reader is None:
            return False
        watched.reader = None
        self._watch_less(fd, watched)
        return True

    def remove_writer(self, fd: int) -> bool:
        watched = self._watched.get(fd)
        if watched is None or watched.writer is None:
            return False
        watched.writer = None
        self._watch_less(fd, watched)
        return True

    def _watch(self, fd: int) -> _Watched:
        self._epoll.register(fd, 0)
        watched = self._watched[fd] = _Watched()
        return watched

    def _watch_less(self, fd: int, watched: _Watched) -> None:
        if watched.events:
            self._epoll.modify(fd, watched.events)
        else:
            del self._watched[fd]
            self._epoll.unregister(fd)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.wanted = False
        wait = timeout
        deadline = 0.0 if timeout is None else time.monotonic() + timeout
        poll, moderation, turn = self._epoll.poll, self._moderation, self._turn
        while True:
            now = time.monotonic()
            if timeout is not None and timeout > 0:
                wait = deadline - now
                if wait <= 0:
                    return []
            moderation.look(now, turn.requests)
            if moderation.rest_seconds and timeout != 0:  # 0: callbacks are waiting
                time.sleep(moderation.rest_seconds)
            try:
                # In whole milliseconds, rounded up: a look that is too early is repeated.
                events = poll(-1 if wait is None else math.ceil(wait * 1e3) * 1e-3 if wait > 0 else 0, MAX_EVENTS)
            except InterruptedError:
                return []
            others = self._dispatch(events)
            if others or self.wanted or not events or timeout == 0:
                return others

    def _dispatch(self, events: list[tuple[int, int]]) -> list[tuple[selectors.SelectorKey, int]]:
        watched = self._watched
        others: list[tuple[selectors.SelectorKey, int]] = []
        for fd, event in events:
            of_fd = watched.get(fd)
            if of_fd is None:
                key = self._keys.get(fd)
                if key is not None:
                    found = _asked_for(event) & key.events
                    if found:
                        others.append((key, found))
                continue
            try:
                if event & _NOT_WRITE and of_fd.reader is not None:
                    of_fd.reader()
                if event & _NOT_READ and of_fd.writer is not None:
                    of_fd.writer()
            except Exception as error:
                self._failed(error)
        return others

    # --- what asyncio registers

    def register(self, fileobj: int | HasDescriptor, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = _descriptor(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (FD {fd}) is already registered")
        self._epoll.register(fd, _epoll_events(events))
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def unregister(self, fileobj: int | HasDescriptor) -> selectors.SelectorKey:
        key = self._keys.pop(_descriptor(fileobj))
        self._epoll.unregister(key.fd)
        return key

    def modify(self, fileobj: int | HasDescriptor, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = _descriptor(fileobj)
        if fd not in self._keys:
            raise KeyError(f"{fileobj!r} is not registered")
        self._epoll.modify(fd, _epoll_events(events))
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def get_key(self, fileobj: int | HasDescriptor) -> selectors.SelectorKey:
        return self._keys[_descriptor(fileobj)]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def close(self) -> None:
        self._keys.clear()
        self._watched.clear()
        self._epoll.close()


class DirectLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, but for who calls the readers and writers of descriptors. Linux only."""

    def __init__(self, turn: Turn) -> None:
        self._direct = DirectSelector(turn, self._callback_failed)
        super().__init__(self._direct)

    def _callback_failed(self, error: Exception) -> None:
        self.call_exception_handler({"message": "a callback of a descriptor failed", "exception": error})

    def add_reader(self, fd: int | HasDescriptor, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        self._direct.add_reader(_descriptor(fd), partial(callback, *args) if args else cast("Callback", callback))

    def add_writer(self, fd: int | HasDescriptor, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        self._direct.add_writer(_descriptor(fd), partial(callback, *args) if args else cast("Callback", callback))

    # asyncio removes by these, too, what it has registered by its own ways.

    def remove_reader(self, fd: int | HasDescriptor) -> bool:
        return self._direct.remove_reader(_descriptor(fd)) or super().remove_reader(fd)

    def remove_writer(self, fd: int | HasDescriptor) -> bool:
        return self._direct.remove_writer(_descriptor(fd)) or super().remove_writer(fd)

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self._direct.wanted = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._direct.wanted = True
        return super().call_at(when, callback, *args, context=context)

    def stop(self) -> None:
        self._direct.wanted = True
        super().stop()


def _descriptor(fileobj: int | HasDescriptor) -> int:
    return fileobj if isinstance(fileobj, int) else fileobj.fileno()


def _epoll_events(events: int) -> int:
    return (_READ if events & selectors.EVENT_READ else 0) | (_WRITE if events & selectors.EVENT_WRITE else 0)


def _asked_for(event: int) -> int:
    return (selectors.EVENT_READ if event & _NOT_WRITE else 0) | (selectors.EVENT_WRITE if event & _NOT_READ else 0)
