"""Messages as they come, as server-sent events: `messages`, a `status` each second, and `failure` or `over` at the end.

The id of an event is where the tail stands: a browser that lost its connection goes on from there. A reader that is
slow slows the tail down, and what it misses by the bound of messages a second is counted, never kept.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.consumer import PartitionReader, TopicPartition, earliest_offsets
from ottla.console.web.message import ApiError, encode
from ottla.console.web.messages.search import encode_cursor
from ottla.console.web.refusals import api_error
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ottla.clients.client import KafkaClient
    from ottla.console.web.messages.filter import Matched, MessageFilter

TAILS_MAX: Final = 32
TAILS_MAX_EACH: Final = 4
"""Of one user, or one address."""
BATCH_MAX: Final = 100
RATE_MAX: Final = 500
"""Messages a second."""
STATUS_INTERVAL_S: Final = 1.0
LIFETIME_S: Final = 3_600.0
WAIT_MS: Final = 500
RECONNECT_MS: Final = 2_000
REQUEST_TIMEOUT_MS: Final = 5_000.0
"""After which a tail whose topic or leader is gone says so."""


class Tails:
    """How many there are, and of whom."""

    def __init__(self) -> None:
        self._by_owner: dict[str, int] = {}

    def enter(self, owner: str) -> None:
        """`ApiError(429)`."""
        mine = self._by_owner.get(owner, 0)
        if sum(self._by_owner.values()) >= TAILS_MAX:
            raise ApiError(429, "TOO_MANY", f"there are {TAILS_MAX} live tails on this console already", "try later")
        if mine >= TAILS_MAX_EACH:
            text = f"you have {mine} live tails already"
            raise ApiError(429, "TOO_MANY", text, "close one of them: perhaps it is in another tab")
        self._by_owner[owner] = mine + 1

    def leave(self, owner: str) -> None:
        left = self._by_owner[owner] - 1
        if left:
            self._by_owner[owner] = left
        else:
            del self._by_owner[owner]


class Followed:
    """The events of a tail that is counted: `aclose` is to be called once, however far it came."""

    def __init__(self, events: AsyncGenerator[bytes, None], leave: Callable[[], None]) -> None:
        self._events = events
        self._leave = leave

    @classmethod
    def begin(cls, tails: Tails, owner: str, events: Callable[[], AsyncGenerator[bytes, None]]) -> Followed:
        """`ApiError(429)`."""
        tails.enter(owner)
        return cls(events(), lambda: tails.leave(owner))

    def __aiter__(self) -> Followed:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._events)

    async def aclose(self) -> None:
        try:
            await self._events.aclose()
        finally:
            self._leave()


class Tail:
    def __init__(
        self,
        client: KafkaClient,
        topic: str,
        positions: dict[int, int],
        keep: MessageFilter,
        is_over: Callable[[], str | None],
    ) -> None:
        """`client` is the tail's own: a fetch that waits keeps what is behind it waiting. `is_over` says why."""
        client.request_timeout_ms = REQUEST_TIMEOUT_MS
        self._client = client
        self._topic = topic
        self._positions = {TopicPartition(topic, each): offset for each, offset in positions.items()}
        self._keep = keep
        self._is_over = is_over
        self._scanned = self._matched = self._dropped = 0
        self._left = RATE_MAX

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Until it is over; whoever does not want any more closes it."""
        began = told = time.monotonic()
        scanned = 0
        yield b"retry: %d\n\n" % RECONNECT_MS
        yield self._status(0.0)
        try:
            async with self._client:
                reader = PartitionReader(self._client, self._positions, max_wait_ms=WAIT_MS)
                while True:
                    found = await self._round(reader)
                    for start in range(0, len(found), BATCH_MAX):
                        shown = [each.shown for each in found[start : start + BATCH_MAX]]
                        last = start + BATCH_MAX >= len(found)
                        yield event("messages", shown, self._cursor() if last else None)
                    now = time.monotonic()
                    if now - told >= STATUS_INTERVAL_S:
                        yield self._status((self._scanned - scanned) / (now - told))
                        told, scanned, self._left = now, self._scanned, RATE_MAX
                    reason = self._is_over() or ("time" if now - began >= LIFETIME_S else None)
                    if reason is not None:
                        yield event("over", {"reason": reason})
                        return
        except Exception as error:
            refusal = api_error(error)
            if refusal is None:
                raise
            yield event("failure", refusal.body()["error"])

    async def _round(self, reader: PartitionReader) -> list[Matched]:
        try:
            records = await reader.poll()
        except KafkaError as error:
            if error.code is not ErrorCode.OFFSET_OUT_OF_RANGE:
                raise
            await self._catch_up()
            return []
        self._scanned += len(records)
        found = await asyncio.to_thread(self._keep.matches, records) if records else []
        self._matched += len(found)
        kept = found[-self._left :] if self._left else []
        self._dropped += len(found) - len(kept)
        self._left -= len(kept)
        return kept

    async def _catch_up(self) -> None:
        """Records that were not read yet are deleted: it goes on with the first that are there."""
        starts = await earliest_offsets(self._client, self._positions)
        for where, start in starts.items():
            self._positions[where] = max(self._positions[where], start)

    def _cursor(self) -> str:
        return encode_cursor({str(where.partition): at for where, at in sorted(self._positions.items())})

    def _status(self, rate: float) -> bytes:
        told = {
            "positions": {str(where.partition): at for where, at in sorted(self._positions.items())},
            "scanned": self._scanned,
            "matched": self._matched,
            "dropped": self._dropped,
            "records_per_s": round(rate, 1),
        }
        return event("status", told)


def event(name: str, data: Any, event_id: str | None = None) -> bytes:
    identified = b"" if event_id is None else b"id: " + event_id.encode() + b"\n"
    return b"event: " + name.encode() + b"\n" + identified + b"data: " + encode(data) + b"\n\n"
