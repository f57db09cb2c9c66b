"""A fetch that waits for bytes (long polling): woken by what happens to its partitions, or by its one timer.

Appends add up until they may be enough; then the fetch is tried again, once for all appends of the same event, as soon
as that is dealt with (`Turn`). Nothing is searched: a partition knows its listeners, a listener its session, a session
its parked fetch.
"""

from collections.abc import Callable

from ottla.broker.prompt_answer import PromptAnswer
from ottla.broker.replica.fetch_session import FetchSession
from ottla.protocol.api.fetch import FetchResponse
from ottla.runtime.time import Timers
from ottla.runtime.turn import Turn


class DelayedFetch(PromptAnswer[FetchResponse]):
    """One parked fetch. `attempt(expired)` reads again: the answer, or how many more bytes are needed."""

    def __init__(
        self,
        session: FetchSession,
        attempt: Callable[[bool], FetchResponse | int],
        needed: int,
        max_wait_ms: int,
        timers: Timers,
        turn: Turn,
    ) -> None:
        super().__init__(turn.loop)
        self._session = session
        self._attempt = attempt
        self._needed = needed
        self._woken = False
        self._turn = turn
        if session.parked is not None:
            session.parked.answer()  # another fetch of the same session takes its place
        session.parked = self
        session.listen()
        self._timer = timers.call_later(max_wait_ms, self._expire)

    def appended(self, size: int) -> None:
        self._needed -= size
        if self._needed <= 0:
            self.wake()

    def wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._turn.call_soon(self._try)

    def answer(self) -> None:
        """With what there is, however little."""
        if self._complete(expired=True):
            self._turn.call_soon(self.tell)  # that other fetch is only half-way parked

    def cancel(self, msg: object = None) -> bool:
        """The connection is gone."""
        cancelled = super().cancel(msg)
        if cancelled:
            self.heard = None
            self._release()
        return cancelled

    def _try(self) -> None:
        self._woken = False
        if self._complete(expired=False):
            self.tell()

    def _expire(self) -> None:
        if self._complete(expired=True):
            self.tell()

    def _complete(self, *, expired: bool) -> bool:
        """Whether it has its answer now."""
        if self.done():
            return False
        try:
            result = self._attempt(expired)
        except Exception as error:  # whoever waits must hear of it, whatever it is
            self._release()
            self.set_exception(error)
            return True
        if isinstance(result, int):
            self._needed = result
            self._session.listen()  # to partitions, too, that were found only now
            return False
        self._release()
        self.set_result(result)
        return True

    def _release(self) -> None:
        self._timer.cancel()
        session = self._session
        if session.parked is self:
            session.parked = None
            if not session.id:
                session.end()
