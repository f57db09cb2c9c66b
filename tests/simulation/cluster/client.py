"""A client's process on a machine of its own, with Ottla's own client in it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.simulation.cluster.machine import Machine
from tests.simulation.cluster.network import ProcessNetwork

from ottla.clients.client import KafkaClient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.process import Process

REQUEST_TIMEOUT_MS = 5_000.0


class SimulatedClient:
    """A program that is started again where it died; `is_done` when it ended by itself."""

    def __init__(
        self, cluster: SimulatedCluster, name: str, main: Callable[[SimulatedClient], Coroutine[object, object, None]]
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.random = Random(f"{cluster.seed}/{name}")
        self.machine = Machine(cluster.loop, cluster.network, name, cluster.seed)
        self.process: Process
        self.is_done = False
        self._main = main
        self.lives = 0
        self.start()

    def start(self) -> None:
        self.lives += 1
        self.machine.power_on()
        self.process = self.machine.new_process(f"{self.name}/{self.lives}")
        self.cluster.loop.call_soon(self._spawn, context=self.process.context)

    def kill(self) -> None:
        self.machine.kill(self.process)

    def _spawn(self) -> None:
        self.cluster.loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._main(self)
        except Exception as error:
            self.cluster.failed(f"{self.name} failed", error)
        self.is_done = True

    def connect(self, *, of_controllers: bool = False) -> KafkaClient:
        network = ProcessNetwork(self.cluster.network, self.process)
        return KafkaClient(
            network,
            self.cluster.bootstrap(self.random, of_controllers=of_controllers),
            client_id=self.name,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            of_controllers=of_controllers,
        )

    @property
    def now_ms(self) -> int:
        return self.machine.clock.now_ms()
