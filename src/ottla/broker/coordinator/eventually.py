"""Answers that are there at once, or that will be: a value, or an awaitable of one.

While this node is the only replica in sync everything is there at once, and nothing waits for a turn of the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Eventually: TypeAlias = T | Awaitable[T]


def then(answer: Awaitable[T], use: Callable[[T], None]) -> None:
    """Call `use` with the answer when it is there; never, if it is cancelled."""
    future = asyncio.ensure_future(answer)

    def done(finished: asyncio.Future[T]) -> None:
        if not finished.cancelled():
            use(finished.result())

    future.add_done_callback(done)
