"""An answer that comes later, and of which its connection hears at once, not a turn of the event loop later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ResponseT = TypeVar("ResponseT")


class PromptAnswer(asyncio.Future[ResponseT], Generic[ResponseT]):
    """A future like any other for all but the connection, which sets `heard`.

    Whoever gives the answer calls `tell` after it: right there only where the connection may go on to serve requests,
    which is at the end of an event.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.heard: Callable[[asyncio.Future[ResponseT]], None] | None = None

    def tell(self) -> None:
        heard, self.heard = self.heard, None
        if heard is not None:
            heard(self)
