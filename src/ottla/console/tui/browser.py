"""The screen, the terminal and the cluster together: keys are answered at once, pages are asked for now and then."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Protocol

from ottla.clients.errors import ClientError
from ottla.console.tui.pages import DETAILS, LOADS, PAGES
from ottla.console.tui.screen import Ask, Detail, Screen
from ottla.protocol.errors import KafkaError, ProtocolError

if TYPE_CHECKING:
    import os
    from collections.abc import Coroutine, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.console.tui.screen import Line


class Display(Protocol):
    """What a terminal is to the browser."""

    keys: asyncio.Queue[str]

    def size(self) -> os.terminal_size: ...

    def draw(self, lines: Sequence[Line]) -> None: ...


class Browser:
    def __init__(self, client: KafkaClient, display: Display, cluster: str, interval_s: float) -> None:
        self.screen = Screen(cluster, [copy.copy(page) for page in PAGES])
        self._client = client
        self._display = display
        self._interval_s = interval_s
        self._opened: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Until somebody wants to leave."""
        refreshing = asyncio.ensure_future(self._refresh())
        try:
            self._draw()
            while True:
                ask = self.screen.key(await self._display.keys.get())
                if ask is Ask.QUIT:
                    return
                if ask is Ask.OPEN:
                    self._open()
                elif ask is Ask.CLOSE:
                    self._close()
                elif ask is Ask.REFRESH:
                    self._wanted.set()
                self._draw()
        finally:
            refreshing.cancel()
            self._close()
            await asyncio.gather(refreshing, return_exceptions=True)

    def _draw(self) -> None:
        columns, lines = self._display.size()
        self._display.draw(self.screen.lines(columns, lines))

    async def _refresh(self) -> None:
        """The page that is shown; one that was gone to is asked for soon."""
        while True:
            page = self.screen.page
            if self.screen.detail is None:
                await self._guard(self._load(page.title))
            self._wanted.clear()
            deadline = asyncio.get_running_loop().time() + self._interval_s
            while page is self.screen.page and not self._wanted.is_set():
                left_s = deadline - asyncio.get_running_loop().time()
                if left_s <= 0:
                    break
                await asyncio.sleep(min(0.1, left_s))

    async def _load(self, title: str) -> None:
        rows = await LOADS[title](self._client)
        next(page for page in self.screen.pages if page.title == title).rows = rows

    def _open(self) -> None:
        row, title = self.screen.chosen_row(), self.screen.page.title
        if row is None:
            return
        if title not in DETAILS:
            self.screen.detail = Detail(row[1], ("WHAT",), [(each,) for each in row[2].split("  ")], above=0)
            return
        columns, show = DETAILS[title]
        detail = self.screen.detail = Detail(row[0], columns, follows=title == "Topics")

        async def watch() -> None:
            async with self._client.twin() as client:
                await show(client, row[0], detail, self._draw)

        self._opened = asyncio.ensure_future(self._guard(watch()))

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.cancel()
        self._opened, self.screen.detail, self.screen.error = None, None, ""

    async def _guard(self, work: Coroutine[object, object, None]) -> None:
        """What goes wrong is told on the last line."""
        try:
            await work
            self.screen.error = ""
        except KafkaError as error:
            self.screen.error = f"{error.message} [{error.code.name}]"
        except (ClientError, ProtocolError) as error:
            self.screen.error = str(error).splitlines()[0]
        self._draw()
