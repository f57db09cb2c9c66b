"""The control thread: one event loop with our own client, for memberships, offsets and topics.

Threads that process records ask it and wait (`call`), or leave it something to do (`post`).
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.clients.client import KafkaClient
from ottla.clients.errors import ClientError
from ottla.clients.security import client_security
from ottla.runtime.sockets import SocketNetwork
from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from ottla.streams.config import StreamsConfig

CALL_TIMEOUT_S: Final = 120.0
START_TIMEOUT_S: Final = 60.0
T = TypeVar("T")


class ControlThread:
    def __init__(self, config: StreamsConfig, client_id: str) -> None:
        self._config = config
        self._client_id = client_id
        self._security = client_security(config.security)
        self._thread = threading.Thread(target=self._run, name=f"{client_id}-control", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.client: KafkaClient

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise StreamsError("the control thread does not start")

    def call(self, coroutine: Coroutine[Any, Any, T], timeout_s: float = CALL_TIMEOUT_S) -> T:
        """Run it on the loop and wait for what it gives or raises. Not from the loop itself."""
        future = self.spawn(coroutine)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise StreamsError(f"the cluster did not answer within {timeout_s:g} s") from None

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            coroutine.close()
            raise StreamsError("the application is closed")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def make_client(self, client_id: str) -> KafkaClient:
        """For the loop, where its caller is. A broker answers the requests of a connection in order, so that whoever
        may have to wait long for an answer, as members for each other, has connections of his own."""
        return KafkaClient(
            SocketNetwork(asyncio.get_running_loop()),
            self._config.bootstrap_servers,
            client_id=client_id,
            request_timeout_ms=float(self._config["request.timeout.ms"]),
            security=self._security,
        )

    def post(self, function: Callable[..., object], *arguments: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        if self._stop is not None:
            self.post(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(START_TIMEOUT_S)
        self._loop = None

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.client = self.make_client(self._client_id)
        self._loop = loop
        self._ready.set()
        await self._stop.wait()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.client.close()


__all__ = ["ClientError", "ControlThread"]
