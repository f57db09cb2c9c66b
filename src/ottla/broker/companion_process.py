"""A companion in a process of its own: started with the node, watched, started again when it ends by itself.

    starting ──► ready ──(ends)──► waits ──(back-off)──► starting …
        └─► failed: it never was ready, and says why; it is not started again

What it does cannot hold up the node, and what ends it does not end the node.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from ottla.broker.companion_message import FAILED, LINE_BYTES_MAX, METRICS, READY, START, STOP, Order
from ottla.runtime.child_process import ChildError, ChildProcess
from ottla.runtime.exit_status import how_it_ended
from ottla.runtime.metrics.metric import counter, gauge
from ottla.runtime.metrics.reading_codec import decode_readings
from ottla.runtime.restart_backoff import RestartBackoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ottla.broker.companion import Plan
    from ottla.runtime.child_message import Message
    from ottla.runtime.metrics.metric import Reading, Source

BACKOFF_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
RECOVERED_S: Final = 60.0
"""After so long a life the next failure counts as the first."""
STOP_TIMEOUT_S: Final = 20.0
"""How long it may take to stop; then it is killed."""
HUNG_UP_GRACE_S: Final = 2.0
METRICS_TIMEOUT_S: Final = 2.0

UP = gauge("ottla_companion_up", "Whether what runs beside the node is ready.", "companion")
RESTARTS = counter("ottla_companion_restarts_total", "How often it was started again.", "companion")
RESIDENT = gauge("ottla_companion_resident_memory_bytes", "Memory of its process that is resident.", "companion")
CPU = counter("ottla_companion_cpu_seconds_total", "CPU time of its process, in seconds.", "companion")
COMPANION_METRICS: Final = (UP, RESTARTS, RESIDENT, CPU)


class CompanionProcess:
    """`launch()`, then `begin()` when the node is ready; `settled` when it is ready or has failed; `await stop()`."""

    def __init__(self, plan: Plan, say: Callable[[str], None], log_format: str, log_level: str) -> None:
        self.plan = plan
        self.url: str | None = None
        self.line = ""
        """What it says of itself, once it was ready."""
        self.failure = ""
        """Why it is not there; it is not started again."""
        self.settled = asyncio.Event()
        self.restarts = 0
        self._say = say
        self._log = (log_format, log_level)
        self._start: Mapping[str, Any] | None = None
        self._child: ChildProcess | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._is_ready = False
        self._readings: list[Reading] = []
        self._usage: tuple[float, float] | None = None
        self._measured = asyncio.Event()

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    @property
    def is_ready(self) -> bool:
        return self._is_ready

    def launch(self) -> None:
        self._life = asyncio.get_running_loop().create_task(self._live())

    def begin(self, bootstrap: str, others: Mapping[str, str]) -> None:
        """The node is there."""
        self._start = {"bootstrap": bootstrap, "others": dict(others)}
        self._tell(START, **self._start)

    async def stop(self) -> None:
        self._stopping.set()
        if self._life is None:
            return
        self._tell(STOP)
        done, _ = await asyncio.wait([self._life], timeout=STOP_TIMEOUT_S)
        if not done:
            self._say(f"{self.name} does not stop within {STOP_TIMEOUT_S:g} s, and is killed.")
            self.kill()
            await asyncio.wait([self._life])

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    # What it tells Prometheus

    async def refresh(self) -> None:
        """What it tells now; nothing, if it does not answer."""
        self._readings, self._usage = [], None
        if not self._is_ready:
            return
        self._measured.clear()
        self._tell(METRICS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._measured.wait(), METRICS_TIMEOUT_S)

    @property
    def sources(self) -> Sequence[Source]:
        return (self._read,)

    def _read(self) -> Iterator[Reading]:
        own = (self.name,)
        yield UP, own, int(self._is_ready)
        yield RESTARTS, own, self.restarts
        if self._usage is not None:
            resident_bytes, cpu_s = self._usage
            yield RESIDENT, own, resident_bytes
            yield CPU, own, cpu_s
        yield from list(self._readings)

    # Its lives

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = RestartBackoff(BACKOFF_S, BACKOFF_MAX_S, RECOVERED_S)
        while not self._stopping.is_set():
            began = loop.time()
            why = await self._live_once()
            self._is_ready = False
            if self._is_told_to_stop():
                break
            if not self.line:
                self.failure = why
                break
            wait_s = backoff.failed(loop.time() - began)
            self._say(f"{self.name} is gone: {why}. The node goes on; {self.name} is started again in {wait_s:g} s.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()
            self.restarts += 1
        self.settled.set()

    def _is_told_to_stop(self) -> bool:
        return self._stopping.is_set()

    async def _live_once(self) -> str:
        """Until it has ended; why."""
        try:
            child = self._child = await ChildProcess.start(
                "ottla.broker.companion_main",
                lambda descriptor: Order(self.plan.module_name, self.plan.listen, descriptor, *self._log).to_text(),
                LINE_BYTES_MAX,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the node's; it stops its companions in order
            )
        except OSError as error:
            return f"its process cannot be started: {error}"
        try:
            if self._start is not None:
                child.say(START, **self._start)
            if self._stopping.is_set():
                child.say(STOP)
            told = await self._listen(child)
            status = await child.end(STOP_TIMEOUT_S if self._stopping.is_set() else HUNG_UP_GRACE_S)
        finally:
            child.close()
        return told or f"it ended {how_it_ended(status)}"

    async def _listen(self, child: ChildProcess) -> str:
        """Until it hangs up; what it says is wrong, if it does."""
        told = ""
        try:
            while (message := await child.hear()) is not None:
                told = self._take(message) or told
        except ChildError as error:
            return told or str(error)
        return told

    def _take(self, message: Message) -> str:
        kind = message["type"]
        if kind == READY:
            is_back = bool(self.line)
            self.url, self.line, self._is_ready = message["url"], message["line"], True
            self.settled.set()
            if is_back:
                self._say(f"{self.name} is back: {self.line}")
        elif kind == METRICS:
            self._readings = decode_readings(message["readings"])
            self._usage = (message["resident_bytes"], message["cpu_s"])
            self._measured.set()
        elif kind == FAILED:
            return str(message["text"])
        return ""

    def _tell(self, kind: str, **fields: Any) -> None:
        if self._child is not None:
            self._child.say(kind, **fields)
