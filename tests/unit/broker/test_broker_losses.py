"""Who is fenced before its session is over: only a broker at whose address nobody listens, and once somebody did."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import TestNode
from tests.unit.broker.replicas import LISTENER, NODE_ID

from ottla.broker.controller.broker_losses import MAX_THERE, PAUSES_MS, REFUSALS, BrokerLosses
from ottla.broker.request_context import ClientConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from ottla.runtime.network import Listener, Receiver, Transport


class Closed:
    """A transport of a connection that nobody uses."""

    peer_host, peer_port, pending_bytes = "", 0, 0

    def write(self, pieces: object) -> None:
        raise AssertionError("nothing is to be said")

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self, *, abort: bool = False) -> None:
        pass


class OneAddress:
    """`Network` where one broker listens; `error` is what its address answers with."""

    def __init__(self) -> None:
        self.error: int | None = None
        self.hangs = False
        self.looks = 0
        self.last_there: int | None = None
        """The last look that finds it, if there is one."""
        self.refused: set[int] = set()

    async def listen(self, host: str, port: int, accept: Callable[[], Receiver]) -> Listener:
        raise AssertionError

    async def connect(self, host: str, port: int, receiver: Receiver) -> Transport:
        self.looks += 1
        assert (host, port) == ("localhost", 9092)
        if self.hangs:
            await asyncio.Event().wait()
        if self.looks in self.refused or (self.last_there is not None and self.looks > self.last_there):
            raise OSError(errno.ECONNREFUSED, "no")
        if self.error is not None:
            raise OSError(self.error, "no")
        transport = Closed()
        receiver.connected(transport)
        return transport


class Watched:
    def __init__(self, directory: Path) -> None:
        self.node = TestNode(directory)
        self.network = OneAddress()
        self.losses = BrokerLosses(self.node.shell, self.network, self.node.timers, LISTENER)
        self.connection = ClientConnection(client_host="127.0.0.1", client_port=1, listener="CONTROLLER")

    def is_fenced(self) -> bool:
        return self.node.shell.image.cluster.brokers[NODE_ID].fenced

    async def pass_time(self, ms: int = int(sum(PAUSES_MS)) + 50) -> None:
        for _ in range(ms // 10):
            self.node.timers.advance(10)
            for _ in range(5):
                await asyncio.sleep(0)

    async def lose_connection(self) -> None:
        epoch = self.node.shell.image.cluster.brokers[NODE_ID].epoch
        self.losses.heard(self.connection, NODE_ID, epoch)
        for told in list(self.connection.on_closed.values()):
            told()
        await self.pass_time()


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.losses.stop()
    await made.node.shell.close()


async def test_a_broker_at_whose_address_nobody_listens_is_fenced(watched: Watched) -> None:
    watched.losses.start()
    await watched.pass_time()
    assert not watched.is_fenced()
    watched.network.error = errno.ECONNREFUSED
    await watched.lose_connection()
    assert watched.is_fenced()
    assert watched.network.looks == 1 + REFUSALS


async def test_a_broker_that_only_lost_its_connection_is_not(watched: Watched) -> None:
    watched.losses.start()
    await watched.pass_time()
    await watched.lose_connection()
    await watched.pass_time(1_000)
    assert not watched.is_fenced()
    assert watched.network.looks == 1 + MAX_THERE


async def test_a_process_that_ends_closes_its_listeners_last(watched: Watched) -> None:
    """Whoever looks while it is about to may find it there still."""
    watched.losses.start()
    await watched.pass_time()
    watched.network.last_there = watched.network.looks + 1
    await watched.lose_connection()
    assert watched.is_fenced()
    assert watched.network.looks == 2 + REFUSALS


async def test_refusals_that_do_not_last_prove_nothing(watched: Watched) -> None:
    watched.losses.start()
    await watched.pass_time()
    watched.network.refused = {watched.network.looks + number for number in (1, 2, 4, 5)}
    await watched.lose_connection()
    await watched.pass_time(1_000)
    assert not watched.is_fenced()


@pytest.mark.parametrize("error", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ECONNRESET, errno.ENETUNREACH])
async def test_a_network_that_fails_proves_nothing(watched: Watched, error: int) -> None:
    watched.losses.start()
    await watched.pass_time()
    watched.network.error = error
    await watched.lose_connection()
    assert not watched.is_fenced()


async def test_silence_proves_nothing(watched: Watched) -> None:
    watched.losses.start()
    await watched.pass_time()
    watched.network.hangs = True
    await watched.lose_connection()
    await watched.pass_time(5_000)
    assert not watched.is_fenced()


async def test_an_address_that_was_never_reached_proves_nothing(watched: Watched) -> None:
    """It may be one for clients, behind some other host's name."""
    watched.network.error = errno.ECONNREFUSED
    watched.losses.start()
    await watched.lose_connection()
    assert not watched.is_fenced()


async def test_a_new_run_of_the_broker_has_to_be_reached_anew(watched: Watched) -> None:
    watched.losses.start()
    await watched.pass_time()
    watched.network.error = errno.ECONNREFUSED
    watched.node.register()
    await watched.lose_connection()
    assert not watched.is_fenced()
