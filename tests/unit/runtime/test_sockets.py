"""The real network, over loopback sockets on free ports."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING

import pytest

from ottla.runtime import socket_transport, sockets
from ottla.runtime.files import FileRegion
from ottla.runtime.page_cache import ReadAhead, is_cached, read_cached
from ottla.runtime.sockets import SocketListener, SocketNetwork, SocketOptions, is_loopback, plain_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from ottla.runtime.files import Buffer
    from ottla.runtime.network import Transport


class Recorder:
    """A receiver that keeps what it is told."""

    def __init__(self) -> None:
        self.transport: Transport | None = None
        self.received = bytearray()
        self.drains = 0
        self.ends: list[OSError | None] = []
        self.changed = asyncio.Event()
        self._buffer = bytearray(64 * 1024)

    @property
    def wire(self) -> Transport:
        assert self.transport is not None
        return self.transport

    def connected(self, transport: Transport) -> None:
        self.transport = transport
        self.changed.set()

    def get_buffer(self) -> memoryview:
        return memoryview(self._buffer)

    def buffer_updated(self, size: int) -> None:
        self.received += self._buffer[:size]
        self.changed.set()

    def drained(self) -> None:
        self.drains += 1
        self.changed.set()

    def disconnected(self, error: OSError | None) -> None:
        self.ends.append(error)
        self.changed.set()

    async def until(self, condition: str) -> None:
        """Wait until an expression over `self` holds."""
        while not eval(condition, {}, {"self": self}):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 60)


class Disk:
    """A real file, as `runtime.disk` opens one."""

    def __init__(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self._fd = os.open(path, os.O_RDONLY)

    @property
    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def fileno(self) -> int:
        return self._fd

    def read(self, position: int, size: int) -> bytes:
        return os.pread(self._fd, size, position)

    def append(self, buffers: Sequence[Buffer]) -> int:
        raise NotImplementedError

    def truncate(self, size: int) -> None:
        raise NotImplementedError

    def sync(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1


@pytest.fixture
async def network() -> AsyncIterator[SocketNetwork]:
    network = SocketNetwork(asyncio.get_running_loop())
    yield network
    network.close()


async def pair(network: SocketNetwork) -> tuple[Recorder, Recorder, SocketListener]:
    """A server's and a client's end of one connection."""
    server, client = Recorder(), Recorder()
    listener = await network.listen("127.0.0.1", 0, lambda: server)
    await network.connect("127.0.0.1", listener.port, client)
    await server.until("self.transport is not None")
    return server, client, listener


async def test_bytes_arrive_in_order_both_ways(network: SocketNetwork) -> None:
    server, client, listener = await pair(network)
    client.wire.write([b"one ", bytearray(b"two "), memoryview(b"three")])
    await server.until("len(self.received) == 13")
    server.wire.write([server.received])
    await client.until("len(self.received) == 13")
    assert client.received == b"one two three"
    assert server.wire.peer_host == "127.0.0.1"
    client.wire.close()
    await server.until("self.ends")
    assert (server.ends, client.ends) == ([None], [None])
    listener.close()


@pytest.mark.parametrize("size", [1, 1000, socket_transport.COPY_REGION_BYTES + 1, 6_000_000])
async def test_file_regions_stand_between_their_neighbours(network: SocketNetwork, tmp_path: Path, size: int) -> None:
    content = os.urandom(size + 20)
    file = Disk(tmp_path / "segment", content)
    server, client, listener = await pair(network)
    server.wire.write([b"<", FileRegion(file, 10, size), b"|", FileRegion(file, 0, 0), FileRegion(file, 5, 3), b">"])
    expected = b"<" + content[10 : 10 + size] + b"|" + content[5:8] + b">"
    await client.until(f"len(self.received) == {len(expected)}")
    assert client.received == expected
    if server.wire.pending_bytes:
        await server.until("self.drains")
    assert server.wire.pending_bytes == 0
    for end in (server, client):
        end.wire.close()
    listener.close()


@pytest.mark.parametrize("size", [1000, 3_000_000])
async def test_cold_regions_are_read_ahead_by_a_thread(
    network: SocketNetwork, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[tuple[int, int]] = []
    real_fetch = ReadAhead.fetch

    def fetch(self: ReadAhead, fd: int, position: int, size: int, done: object) -> None:
        fetched.append((position, size))
        real_fetch(self, fd, position, size, done)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(ReadAhead, "fetch", fetch)
    monkeypatch.setattr(socket_transport, "is_cached", lambda *_: False)
    monkeypatch.setattr(socket_transport, "read_cached", lambda *_: None)
    content = os.urandom(size)
    server, client, listener = await pair(network)
    server.wire.write([b"<", FileRegion(Disk(tmp_path / "segment", content), 0, size), b">"])
    await client.until(f"len(self.received) == {size + 2}")
    assert client.received == b"<" + content + b">"
    assert fetched[0] == (0, min(size, socket_transport.SENDFILE_CHUNK_BYTES))
    assert sum(fetched_size for _, fetched_size in fetched) >= size
    for end in (server, client):
        end.wire.close()
    listener.close()


async def test_a_connection_that_goes_while_its_region_is_read_ahead(
    network: SocketNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_transport, "is_cached", lambda *_: False)
    server, client, listener = await pair(network)
    server.wire.write([FileRegion(Disk(tmp_path / "segment", bytes(200_000)), 0, 200_000)])
    server.wire.close(abort=True)
    network.close()  # waits for the threads: `done` is on its way to a connection that is gone
    await client.until("self.ends")
    assert server.ends == [None]
    assert not client.received
    listener.close()


async def test_a_region_of_a_closed_file_ends_the_connection(network: SocketNetwork, tmp_path: Path) -> None:
    file = Disk(tmp_path / "segment", bytes(200_000))
    server, client, listener = await pair(network)
    file.close()
    server.wire.write([FileRegion(file, 0, 200_000)])
    await client.until("self.ends")
    assert isinstance(server.ends[0], OSError)
    listener.close()


async def test_a_region_beyond_the_end_of_its_file_ends_the_connection(network: SocketNetwork, tmp_path: Path) -> None:
    file = Disk(tmp_path / "segment", bytes(1000))
    server, client, listener = await pair(network)
    server.wire.write([FileRegion(file, 500, 200_000)])
    await client.until("self.ends")
    assert isinstance(server.ends[0], OSError)
    listener.close()


async def test_what_a_slow_reader_leaves_is_counted_and_drained(network: SocketNetwork) -> None:
    server, client, listener = await pair(network)
    client.wire.pause_reading()
    content = os.urandom(16_000_000)
    server.wire.write([content])
    assert 0 < server.wire.pending_bytes < len(content)
    server.wire.write([b"end"])
    client.wire.resume_reading()
    await server.until("self.drains == 1")
    assert server.wire.pending_bytes == 0
    await client.until(f"len(self.received) == {len(content) + 3}")
    assert client.received == content + b"end"
    server.wire.close()
    await client.until("self.ends")
    listener.close()


async def test_close_sends_what_is_queued_first(network: SocketNetwork) -> None:
    server, client, listener = await pair(network)
    server.wire.write([bytes(10_000_000)])
    server.wire.close()
    server.wire.write([b"not this"])
    await client.until("self.ends")
    assert len(client.received) == 10_000_000
    assert server.ends == [None]
    listener.close()


async def test_a_reset_is_told_as_an_error(network: SocketNetwork) -> None:
    server = Recorder()
    listener = await network.listen("127.0.0.1", 0, lambda: server)
    peer = socket.create_connection(("127.0.0.1", listener.port))
    await server.until("self.transport is not None")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    peer.close()
    await server.until("self.ends")
    assert isinstance(server.ends[0], ConnectionResetError)
    listener.close()


async def test_paused_listeners_leave_connections_in_the_backlog(network: SocketNetwork) -> None:
    accepted: list[Recorder] = []
    arrived = asyncio.Event()

    def accept() -> Recorder:
        accepted.append(Recorder())
        arrived.set()
        return accepted[-1]

    listener = await network.listen("127.0.0.1", 0, accept)
    listener.pause_accepting()
    client = Recorder()
    await network.connect("127.0.0.1", listener.port, client)
    client.wire.write([b"hello"])
    assert accepted == []
    listener.resume_accepting()
    await asyncio.wait_for(arrived.wait(), 60)
    await accepted[0].until("self.received")
    client.wire.close()
    await accepted[0].until("self.ends")
    listener.close()


async def test_out_of_descriptors_the_listener_rests(network: SocketNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    from ottla.runtime import sockets

    monkeypatch.setattr(sockets, "ACCEPT_RETRY_SECONDS", 0.0)
    server, client = Recorder(), Recorder()
    listener = await network.listen("127.0.0.1", 0, lambda: server)
    real = listener._socket
    refusals = 0

    class Exhausted:
        def accept(self) -> tuple[socket.socket, tuple[str, int]]:
            nonlocal refusals
            refusals += 1
            if refusals == 1:
                raise OSError(errno.EMFILE, "too many open files")
            return real.accept()

        def fileno(self) -> int:
            return real.fileno()

        def close(self) -> None:
            real.close()

    monkeypatch.setattr(listener, "_socket", Exhausted())
    await network.connect("127.0.0.1", listener.port, client)
    await server.until("self.transport is not None")
    assert refusals >= 2
    client.wire.close()
    await server.until("self.ends")
    listener.close()


async def test_listening_twice_on_a_port_is_refused(network: SocketNetwork) -> None:
    listener = await network.listen("127.0.0.1", 0, Recorder)
    with pytest.raises(OSError) as refused:
        await network.listen("127.0.0.1", listener.port, Recorder)
    assert refused.value.errno == errno.EADDRINUSE
    listener.close()


async def test_connecting_to_nobody_is_refused(network: SocketNetwork) -> None:
    listener = await network.listen("127.0.0.1", 0, Recorder)
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        await network.connect("127.0.0.1", listener.port, Recorder())


async def test_every_interface_serves_ipv4(network: SocketNetwork) -> None:
    server, client = Recorder(), Recorder()
    listener = await network.listen("", 0, lambda: server)
    await network.connect("127.0.0.1", listener.port, client)
    await server.until("self.transport is not None")
    assert server.wire.peer_host == "127.0.0.1"
    client.wire.close()
    await server.until("self.ends")
    listener.close()


async def test_socket_options_reach_accepted_sockets() -> None:
    network = SocketNetwork(asyncio.get_running_loop(), SocketOptions(send_buffer_bytes=50_000))
    server, client, listener = await pair(network)
    sock = server.wire._socket  # type: ignore[attr-defined]  # the real transport's
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 100_000  # the kernel doubles it
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    for end in (server, client):
        end.wire.close()
    listener.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="this system has no TCP_CONGESTION")
@pytest.mark.parametrize("paced", [False, True])
async def test_a_loopback_is_not_paced(monkeypatch: pytest.MonkeyPatch, paced: bool) -> None:
    def control(sock: socket.socket) -> bytes:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")

    with socket.socket() as plain:
        usual = control(plain)
    monkeypatch.setattr(sockets, "_PACED", usual if paced else b"something else")
    server, client, listener = await pair(SocketNetwork(asyncio.get_running_loop()))
    assert control(server.wire._socket) == (b"reno" if paced else usual)  # type: ignore[attr-defined]  # the real one's
    assert control(client.wire._socket) == usual  # type: ignore[attr-defined]
    for end in (server, client):
        end.wire.close()
    listener.close()


def test_only_this_machine_is_loopback() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("127.8.8.8") and is_loopback("::1")
    assert not is_loopback("10.0.0.1") and not is_loopback("fe80::1") and not is_loopback("128.127.0.1")


def test_ipv4_peers_of_a_socket_for_both_families() -> None:
    assert plain_host("::ffff:10.0.0.1") == "10.0.0.1"
    assert plain_host("10.0.0.1") == "10.0.0.1"
    assert plain_host("fe80::1") == "fe80::1"


def test_the_page_cache_answers_for_what_was_just_written(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    file = Disk(tmp_path / "segment", content)
    assert is_cached(file.fileno(), 0, 100_000)
    assert bytes(read_cached(file.fileno(), 10, 90_000) or b"") == content[10:90_010]
    assert read_cached(file.fileno(), 50_000, 90_000) is None  # not all of it is there
    file.close()


async def test_read_ahead_ends_and_tells(tmp_path: Path) -> None:
    read_ahead = ReadAhead(asyncio.get_running_loop())
    file = Disk(tmp_path / "segment", bytes(700_000))
    done = asyncio.Event()
    read_ahead.fetch(file.fileno(), 0, 700_000, done.set)
    file.close()  # the thread has a descriptor of its own
    await asyncio.wait_for(done.wait(), 60)
    read_ahead.close()
