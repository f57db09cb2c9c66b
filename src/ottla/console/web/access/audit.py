"""The audit log: who did what, when, from where, on which cluster, and how it went. One JSON object a line.

    {"at_ms": …, "user": "ada", "roles": ["admin"], "address": "10.0.0.7", "cluster": "local", "action": "topic.delete",
     "resource": "orders", "details": {…}, "outcome": "done", "error": null}

Every change, every reading of messages and every sign-in is told, also what was refused. It goes to a file, to a topic,
or to both, and the last entries stay in memory for the page that shows them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_log = logging.getLogger(__name__)

REMEMBERED: Final = 2_000
QUEUED_MAX: Final = 1_000
"""Entries that wait for the topic; what is more is in the file only, and that is told in the server's log."""
DETAIL_BYTES_MAX: Final = 4_096
DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at_ms: int
    user: str | None
    roles: list[str]
    address: str
    cluster: str | None
    action: str
    resource: str | None
    details: dict[str, Any] = field(default_factory=dict)
    outcome: str = DONE
    error: str | None = None

    def line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), default=str)


class AuditLog:
    """`write` returns when the entry is in the file; `OSError` if it cannot be."""

    def __init__(self, file: Path | None = None, send: Callable[[bytes], Awaitable[None]] | None = None) -> None:
        self._file = None if file is None else file.open("a", encoding="utf-8")
        self._remembered: deque[AuditEntry] = deque(maxlen=REMEMBERED)
        self._send = send
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUED_MAX)
        self._sender: asyncio.Task[None] | None = None
        self.dropped = 0
        """Entries that the topic did not get."""

    def start(self) -> None:
        if self._send is not None:
            self._sender = asyncio.get_running_loop().create_task(self._deliver(self._send))

    async def stop(self) -> None:
        if self._sender is not None:
            try:
                await asyncio.wait_for(self._queue.join(), 5)
            except TimeoutError:
                _log.error("%d audit entries did not reach their topic", self._queue.qsize())
            self._sender.cancel()
        if self._file is not None:
            self._file.close()

    def write(self, entry: AuditEntry) -> None:
        line = entry.line()
        if len(line) > 2 * DETAIL_BYTES_MAX:
            entry = AuditEntry(**{**asdict(entry), "details": {"cut": line[:DETAIL_BYTES_MAX]}})
            line = entry.line()
        self._remembered.append(entry)
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
        if self._sender is not None:
            try:
                self._queue.put_nowait(line)
            except asyncio.QueueFull:
                self.dropped += 1
                _log.error("The audit topic does not keep up: %s is not in it", line)

    def last(self, count: int) -> list[AuditEntry]:
        """The newest first."""
        return list(reversed(self._remembered))[:count]

    async def _deliver(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        while True:
            line = await self._queue.get()
            try:
                await send(line.encode())
            except Exception as error:
                self.dropped += 1
                _log.error("The audit topic takes nothing (%s): %s is not in it", error, line)
            finally:
                self._queue.task_done()


def now_ms() -> int:
    return int(time.time() * 1000)
