"""A fetch that waits for bytes (long polling): woken by what happens to its partitions, or by its one timer.

Appends add up until they may be enough; then the fetch is tried again, once for all appends of the same turn of the
event loop. Nothing is searched: a partition knows its listeners, a listener its session, a session its parked fetch.
"""

import asyncio
from collections.abc import Callable

from ottla.broker.replica.fetch_session import FetchSession
from ottla.protocol.api.fetch import FetchResponse
from ottla.runtime.time import Timers


class DelayedFetch:
    """One parked fetch. `attempt(expired)` reads again: the answer, or how many more bytes are needed."""

    __slots__ = ("_attempt", "_loop", "_needed", "_session", "_timer", "_woken", "future")

    def __init__(
        self,
        session: FetchSession,
        attempt: Callable[[bool], FetchResponse | int],
        needed: int,
        max_wait_ms: int,
        timers: Timers,
    ) -> None:
        self._session = session
        self._attempt = attempt
        self._needed = needed
        self._woken = False
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[FetchResponse] = self._loop.create_future()
        self.future.add_done_callback(self._on_done)
        if session.parked is not None:
            session.parked.supersede()
        session.parked = self
        session.listen()
        self._timer = timers.call_later(max_wait_ms, self._expire)

    def appended(self, size: int) -> None:
        self._needed -= size
        if self._needed <= 0 and not self._woken:
            self._woken = True
            self._loop.call_soon(self._try)

    def wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._try)

    def supersede(self) -> None:
        """Another fetch of the same session takes this one's place: answer with what there is."""
        self._complete(expired=True)

    def _try(self) -> None:
        self._woken = False
        self._complete(expired=False)

    def _expire(self) -> None:
        self._complete(expired=True)

    def _complete(self, *, expired: bool) -> None:
        if self.future.done():
            return
        try:
            result = self._attempt(expired)
        except Exception as error:  # whoever waits must hear of it, whatever it is
            self._release()
            self.future.set_exception(error)
            return
        if isinstance(result, int):
            self._needed = result
            self._session.listen()  # to partitions, too, that were found only now
        else:
            self._release()
            self.future.set_result(result)

    def _on_done(self, future: asyncio.Future[FetchResponse]) -> None:
        if future.cancelled():  # its connection is gone
            self._release()

    def _release(self) -> None:
        self._timer.cancel()
        session = self._session
        if session.parked is self:
            session.parked = None
            if not session.id:
                session.end()
