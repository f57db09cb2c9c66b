"""Who is fenced before its session is over: only a broker at whose address nobody listens, and once somebody did."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import TestNode, sent
from tests.unit.broker.replicas import LISTENER, NODE_ID

from ottla.broker.apis.broker_registration import BrokerRegistrationHandler
from ottla.broker.controller.broker_losses import MAX_THERE, PAUSES_MS, REFUSALS, SILENCE_MS, BrokerLosses
from ottla.broker.request_context import ClientConnection
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature
from ottla.protocol.api.broker_registration import Listener as RegisteredListener
from ottla.protocol.errors import ErrorCode

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


# -- who may take its place


async def registers(watched: Watched, *directories: bytes) -> ErrorCode:
    """Another run of the broker."""
    node = watched.node
    known = node.shell.image.cluster.brokers[NODE_ID]
    request = BrokerRegistrationRequest(
        broker_id=NODE_ID,
        cluster_id=node.storage.cluster_id,
        incarnation_id=b"another run 1234",
        listeners=[RegisteredListener(name=LISTENER, host="localhost", port=9092, security_protocol=0)],
        features=[
            Feature(name=name, min_supported_version=levels.min_level, max_supported_version=levels.max_level)
            for name, levels in SUPPORTED_FEATURES.items()
        ],
        rack=None,
        log_dirs=list(directories or known.directories),
    )
    handler = BrokerRegistrationHandler(node.shell, watched.losses, cluster_id=node.storage.cluster_id)
    return ErrorCode((await handler(*sent(request, 4))).error_code)


def beat(watched: Watched, connection: ClientConnection) -> None:
    node = watched.node
    epoch = node.shell.image.cluster.brokers[NODE_ID].epoch
    node.shell.heartbeats.contact(NODE_ID, epoch, node.clock.monotonic_ms())
    watched.losses.heard(connection, NODE_ID, epoch)


def close(connection: ClientConnection) -> None:
    for told in list(connection.on_closed.values()):
        told()


async def test_a_copy_of_a_directory_of_one_that_lives_lets_nobody_in(watched: Watched) -> None:
    node = watched.node
    epoch = node.shell.image.cluster.brokers[NODE_ID].epoch
    node.shell.heartbeats.contact(NODE_ID, epoch, node.clock.monotonic_ms())
    assert await registers(watched) is ErrorCode.DUPLICATE_BROKER_REGISTRATION, "nobody has heard it"
    beat(watched, watched.connection)
    assert await registers(watched) is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    newer = ClientConnection(client_host="127.0.0.1", client_port=2, listener="CONTROLLER")
    beat(watched, newer)
    close(watched.connection)
    assert await registers(watched) is ErrorCode.DUPLICATE_BROKER_REGISTRATION, "it goes on by another connection"
    assert node.shell.image.cluster.brokers[NODE_ID].epoch == epoch


async def test_the_next_run_of_one_that_hung_up_is_let_in_at_once(watched: Watched) -> None:
    beat(watched, watched.connection)
    close(watched.connection)
    assert await registers(watched, b"another disk 123") is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    epoch = watched.node.shell.image.cluster.brokers[NODE_ID].epoch
    assert await registers(watched) is ErrorCode.NONE
    assert watched.node.shell.image.cluster.brokers[NODE_ID].epoch > epoch
    assert watched.is_fenced()


async def test_one_that_a_new_controller_never_heard_is_silent_for_so_long_first(watched: Watched) -> None:
    """As when all nodes were killed at once: nobody saw anybody hang up."""
    watched.losses.start()
    await watched.pass_time(int(SILENCE_MS) - 100)
    node = watched.node
    epoch = node.shell.image.cluster.brokers[NODE_ID].epoch
    node.shell.heartbeats.contact(NODE_ID, epoch, node.clock.monotonic_ms())
    assert await registers(watched) is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    await watched.pass_time(200)
    assert await registers(watched, b"another disk 123") is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    assert await registers(watched) is ErrorCode.NONE
