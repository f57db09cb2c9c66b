"""The log of a connector as it comes, of all workers that have a part of it: server-sent events.

`lines`, and `failure` or `over` at the end. Ottla's workers keep the last lines and tell them; Kafka Connect's have
nothing of the kind, and a connector of theirs has no log here. The id of an event is where each worker's lines stand.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ottla.console.operations.connectors import ConnectorsError, path_of
from ottla.console.web.message import EVENT_STREAM, Response, bad_request, not_found
from ottla.console.web.messages.search import decode_cursor, encode_cursor
from ottla.console.web.messages.tail import LIFETIME_S, RECONNECT_MS, Followed, event
from ottla.console.web.refusals import api_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ottla.console.operations.connectors import ConnectApi
    from ottla.console.web.context import Context

POLL_S: Final = 1.0
WORKERS_MAX: Final = 100


async def tail(context: Context) -> Response:
    api, name = context.connect, context.parameter("connector")
    resumed = context.request.headers.get("last-event-id")
    log = ConnectorLog(api, name, _positions(resumed) if resumed else {}, context.over)
    first = await log.more()
    stream = Followed.begin(context.console.tails, context.owner, lambda: log.events(first))
    return Response(None, 200, [], EVENT_STREAM, stream)


class ConnectorLog:
    def __init__(
        self, api: ConnectApi, name: str, positions: dict[str, int], is_over: Callable[[], str | None]
    ) -> None:
        self._api = api
        self._name = name
        self._positions = positions
        """By worker, the number of the last line that was told."""
        self._is_over = is_over

    async def more(self) -> list[dict[str, Any]]:
        """What is new, in order of time. `ApiError(404)`: no worker of it keeps a log."""
        status = await self._api.ask("GET", path_of(self._name, "status"))
        parts = [status.get("connector") or {}, *(status.get("tasks") or ())]
        workers = sorted({str(each["worker_id"]) for each in parts if each.get("worker_id")})[:WORKERS_MAX]
        found = await asyncio.gather(*(self._of(worker) for worker in workers))
        if workers and all(each is None for each in found):
            text = f"the workers of connector '{self._name}' keep no log"
            raise not_found(text, "those of Apache Kafka write it where they run; those of Ottla tell it, too")
        lines = [line for each in found for line in each or ()]
        return sorted(lines, key=lambda line: (line["at_ms"], line["number"]))

    async def _of(self, worker: str) -> list[dict[str, Any]] | None:
        """`None`: it has none. A worker that does not answer now has nothing new."""
        after = self._positions.get(worker)
        query = f"?worker={quote(worker, safe='')}" + (f"&after={after}" if after is not None else "")
        try:
            told = await self._api.ask("GET", path_of(self._name, "logs") + query)
        except ConnectorsError as error:
            if error.status == 404:
                return None
            if error.status == 409 or error.status >= 500:
                return []
            raise
        lines: list[dict[str, Any]] = told["lines"]
        if lines:
            self._positions[worker] = lines[-1]["number"]
        return [{**line, "worker_id": worker} for line in lines]

    async def events(self, lines: list[dict[str, Any]]) -> AsyncGenerator[bytes, None]:
        """These, and what comes after them, until it is over."""
        began = time.monotonic()
        yield b"retry: %d\n\n" % RECONNECT_MS
        try:
            while True:
                yield event("lines", lines, encode_cursor(self._positions))
                reason = self._is_over() or ("time" if time.monotonic() - began >= LIFETIME_S else None)
                if reason is not None:
                    yield event("over", {"reason": reason})
                    return
                await asyncio.sleep(POLL_S)
                lines = await self.more()
        except Exception as error:
            refusal = api_error(error)
            if refusal is None:
                raise
            yield event("failure", refusal.body()["error"])


def _positions(cursor: str) -> dict[str, int]:
    positions = decode_cursor(cursor)
    if len(positions) > WORKERS_MAX or not all(
        isinstance(each, int) and 0 <= each < 2**53 for each in positions.values()
    ):
        raise bad_request("the cursor is none of this console's")
    return positions
