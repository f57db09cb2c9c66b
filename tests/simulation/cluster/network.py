"""The network between simulated machines: who can hear whom, how long it takes, who listens where.

    connect ─► SYN ─► listener: accepted; nobody there: refused; machine off, or cut: silence, and SYN again
    bytes   ─► in order on each connection, after latency and as the bandwidth allows; what is lost or cut is sent again

As with TCP, loss is delay: a connection stalls, and lives on when it was mended in time. Connections overtake one
another. A process that dies closes its connections; a machine that loses power says nothing to anyone.
"""

from __future__ import annotations

import errno
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster.process import ignore
from tests.simulation.cluster.transport import SimulatedTransport

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from random import Random

    from tests.simulation.cluster.loop import SimulatedLoop
    from tests.simulation.cluster.process import Process

    from ottla.runtime.network import Receiver

SYN_RETRY_S: Final = 1.0
SYN_RETRIES: Final = 6
FIRST_EPHEMERAL_PORT: Final = 32_768
BACKLOG: Final = 1_024
ATTEMPTS_PER_S: Final = 100
"""To connect, by one process: who backs off needs fewer."""


@dataclass(slots=True)
class Weather:
    """What the network is like. Times in seconds."""

    latency_s: tuple[float, float] = (0.0001, 0.0008)
    loss: float = 0.0
    """How often a piece has to be sent again."""
    retransmit_s: tuple[float, float] = (0.2, 0.4)
    bytes_per_s: float = 100e6


