"""TLS between a socket and who speaks through it: a `Receiver` below, a `Transport` above, no thread and no file.

    socket ─► SocketTransport ─► TlsTransport (ssl.MemoryBIO) ─► Receiver
    socket ◄─ SocketTransport ◄─ TlsTransport ◄─ pieces: bytes, and file regions read in `REGION_BYTES` at a time

A handshake that is not over in time ends the connection. What comes from the socket is decrypted at once, unless the
receiver does not want it; what goes out is encrypted only as fast as the socket takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from ottla.runtime.files import Buffer, FileRegion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.runtime.network import Piece, Receiver, Transport

HANDSHAKE_TIMEOUT_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 5.0
REGION_BYTES: Final = 128 * 1024
ENCRYPT_BYTES: Final = 256 * 1024  # encrypted ahead of the socket
WAKE_BYTES: Final = 4 * 1024 * 1024  # then others get their turn
_RECEIVED = memoryview(bytearray(128 * 1024))  # shared: filled and emptied in one call of the loop


class TlsTransport:
    """One connection. `secured` is told of the handshake's end, before the receiver's first byte; it may raise
    `ssl.SSLError` to end the connection."""

    def __init__(
        self,
        context: ssl.SSLContext,
        receiver: Receiver,
        *,
        server_hostname: str | None = None,
        secured: Callable[[ssl.SSLObject], None] | None = None,
        handshake_timeout_seconds: float = HANDSHAKE_TIMEOUT_SECONDS,
    ) -> None:
        """`server_hostname`: of the client's side, also where it is not checked; `None`: this is the server."""
        self._receiver = receiver
        self._secured = secured
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_hostname is None,
            server_hostname=server_hostname or None,
        )
        self._handshake_timeout_seconds = handshake_timeout_seconds
        self._raw: Transport
        self._loop: asyncio.AbstractEventLoop
        self._deadline: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._queue: deque[Buffer | FileRegion] = deque()
        self._queued = 0
        self._ready = False  # the handshake is over
        self._paused = False
        self._ending = False  # the other side has ended its stream
        self._closing = False
        self._closed = False
        self._failure: OSError | None = None
        self.peer_host = ""
        self.peer_port = 0

    # --- Receiver, of the socket below

    def connected(self, transport: Transport) -> None:
        self._raw = transport
        self.peer_host, self.peer_port = transport.peer_host, transport.peer_port
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.call_later(self._handshake_timeout_seconds, self._too_late)
        self._receiver.connected(self)
        if not self._closed:
            self._advance()

    def get_buffer(self) -> memoryview:
        return _RECEIVED

    def buffer_updated(self, size: int) -> None:
        self._incoming.write(_RECEIVED[:size])
        self._advance()

    def drained(self) -> None:
        self._pump()
        if not self._queue and not self._raw.pending_bytes and not self._closed and not self._closing:
            self._receiver.drained()

    def disconnected(self, error: OSError | None) -> None:
        self._closed = True
        for timer in (self._deadline, self._linger):
            if timer is not None:
                timer.cancel()
        self._queue.clear()
        self._queued = 0
        self._receiver.disconnected(self._failure or error)

    def _too_late(self) -> None:
        self._fail(TimeoutError("the TLS handshake took too long"))

    # --- what arrives

    def _advance(self) -> None:
        try:
            if not self._ready and not self._shake_hands():
                return
            self._read()
        except ssl.SSLError as error:
            self._fail(error)

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send_encrypted()
            return False
        if self._secured is not None:
            self._secured(self._tls)
        self._ready = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._send_encrypted()
        self._pump()
        return True

    def _read(self) -> None:
        receiver = self._receiver
        while not self._paused and not self._closed and not self._closing:
            size, is_all = self._decrypt(receiver.get_buffer())
            if size:
                receiver.buffer_updated(size)
            if self._ending:
                self.close(abort=True)
                return
            if is_all:
                self._send_encrypted()  # an answer to a key update
                return

    def _decrypt(self, buffer: memoryview) -> tuple[int, bool]:
        """Fill the buffer, TLS record by TLS record (16 kB at most): how much that was, and whether it was all."""
        read, size, room = self._tls.read, 0, len(buffer)
        try:
            while size < room:
                got = cast("int", read(room - size, buffer[size:]))  # into the buffer: how many there were
                if not got:
                    self._ending = True
                    break
                size += got
        except ssl.SSLWantReadError:
            return size, True
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._ending = True
        except ssl.SSLError:
            if not size:
                raise
            # What was decrypted before it counts; the error comes again.
        return size, False

    def _fail(self, error: OSError) -> None:
        if self._closed:
            return
        self._failure = error
        self._send_encrypted()  # the alert that says why
        self._raw.close()

    def pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._paused and not self._closed:
            self._paused = False
            self._raw.resume_reading()
            self._loop.call_soon(self._resumed)  # what was decrypted already comes without the socket

    def _resumed(self) -> None:
        if self._ready and not self._paused and not self._closed:
            self._advance()

    # --- what goes out

    @property
    def pending_bytes(self) -> int:
        return self._queued + self._raw.pending_bytes

    def write(self, pieces: Sequence[Piece]) -> None:
        if self._closed or self._closing:
            return
        for piece in pieces:
            size = piece.size if isinstance(piece, FileRegion) else len(piece)
            if size:
                self._queue.append(piece)
                self._queued += size
        self._pump()

    def _pump(self) -> None:
        """Encrypt from the head of the queue until the socket is full, or it is somebody else's turn."""
        budget = WAKE_BYTES
        try:
            while self._ready and self._queue and not self._closed and not self._raw.pending_bytes:
                if budget <= 0:
                    self._loop.call_soon(self.drained)
                    return
                budget -= self._encrypt()
                self._send_encrypted()
        except OSError as error:  # the file of a region, or TLS itself
            self._failure = error
            self._raw.close(abort=True)
            return
        if self._closing and not self._queue and not self._closed:
            self._say_goodbye()

    def _encrypt(self) -> int:
        done = 0
        while self._queue and done < ENCRYPT_BYTES:
            head = self._queue[0]
            if isinstance(head, FileRegion):
                size = min(head.size, REGION_BYTES)
                data: Buffer = head.file.read(head.position, size)
                if len(data) < size:
                    raise OSError("the file ends before its region does")
                rest: Buffer | FileRegion | None = None
                if size < head.size:
                    rest = FileRegion(head.file, head.position + size, head.size - size)
            else:
                view = memoryview(head)
                data = view[:ENCRYPT_BYTES]
                rest = view[ENCRYPT_BYTES:] if len(view) > ENCRYPT_BYTES else None
            self._tls.write(data)
            done += len(data)
            if rest is None:
                self._queue.popleft()
            else:
                self._queue[0] = rest
        self._queued -= done
        return done

    def _send_encrypted(self) -> None:
        if self._outgoing.pending and not self._closed:
            self._raw.write([self._outgoing.read()])

    # --- the end

    def close(self, *, abort: bool = False) -> None:
        if self._closed:
            return
        if abort or not self._queue or not self._ready:
            if self._ready and not abort:
                self._say_goodbye()
            else:
                self._raw.close(abort=abort)
        elif not self._closing:
            self.pause_reading()
            self._closing = True
            self._linger = self._loop.call_later(LINGER_SECONDS, lambda: self._raw.close(abort=True))

    def _say_goodbye(self) -> None:
        self._closing = True
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._send_encrypted()
        self._raw.close()
