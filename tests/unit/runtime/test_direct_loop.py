"""A node's event loop: who waits for a descriptor is called, and asyncio goes on to work as everywhere."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from ottla.runtime.direct_loop import DirectLoop
from ottla.runtime.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the loop needs epoll: Linux only")

Pair = tuple[socket.socket, socket.socket]
T = TypeVar("T")


@pytest.fixture
def loop() -> Iterator[DirectLoop]:
    made = DirectLoop(Turn())
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    yield here, there
    here.close()
    there.close()


def run(loop: DirectLoop, seconds: float = 5.0) -> None:
    """Until somebody stops it."""
    guard = loop.call_later(seconds, loop.stop)
    loop.run_forever()
    guard.cancel()


def noting(loop: DirectLoop, called: list[T], what: Callable[[], T]) -> Callable[[], None]:
    """A callback that notes something, and stops the loop."""

    def callback() -> None:
        called.append(what())
        loop.stop()

    return callback


def test_readers_and_writers_are_called(loop: DirectLoop, pair: Pair) -> None:
    here, there = pair
    called: list[str] = []

    def readable(name: str) -> None:
        called.append(f"{name} {here.recv(10)!r}")
        loop.add_writer(here, writable)

    def writable() -> None:
        called.append("write")
        assert loop.remove_writer(here)
        assert not loop.remove_writer(here)
        if len(called) == 4:
            loop.stop()
        else:
            there.send(b"b")

    loop.add_reader(here, readable, "read")
    there.send(b"a")
    run(loop)
    assert called == ["read b'a'", "write", "read b'b'", "write"]
    assert loop.remove_reader(here)
    assert not loop.remove_reader(here)


def test_both_of_one_descriptor_and_a_new_callback_instead_of_the_old(loop: DirectLoop, pair: Pair) -> None:
    here, there = pair
    called: list[str] = []
    loop.add_reader(here.fileno(), called.append, "old")
    loop.add_reader(here.fileno(), lambda: called.append(f"read {here.recv(10)!r}"))
    loop.add_writer(here.fileno(), noting(loop, called, lambda: "write"))
    there.send(b"a")
    run(loop)
    assert called == ["read b'a'", "write"]


def test_the_end_of_the_other_side_wakes_the_reader(loop: DirectLoop, pair: Pair) -> None:
    here, there = pair
    got: list[bytes] = []
    loop.add_reader(here, noting(loop, got, lambda: here.recv(10)))
    there.close()
    run(loop)
    assert got == [b""]


def test_who_was_removed_by_another_of_the_same_look_is_not_called(loop: DirectLoop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def readable(index: int) -> Callable[[], None]:
        def callback() -> None:
            called.append(index)
            loop.remove_reader(pairs[1 - index][0])
            loop.stop()

        return callback

    try:
        for index, (here, there) in enumerate(pairs):
            loop.add_reader(here, readable(index))
            there.send(b"x")
        run(loop)
        assert len(called) == 1
    finally:
        for here, there in pairs:
            here.close()
            there.close()


def test_a_callback_that_fails_is_told_and_the_others_go_on(loop: DirectLoop, pair: Pair) -> None:
    here, there = pair
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    def fail() -> None:
        here.recv(10)
        raise RuntimeError("a mistake")

    loop.add_reader(here, fail)
    loop.add_writer(there, lambda: loop.stop() if told else None)
    there.send(b"x")
    run(loop)
    assert [str(context["exception"]) for context in told] == ["a mistake"]


def test_what_callbacks_make_due_comes_at_once_and_timers_in_time_though_events_never_end(
    loop: DirectLoop, pair: Pair
) -> None:
    here, there = pair
    there.send(b"x")  # never read: every look brings an event
    order: list[str] = []

    def readable() -> None:
        if not order:
            loop.call_soon(order.append, "soon")
            loop.call_later(0.01, order.append, "later")
            loop.call_later(0.02, loop.stop)
            order.append("event")

    loop.add_reader(here, readable)
    run(loop)
    assert order == ["event", "soon", "later"]


def test_a_timer_that_was_there_before_the_events(loop: DirectLoop, pair: Pair) -> None:
    here, there = pair
    there.send(b"x")
    looks = [0]

    def readable() -> None:
        looks[0] += 1

    loop.add_reader(here, readable)
    begun = loop.time()
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    assert looks[0] > 1
    assert 0.02 <= loop.time() - begun < 5


def test_other_threads_and_signals_wake_it(loop: DirectLoop) -> None:
    called: list[str] = []
    loop.add_signal_handler(signal.SIGUSR1, noting(loop, called, lambda: "signal"))

    def from_a_thread() -> None:
        called.append("thread")
        signal.raise_signal(signal.SIGUSR1)

    helper = threading.Thread(target=lambda: loop.call_soon_threadsafe(from_a_thread))
    helper.start()
    run(loop)
    helper.join()
    assert called == ["thread", "signal"]


def test_asyncio_has_its_own_sockets_and_processes_on_it(loop: DirectLoop) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> list[bytes]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        lines = []
        for number in range(3):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"%d\n" % number)
            lines.append(await reader.readline())
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return lines

    assert loop.run_until_complete(main()) == [b"0\n", b"1\n", b"2\n"]


async def _nothing() -> None:
    await asyncio.sleep(0)


def test_a_descriptor_of_asyncio_is_told_apart(loop: DirectLoop, pair: Pair) -> None:
    """`sock_recv` and its like register at the selector itself."""
    here, there = pair

    async def main() -> bytes:
        waiting = asyncio.ensure_future(loop.sock_recv(here, 10))
        await _nothing()
        await loop.sock_sendall(there, b"abc")
        return await waiting

    assert loop.run_until_complete(main()) == b"abc"
    got: list[bytes] = []
    loop.add_reader(here, noting(loop, got, lambda: here.recv(10)))
    there.send(b"d")
    run(loop)
    assert got == [b"d"]
