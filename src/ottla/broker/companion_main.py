"""The process of a companion: `python -m ottla.broker.companion_main ORDER`, which its node starts.

It imports all that it needs while the node starts, and begins when the node says where it listens. When the node is
gone (its end of the socket is closed, whatever killed it), the companion stops; a companion that cannot even do that is
ended after `ORPHAN_GRACE_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, cast

from ottla.broker.companion_message import FAILED, METRICS, READY, START, STOP, Order
from ottla.runtime.child_message import Message, decode_message, encode_message
from ottla.runtime.log_format import start_logging
from ottla.runtime.loop import run as run_loop
from ottla.runtime.metrics.process import CPU, RESIDENT, read_process
from ottla.runtime.metrics.reading_codec import encode_readings
from ottla.runtime.tracing.tracing import stop as stop_traces

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ottla.broker.companion import CompanionModule
    from ottla.runtime.loop import StopRequest

EXIT_FAILED: Final = 1
ORPHAN_GRACE_S: Final = 15.0


def main(argument: str) -> int:
    order = Order.from_text(argument)
    start_logging(order.log_format, order.log_level)
    channel = socket.socket(fileno=order.descriptor)
    try:
        module = cast("CompanionModule", importlib.import_module(order.module))
        module.preload()
    except ImportError as error:
        _say(channel, FAILED, text=f"it needs {error.name}")
        return EXIT_FAILED
    return run_loop(lambda stop, _: _Companion(module, order.listen, channel, stop).serve())


class _Companion:
    def __init__(self, module: CompanionModule, listen: str | None, channel: socket.socket, stop: StopRequest) -> None:
        self._module = module
        self._listen = listen
        self._channel = channel
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Future[Message] = self._loop.create_future()
        self._running: Any = None

    async def serve(self) -> int:
        threading.Thread(target=self._hear, daemon=True).start()
        told = await self._unless_stopped(self._when_told())
        if told is None:
            return 0
        try:
            start = self._module.start(told["bootstrap"], self._listen, told["others"])
            self._running = await self._unless_stopped(start)
        except Exception as error:  # each says in a line what is wrong
            _say(self._channel, FAILED, text=str(error) or type(error).__name__)
            return EXIT_FAILED
        if self._running is None:
            return 0
        _say(self._channel, READY, url=self._running.url, line=self._module.ready_line(self._running))
        await self._stop.wait()
        await self._running.stop()
        return 0

    async def _when_told(self) -> Message:
        return await self._told

    async def _unless_stopped(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What it comes to, or `None` if it is to stop before."""
        working = self._loop.create_task(work)
        stopping = self._loop.create_task(self._stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))
        return None if working.cancelled() else working.result()

    def _hear(self) -> None:
        """In a thread of its own, so that the end of the node is heard whatever the loop is at."""
        with contextlib.suppress(OSError, ValueError), self._channel.makefile("rb") as lines:
            for line in lines:
                self._loop.call_soon_threadsafe(self._heard, decode_message(line))
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._stop.stop, "the node is gone")
        time.sleep(ORPHAN_GRACE_S)
        os._exit(EXIT_FAILED)

    def _heard(self, message: Message) -> None:
        kind = message["type"]
        if kind == START and not self._told.done():
            self._told.set_result(message)
        elif kind == METRICS:
            sources = [] if self._running is None else self._running.sources
            readings = encode_readings(reading for source in sources for reading in source())
            own = {metric: value for metric, _, value in read_process()}
            _say(self._channel, METRICS, readings=readings, resident_bytes=own.get(RESIDENT, 0), cpu_s=own[CPU])
        elif kind == STOP:
            self._stop.stop("the node says so")


def _say(channel: socket.socket, kind: str, **fields: Any) -> None:
    with contextlib.suppress(OSError):  # the node is gone, which is heard elsewhere
        channel.sendall(encode_message(kind, **fields))


if __name__ == "__main__":
    code = main(sys.argv[1])
    stop_traces()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread of a plugin that goes on must not keep it alive
