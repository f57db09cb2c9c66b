"""Opening the logs at the start, while the node already beats its heart and votes: no turn of the loop is held up.

After a clean stop a log is open within half a millisecond: as many of them a turn as `OPEN_SLICE_MS` has room for. What
has to be recovered is read in a thread. Clients, other brokers among them, are let in when all are open.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.log.config import LogConfig
    from ottla.log.file_names import TopicPartition
    from ottla.log.manager import LogManager
    from ottla.runtime.time import Clock
    from ottla.runtime.world import Blocking

OPEN_SLICE_MS = 10


async def open_logs(
    logs: LogManager,
    config_of: Callable[[str], LogConfig],
    is_hosted: Callable[[TopicPartition, bytes | None], bool],
    clock: Clock,
    blocking: Blocking,
) -> None:
    """`LogManager.opening`. `OSError` when no log directory is left."""
    slice_end_ms = clock.monotonic_ms() + OPEN_SLICE_MS
    for pending in logs.opening(config_of, is_hosted):
        if pending.clean:
            pending.open()
            if clock.monotonic_ms() < slice_end_ms:
                continue
            await asyncio.sleep(0)
        else:
            await _finished(blocking.future(pending.open))
        slice_end_ms = clock.monotonic_ms() + OPEN_SLICE_MS


async def _finished(work: asyncio.Future[object]) -> None:
    """Also where the start is given up meanwhile: the directory is unlocked only when nobody writes there any more."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await work
        raise