class SimulatedNetwork:
    """All of it; a process sees it through its `ProcessNetwork`."""

    def __init__(self, loop: SimulatedLoop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.weather = Weather()
        self.is_off: set[str] = set()
        """Hosts without power."""
        self.cut: set[tuple[str, str]] = set()
        """(from, to): what is sent does not arrive."""
        self.listeners: dict[tuple[str, int], SimulatedListener] = {}
        self.transports: dict[int, SimulatedTransport] = {}
        """Every open end, by number."""
        self.on_delivery: Callable[[SimulatedTransport, bytes], None] = ignore
        self.on_storm: Callable[[Process], None] = ignore
        """Somebody connects again and again."""
        self._attempts: Counter[str] = Counter()
        self._counting_until = 0.0
        self._ends = 0
        self._numbers: dict[str, int] = {}
        self._ports: dict[str, int] = {}

    def hears(self, source: str, target: str) -> bool:
        return (source, target) not in self.cut and target not in self.is_off

    def latency(self) -> float:
        low, high = self.weather.latency_s
        # Mostly short, with a tail
        return low + (high - low) * self.random.random() ** 3

    def is_lost(self) -> bool:
        return self.weather.loss > 0 and self.random.random() < self.weather.loss

    def retransmit_s(self, attempt: int) -> float:
        return min(self.random.uniform(*self.weather.retransmit_s) * float(1 << attempt), 4.0)

    def new_end(self, end: SimulatedTransport) -> int:
        self._ends += 1
        self.transports[self._ends] = end
        return self._ends

    def number_of(self, host: str) -> str:
        """Its IPv4 address."""
        number = self._numbers.setdefault(host, len(self._numbers) + 1)
        return f"10.0.{number >> 8}.{number & 255}"

    def new_port(self, host: str) -> int:
        port = self._ports.get(host, FIRST_EPHEMERAL_PORT)
        self._ports[host] = port + 1 if port < 65_535 else FIRST_EPHEMERAL_PORT
        return port

    def count_attempt(self, process: Process) -> None:
        if self.loop.time() >= self._counting_until:
            self._counting_until = self.loop.time() + 1.0
            self._attempts.clear()
        self._attempts[process.name] += 1
        if self._attempts[process.name] > ATTEMPTS_PER_S:
            self.on_storm(process)

    # ── connecting ─────────────────────────────────────────────────────────────────────────────────────────────────

    def synchronize(self, attempt: Attempt, tries: int = 0) -> None:
        """One SYN on its way."""
        if attempt.future.done():
            return
        source, target = attempt.process.host, attempt.address[0]
        if tries > SYN_RETRIES:
            attempt.fail(TimeoutError(errno.ETIMEDOUT, "connection timed out"))
        elif source == target or (self.hears(source, target) and not self.is_lost()):
            self.loop.call_later(self.latency(), self._arrived, attempt)
            if not self.hears(target, source):  # no answer will come
                self.loop.call_later(SYN_RETRY_S * 2**tries, self.synchronize, attempt, tries + 1)
        else:
            self.loop.call_later(SYN_RETRY_S * 2**tries, self.synchronize, attempt, tries + 1)

    def _arrived(self, attempt: Attempt) -> None:
        source, target = attempt.process.host, attempt.address[0]
        if attempt.future.done() or target in self.is_off:
            return
        listener = self.listeners.get(attempt.address)
        if not self.hears(target, source):
            return
        if listener is None:
            self.loop.call_later(self.latency(), attempt.fail, ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
            return
        near = SimulatedTransport(self, attempt.process, self.number_of(target), attempt.address[1])
        far = SimulatedTransport(self, listener.process, self.number_of(source), self.new_port(source))
        near.peer, far.peer = far, near
        self.loop.call_later(self.latency(), attempt.succeed, near)
        listener.arrived(far)

    def reset_one(self) -> bool:
        """Some connection breaks for both ends, as when a router forgets it."""
        numbers = list(self.transports)
        if not numbers:
            return False
        end = self.transports[self.random.choice(numbers)]
        for each in (end, end.peer):
            each.reset(ConnectionResetError(errno.ECONNRESET, "connection reset by peer"))
        return True


class Attempt:
    """To connect."""

    def __init__(self, process: Process, address: tuple[str, int], future: asyncio.Future[SimulatedTransport]) -> None:
        self.process = process
        self.address = address
        self.future = future

    def fail(self, error: OSError) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def succeed(self, end: SimulatedTransport) -> None:
        if self.future.done() or not self.process.is_alive or not end.is_open:
            end.vanish()
            self.fail(ConnectionResetError(errno.ECONNRESET, "connection reset by peer"))
        else:
            self.future.set_result(end)


class SimulatedListener:
    def __init__(
        self, network: SimulatedNetwork, process: Process, host: str, port: int, accept: Callable[[], Receiver]
    ) -> None:
        self.host, self.port = host, port
        self.process = process
        self._network = network
        self._accept = accept
        self._is_accepting = True
        self._backlog: list[SimulatedTransport] = []

    def arrived(self, end: SimulatedTransport) -> None:
        """The system takes the connection; the process hears of it when it accepts."""
        if len(self._backlog) >= BACKLOG:
            end.vanish()
            return
        self._backlog.append(end)
        self._wake()

    def _wake(self) -> None:
        self._network.loop.call_soon(self._accept_all, context=self.process.context)

    def _accept_all(self) -> None:
        while self._is_accepting and self._backlog:
            self._backlog.pop(0).start(self._accept())

    def pause_accepting(self) -> None:
        self._is_accepting = False

    def resume_accepting(self) -> None:
        if self._network.listeners.get((self.host, self.port)) is self:
            self._is_accepting = True
            self._wake()

    def close(self) -> None:
        self._is_accepting = False
        if self._network.listeners.get((self.host, self.port)) is self:
            del self._network.listeners[self.host, self.port]
        for end in self._backlog:
            end.vanish()
        self._backlog.clear()


class ProcessNetwork:
    """`Network` as one process sees it; its host is its machine's, whatever address it listens on."""

    def __init__(self, network: SimulatedNetwork, process: Process) -> None:
        self._network = network
        self._process = process

    async def listen(self, host: str, port: int, accept: Callable[[], Receiver]) -> SimulatedListener:
        self._process.check()
        host = self._process.host
        if not port:
            port = self._network.new_port(host)
        if (host, port) in self._network.listeners:
            raise OSError(errno.EADDRINUSE, "address already in use")
        listener = SimulatedListener(self._network, self._process, host, port, accept)
        self._network.listeners[host, port] = listener
        self._process.on_death.append(listener.close)
        return listener

    async def connect(self, host: str, port: int, receiver: Receiver) -> SimulatedTransport:
        self._process.check()
        self._network.count_attempt(self._process)
        future: asyncio.Future[SimulatedTransport] = self._network.loop.create_future()
        self._network.synchronize(Attempt(self._process, (host, port), future))
        try:
            end = await future
        except BaseException:
            if future.done() and not future.cancelled() and future.exception() is None:
                future.result().vanish()
            raise
        end.start(receiver)
        return end
