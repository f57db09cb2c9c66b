"""The real network: listening and connecting sockets. What one connection does is in `runtime.socket_transport`."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass

from ottla.runtime.network import Receiver
from ottla.runtime.page_cache import ReadAhead
from ottla.runtime.socket_transport import SocketTransport

ACCEPTS_PER_WAKE = 64
ACCEPT_RETRY_SECONDS = 1.0
OPERATING_SYSTEM_DEFAULT = -1
DEFAULT_SEND_BUFFER_BYTES = 600 * 1024  # measured: an answer of 1 MB then leaves in one step, not in ten
DEFAULT_BACKLOG = 1024  # the system's own limit (net.core.somaxconn) may be lower

_TCP_CONGESTION: int | None = getattr(socket, "TCP_CONGESTION", None)
_PACED = b"bbr"  # spaces its packets by timers, which a loopback needs not, and which cost as much as sending does
_UNPACED = b"reno"  # every system has it, and everybody may use it
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(slots=True, frozen=True)
class SocketOptions:
    """`socket.send.buffer.bytes` and `socket.receive.buffer.bytes` (-1: the system's own), and the listen backlog."""

    send_buffer_bytes: int = OPERATING_SYSTEM_DEFAULT
    receive_buffer_bytes: int = OPERATING_SYSTEM_DEFAULT
    backlog: int = DEFAULT_BACKLOG

    def apply(self, sock: socket.socket) -> None:
        if self.send_buffer_bytes != OPERATING_SYSTEM_DEFAULT:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer_bytes)
        if self.receive_buffer_bytes != OPERATING_SYSTEM_DEFAULT:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer_bytes)


class SocketListener:
    """One listening socket. When the process is out of descriptors it rests for a second instead of spinning."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        accept: Callable[[], Receiver],
        read_ahead: ReadAhead,
        options: SocketOptions,
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._accept = accept
        self._read_ahead = read_ahead
        self._options = options
        self._accepting = False
        self._closed = False
        self._is_paced = _congestion_control(sock) == _PACED
        self.host, self.port = sock.getsockname()[:2]
        self.resume_accepting()

    def pause_accepting(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._socket.fileno())

    def resume_accepting(self) -> None:
        if not self._accepting and not self._closed:
            self._accepting = True
            self._loop.add_reader(self._socket.fileno(), self._on_acceptable)

    def close(self) -> None:
        if not self._closed:
            self.pause_accepting()
            self._closed = True
            self._socket.close()

    def _on_acceptable(self) -> None:
        for _ in range(ACCEPTS_PER_WAKE):
            if not self._accepting:
                return
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self.pause_accepting()
                    self._loop.call_later(ACCEPT_RETRY_SECONDS, self.resume_accepting)
                    return
                continue  # that one connection is gone already (ECONNABORTED and its like)
            self._start(sock, address)

    def _start(self, sock: socket.socket, address: tuple[str, int]) -> None:
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError:
            sock.close()  # reset before we came to it
            return
        host = plain_host(address[0])
        if self._is_paced and is_loopback(host):
            _do_not_pace(sock)
        SocketTransport(self._loop, sock, self._accept(), self._read_ahead, host, address[1]).start()


class SocketNetwork:
    """`Network` over non-blocking sockets on an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, options: SocketOptions | None = None) -> None:
        self._loop = loop
        self._options = options or SocketOptions()
        self._read_ahead = ReadAhead(loop)

    async def listen(self, host: str, port: int, accept: Callable[[], Receiver]) -> SocketListener:
        """Bind and listen; an empty host is every interface, IPv4 and IPv6. `OSError` when the address is taken."""
        sock = _bind(host, port, self._options)
        sock.listen(self._options.backlog)
        return SocketListener(self._loop, sock, accept, self._read_ahead, self._options)

    async def connect(self, host: str, port: int, receiver: Receiver) -> SocketTransport:
        """Connect to the first address of the host that answers. `OSError` when none does."""
        failure: OSError | None = None
        for family, kind, protocol, _, address in await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._options.apply(sock)
                await self._loop.sock_connect(sock, address)
            except OSError as error:
                sock.close()
                failure = error
                continue
            except BaseException:
                sock.close()
                raise
            peer_host, peer_port = address[0], address[1]
            transport = SocketTransport(self._loop, sock, receiver, self._read_ahead, str(peer_host), int(peer_port))
            transport.start()
            return transport
        raise failure or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")

    def close(self) -> None:
        """End the helper threads."""
        self._read_ahead.close()


def plain_host(host: str) -> str:
    """An IPv4 peer of a socket for both families, written as IPv4."""
    return host.removeprefix("::ffff:") if "." in host else host


def is_loopback(host: str) -> bool:
    """Whether a numeric address is this machine's own, by loopback."""
    return host.startswith("127.") or host == "::1"


def _congestion_control(sock: socket.socket) -> bytes:
    """The algorithm's name, as in `net.ipv4.tcp_congestion_control`; empty where nobody can say."""
    if _TCP_CONGESTION is None:
        return b""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, 16).rstrip(b"\0")
    except OSError:
        return b""


def _do_not_pace(sock: socket.socket) -> None:
    if _TCP_CONGESTION is not None:
        with contextlib.suppress(OSError):  # then it stays as the system has it
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, _UNPACED)


def _bind(host: str, port: int, options: SocketOptions) -> socket.socket:
    if not host:
        with contextlib.suppress(OSError):
            return _bound(socket.AF_INET6, ("::", port), options)
        return _bound(socket.AF_INET, ("0.0.0.0", port), options)
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses.sort(key=lambda entry: entry[0] != socket.AF_INET)  # IPv4 first, as Java binds a name
    return _bound(addresses[0][0], addresses[0][4], options)


def _bound(family: int, address: tuple[object, ...], options: SocketOptions) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        options.apply(sock)  # accepted sockets inherit both buffers
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock
