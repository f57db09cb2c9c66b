"""Connectors whose tasks are being made anew: the last wish of each, tried until it succeeds."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

RETRY_S: Final = 0.25
RETRY_MAX_S: Final = 60.0


class Reconfigurations:
    def __init__(self, reconfigure: Callable[[str], Awaitable[None]]) -> None:
        """`reconfigure(connector)` raises `ConnectError` where it is to be tried again."""
        self._reconfigure = reconfigure
        self._active: dict[str, asyncio.Task[None]] = {}

    def request(self, connector: str) -> None:
        earlier = self._active.pop(connector, None)
        if earlier is not None:
            earlier.cancel()
        self._active[connector] = asyncio.get_running_loop().create_task(self._until_done(connector))

    def stop(self) -> None:
        for task in self._active.values():
            task.cancel()

    async def _until_done(self, connector: str) -> None:
        retry_s = RETRY_S
        while True:
            try:
                await self._reconfigure(connector)
                return
            except ConnectError as error:
                raise_if_cancelled()
                _log.error("the tasks of connector %s cannot be made, they are tried again: %s", connector, error)
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, RETRY_MAX_S)
