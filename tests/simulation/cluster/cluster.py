"""A whole cluster and its clients in one process, out of one seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.cluster.client import SimulatedClient
from tests.simulation.cluster.loop import SimulatedLoop
from tests.simulation.cluster.machine import Machine
from tests.simulation.cluster.network import SimulatedNetwork, Weather
from tests.simulation.cluster.node import SimulatedNode
from tests.simulation.cluster.process import ProcessDiedError
from tests.simulation.cluster.temper import temper_of
from tests.simulation.cluster.trace import Trace

from ottla.broker.peer.connection import PeerError
from ottla.clients.errors import ClientError
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.simulation.cluster.layouts import Layout
    from tests.simulation.cluster.process import Process

EXPECTED = (KafkaError, ClientError, PeerError, OSError)
STEP_S = 0.02
"""How often invariants look while time passes."""


class SimulatedCluster:
    def __init__(self, seed: str, layout: Layout) -> None:
        self.seed = seed
        self.random = Random(f"{seed}/faults")
        self.loop = SimulatedLoop()  # type: ignore[abstract]
        self.loop.on_exception = self._on_exception
        self.trace = Trace(self.loop)
        self.network = SimulatedNetwork(self.loop, Random(f"{seed}/network"))
        self.network.on_delivery = self.trace.delivered
        self.temper = temper_of(Random(f"{seed}/temper"))
        self.network.on_storm = lambda process: self.failed(f"NobodyStorms: {process} connects again and again")
        self.layout = layout = replace(layout, settings={**layout.settings, **self.temper.settings})
        self.nodes = [
            SimulatedNode(Machine(self.loop, self.network, node.host, seed), node, layout) for node in layout.nodes
        ]
        self.clients: list[SimulatedClient] = []
        self.is_prompt = True
        """What a client sent arrives soon or never."""
        self.is_ending = False
        """Workloads finish what they have begun, and end."""
        self.watchers: list[Callable[[], None]] = []
        """Invariants that look at every step."""
        self._failures: list[tuple[str, BaseException | None]] = []

    @property
    def now(self) -> float:
        return self.loop.time()

    def bootstrap(self, random: Random, *, of_controllers: bool = False) -> str:
        addresses = list(self.layout.controllers if of_controllers else self.layout.brokers)
        random.shuffle(addresses)
        return ",".join(addresses)

    def start(self) -> None:
        for node in self.nodes:
            node.start()

    def client(self, name: str, main: Callable[[SimulatedClient], Coroutine[object, object, None]]) -> SimulatedClient:
        client = SimulatedClient(self, name, main)
        self.clients.append(client)
        return client

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def run_for(self, duration_s: float) -> None:
        end = self.now + duration_s
        while self.now < end:
            self.loop.run_until(min(self.now + STEP_S, end))
            self._look()

    def run_until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        end = self.now + within_s
        while not condition():
            assert self.now < end, f"Liveness: {what}: not within {within_s:g} s: {self}"
            self.loop.run_until(min(self.now + STEP_S, end))
            self._look()

    def _look(self) -> None:
        for watcher in self.watchers:
            watcher()
        self.raise_failures()

    # ── what went wrong ────────────────────────────────────────────────────────────────────────────────────────────

    def failed(self, text: str, error: BaseException | None = None) -> None:
        self._failures.append((text, error))

    def raise_failures(self) -> None:
        if self._failures:
            text, error = self._failures[0]
            raise AssertionError(f"{text}: {type(error).__name__}: {error}" if error else text) from error

    def _on_exception(self, process: Process | None, context: dict[str, Any]) -> None:
        error, message = context.get("exception"), str(context.get("message"))
        if isinstance(error, ProcessDiedError) or (process is not None and not process.is_alive):
            return
        if "never retrieved" in message and isinstance(error, EXPECTED):
            return  # who asked was cancelled in the instant in which the answer came
        self.failed(f"NoUnhandledException: {process}: {message}", error)

    # ── peace ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def calm(self) -> None:
        """Everybody is up, and the network well."""
        self.trace.event("calm")
        self.network.cut.clear()
        self.network.weather = Weather()
        for node in self.nodes:
            node.resume()
            if node.process is not None:
                node.process.fuse = None
            node.is_wanted = True
            node.machine.disk.fail_after(None)
            if node.has_failed_directory:
                node.stop()  # it comes back by itself, with all of them
            node.start()
        for client in self.clients:
            self.loop.resume(client.process)
            if not client.process.is_alive and not client.is_done:
                client.start()

    def disk_troubles(self) -> Counter[str]:
        met: Counter[str] = Counter()
        for node in self.nodes:
            met["directories lost"] += node.directories_lost
            for what, count in node.machine.disk.met.items():
                met["disk errors"] += count * what.endswith("failed")
        return +met

    def dispose(self) -> None:
        """Nothing of it runs any more."""
        machines = [node.machine for node in self.nodes] + [client.machine for client in self.clients]
        for machine in machines:
            for process in machine.processes:
                process.kill()
        self.loop.dispose()

    def __str__(self) -> str:
        nodes = ", ".join(f"{node.name} {'up' if node.node else node.last_words[-1:]}" for node in self.nodes)
        waiting = ", ".join(client.name for client in self.clients if not client.is_done)
        return f"at {self.now:.3f} s: {nodes}; not done: {waiting}"
