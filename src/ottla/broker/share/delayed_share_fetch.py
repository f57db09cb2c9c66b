"""A share fetch that waits for records (long polling): woken by appends to its partitions, by records that others let
go, by the end of a share partition, or by its one timer. Kafka's DelayedShareFetch.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from ottla.broker.share.share_partition import SharePartition
from ottla.runtime.time import Timers

if TYPE_CHECKING:
    from ottla.broker.replica.partition import Partition

T = TypeVar("T")


class DelayedShareFetch(Generic[T]):
    """`attempt(expired)` looks again: the answer, or `None`. `watched` gives what it would have to wait for."""

    __slots__ = ("_attempt", "_loop", "_partitions", "_shares", "_timer", "_watched", "_woken", "future")

    def __init__(
        self,
        attempt: Callable[[bool], T | None],
        watched: Callable[[], Iterable[SharePartition]],
        max_wait_ms: int,
        timers: Timers,
    ) -> None:
        self._attempt = attempt
        self._watched = watched
        self._woken = False
        self._loop = asyncio.get_running_loop()
        self._shares: list[SharePartition] = []
        self._partitions: list[Partition] = []
        self.future: asyncio.Future[T] = self._loop.create_future()
        self.future.add_done_callback(lambda _: self._release())
        self._watch()
        self._timer = timers.call_later(max_wait_ms, lambda: self._complete(expired=True))

    # -- told by partitions and share partitions

    def appended(self, size: int) -> bool:
        self.wake()
        return True

    def altered(self) -> None:
        self.wake()

    def wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._try)

    def _try(self) -> None:
        self._woken = False
        self._complete(expired=False)

    def _complete(self, *, expired: bool) -> None:
        if self.future.done():
            return
        try:
            answer = self._attempt(expired)
        except Exception as error:  # whoever waits must hear of it, whatever it is
            self.future.set_exception(error)
            return
        if answer is not None:
            self.future.set_result(answer)
        else:
            self._unwatch()
            self._watch()

    def _watch(self) -> None:
        for share in self._watched():
            share.waiters[self] = None
            share.partition.listeners[self] = None
            self._shares.append(share)
            self._partitions.append(share.partition)

    def _unwatch(self) -> None:
        for share in self._shares:
            share.waiters.pop(self, None)
        for partition in self._partitions:
            partition.listeners.pop(self, None)
        self._shares.clear()
        self._partitions.clear()

    def _release(self) -> None:
        self._timer.cancel()
        self._unwatch()
