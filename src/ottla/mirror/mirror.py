"""All flows of one process, and what shows how they are doing."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from ottla.mirror.display import Display
from ottla.mirror.flow import Flow
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from ottla.mirror.flow_config import MirrorConfig
    from ottla.runtime.loop import StopRequest


class Mirror:
    def __init__(self, config: MirrorConfig) -> None:
        self._network = SocketNetwork(asyncio.get_running_loop())
        self._flows = [Flow(flow, self._network) for flow in config.flows]

    async def run(self, stop: StopRequest, report_s: float) -> None:
        """Until asked to stop. What no cluster can be blamed for is raised, after everything else has stopped."""
        enabled = [flow.progress for flow in self._flows if flow.config.enabled]
        display = Display(sys.stderr, enabled, [flow.progress for flow in self._flows], report_s)
        working = asyncio.ensure_future(self._work())
        showing = asyncio.ensure_future(display.run())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((working,))
        await asyncio.gather(*(flow.stop() for flow in self._flows))
        showing.cancel()
        display.finish()
        self._network.close()
        if not working.cancelled():
            working.result()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for flow in self._flows:
                tasks.create_task(flow.run())
            await asyncio.Event().wait()  # a flow without any work is no reason to end
