"""A companion in a process of its own: started with the node, watched, started again when it ends by itself.

    starting ──► ready ──(ends)──► waits ──(back-off)──► starting …
        └─► failed: it never was ready, and says why; it is not started again

What it does cannot hold up the node, and what ends it does not end the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

from ottla.broker.companion_message import FAILED, LINE_BYTES_MAX, METRICS, READY, START, STOP, Order, decode, encode
from ottla.runtime.metrics.metric import counter, gauge
from ottla.runtime.metrics.reading_codec import decode_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ottla.broker.companion import Plan
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
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
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
        return self._process.pid if self._process is not None and self._process.returncode is None else None

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
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

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
        failures = 0
        while not self._stopping.is_set():
            began = loop.time()
            why = await self._live_once()
            self._is_ready = False
            if self._is_told_to_stop():
                break
            if not self.line:
                self.failure = why
                break
            failures = 0 if loop.time() - began > RECOVERED_S else failures
            wait_s = min(BACKOFF_S * 2**failures, BACKOFF_MAX_S)
            failures += 1
            self._say(f"{self.name} is gone: {why}. The node goes on; {self.name} is started again in {wait_s:g} s.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)
            self.restarts += 1
        self.settled.set()

    def _is_told_to_stop(self) -> bool:
        return self._stopping.is_set()

    async def _live_once(self) -> str:
        """Until it has ended; why."""
        try:
            reader = await self._spawn()
        except OSError as error:
            return f"its process cannot be started: {error}"
        process, writer = self._process, self._writer
        assert process is not None and writer is not None
        try:
            if self._start is not None:
                self._tell(START, **self._start)
            if self._stopping.is_set():
                self._tell(STOP)
            told = await self._listen(reader)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S if self._stopping.is_set() else HUNG_UP_GRACE_S)
        finally:
            if process.returncode is None:
                self.kill()
            writer.close()
            self._writer = None
        return told or _ended(await process.wait())

    async def _spawn(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        try:
            order = Order(self.plan.module_name, self.plan.listen, theirs.fileno(), *self._log)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ottla.broker.companion_main", order.to_text()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is the node's; it stops its companions in order
            )
            reader, self._writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES_MAX)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return reader

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        """Until it hangs up; what it says is wrong, if it does."""
        told = ""
        while True:
            try:
                line = await reader.readline()
                if not line:
                    return told
                message = decode(line)
            except (ValueError, OSError) as error:
                return told or f"it says what nobody understands: {error}"
            told = self._take(message) or told

    def _take(self, message: dict[str, Any]) -> str:
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
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(kind, **fields))


def _ended(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"
