"""Work that goes on whatever the clusters do: after a failure it waits, longer each time, and begins again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.clients.errors import ClientError
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.runtime.cancellation import raise_if_cancelled
from ottla.runtime.restart_backoff import RestartBackoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.mirror.progress import FlowProgress

BACKOFF_S: Final = 0.5
BACKOFF_MAX_S: Final = 10.0
SETTLED_S: Final = 30.0
"""Work that ran so long before it failed begins with the shortest wait again."""

FAILURES: Final = (KafkaError, ClientError, ProtocolError)
"""What a cluster can do to a mirror; anything else is a bug, and ends the process."""


def describe(error: Exception) -> str:
    """In one line."""
    text = f"{error.message} [{error.code.name}]" if isinstance(error, KafkaError) else str(error)
    return " ".join(text.split())


async def keep_running(subject: str, work: Callable[[], Awaitable[None]], progress: FlowProgress) -> None:
    """Until `work` returns. What is wrong is among the progress's troubles under `subject` until it works again."""
    loop = asyncio.get_running_loop()
    backoff = RestartBackoff(BACKOFF_S, BACKOFF_MAX_S, SETTLED_S)
    while True:
        started = loop.time()
        try:
            await work()
            return
        except FAILURES as error:
            raise_if_cancelled()
            progress.troubles[subject] = describe(error)
        await asyncio.sleep(backoff.failed(loop.time() - started))


async def every(
    interval_s: float,
    subject: str,
    step: Callable[[], Awaitable[None]],
    progress: FlowProgress,
    *,
    at_once: bool = True,
) -> None:
    """Take the step now (or after the first interval) and then at each interval; a failed one is taken again sooner."""
    if not at_once:
        await asyncio.sleep(interval_s)

    async def steps() -> None:
        while True:
            await step()
            progress.troubles.pop(subject, None)
            await asyncio.sleep(interval_s)

    await keep_running(subject, steps, progress)
