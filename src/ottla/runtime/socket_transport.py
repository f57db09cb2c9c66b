"""One connection over a non-blocking socket: `Transport`.

Bytes are received straight into the receiver's buffer, and an answer is sent in the same turn of the event loop as
its request was read: no task, no future, no hop. What the socket does not take waits in a queue, in order:

    queue   [ bytes | bytes | region | bytes | region ]      bytes: one gathering `sendmsg` up to the next region
             ^ head, shortened as it goes                    region: `sendfile`, in bounded chunks

A small region that is in the page cache is copied and travels with its neighbours in one `sendmsg`; a region that is
not in the page cache first goes to the read-ahead threads, so that a cold disk delays nobody else.
"""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Sequence

from ottla.runtime.files import Buffer, File, FileRegion
from ottla.runtime.network import Piece, Receiver
from ottla.runtime.page_cache import ReadAhead, is_cached, read_cached

COPY_REGION_BYTES = 16 * 1024  # measured: up to here a copy costs less than a system call of its own
GATHER_BUFFERS = 64  # well below IOV_MAX (1024): more do not get faster
SENDFILE_CHUNK_BYTES = 1024 * 1024
SEND_BYTES_PER_WAKE = 4 * 1024 * 1024  # then others get their turn
LINGER_SECONDS = 5.0  # how long a closing connection may take to send what is queued

_MSG_MORE: int = getattr(socket, "MSG_MORE", 0)


class _PendingRegion:
    """A file region on its way out."""

    __slots__ = ("file", "position", "size", "warm_until")

    def __init__(self, region: FileRegion) -> None:
        self.file: File = region.file
        self.position = region.position
        self.size = region.size
        self.warm_until = 0  # seen in the page cache, or read into it, up to this position: not asked for twice


class SocketTransport:
    """See the module. All calls are made on the loop's thread; `start` is the first."""

    __slots__ = (
        "_closed",
        "_closing",
        "_fd",
        "_linger",
        "_loop",
        "_pending",
        "_queue",
        "_read_ahead",
        "_reading",
        "_receiver",
        "_socket",
        "_warming",
        "_writing",
        "peer_host",
        "peer_port",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        receiver: Receiver,
        read_ahead: ReadAhead,
        peer_host: str,
        peer_port: int,
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._fd = sock.fileno()
        self._receiver = receiver
        self._read_ahead = read_ahead
        self.peer_host = peer_host
        self.peer_port = peer_port
        self._queue: deque[Buffer | _PendingRegion] = deque()
        self._pending = 0
        self._reading = False
        self._writing = False
        self._warming = False
        self._closing = False
        self._closed = False
        self._linger: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tell the receiver, and begin to read unless it said otherwise."""
        self._reading = True
        self._receiver.connected(self)
        if self._reading and not self._closed:
            self._loop.add_reader(self._fd, self._on_readable)

    @property
    def local_address(self) -> tuple[str, int]:
        name = self._socket.getsockname()
        return name[0], name[1]

    # --- receiving

    def pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def resume_reading(self) -> None:
        if not self._reading and not self._closed and not self._closing:
            self._reading = True
            self._loop.add_reader(self._fd, self._on_readable)

    def _on_readable(self) -> None:
        receiver = self._receiver
        try:
            size = self._socket.recv_into(receiver.get_buffer())
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._disconnect(error)
            return
        if size:
            receiver.buffer_updated(size)
        else:
            self._disconnect(None)

    # --- sending

    @property
    def pending_bytes(self) -> int:
        return self._pending

    def write(self, pieces: Sequence[Piece]) -> None:
        if self._closed or self._closing:
            return
        queue = self._queue
        idle = not queue
        if idle and len(pieces) == 1 and not isinstance(pieces[0], FileRegion):
            self._write_one(pieces[0])
            return
        for piece in pieces:
            if isinstance(piece, FileRegion):
                if piece.size:
                    queue.append(_PendingRegion(piece))
                    self._pending += piece.size
            elif piece:
                queue.append(piece)
                self._pending += len(piece)
        if idle and queue:
            self._send()
            self._watch()

    def _write_one(self, piece: Buffer) -> None:
        try:
            sent = self._socket.send(piece)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._disconnect(error)
            return
        left = len(piece) - sent
        if left:
            self._queue.append(memoryview(piece)[sent:])
            self._pending = left
            self._watch()

    def _on_writable(self) -> None:
        self._send()
        self._watch()
        if not self._queue and not self._closed:
            if self._closing:
                self._disconnect(None)
            else:
                self._receiver.drained()

    def _watch(self) -> None:
        """Ask to be woken when the socket takes more, if something is left for it to take."""
        wanted = bool(self._queue) and not self._warming and not self._closed
        if wanted != self._writing and not self._closed:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._fd, self._on_writable)
            else:
                self._loop.remove_writer(self._fd)

    def _send(self) -> None:
        """Send from the head of the queue until the socket is full, the disk is cold or it is somebody else's turn."""
        queue = self._queue
        budget = SEND_BYTES_PER_WAKE
        try:
            while queue and budget > 0 and not self._warming:
                head = queue[0]
                if isinstance(head, _PendingRegion) and head.size > COPY_REGION_BYTES:
                    sent = self._send_file(head)
                else:
                    sent = self._send_gathered()
                budget -= sent
        except (BlockingIOError, InterruptedError):
            pass
        except (OSError, ValueError) as error:  # ValueError: a file that was closed under its region
            self._disconnect(error if isinstance(error, OSError) else OSError(str(error)))

    def _send_file(self, region: _PendingRegion) -> int:
        fd = _descriptor(region.file)
        if fd is None:
            self._queue[0] = region.file.read(region.position, region.size)
            return 0
        position = region.position
        ahead = region.warm_until - position
        if ahead <= 0:
            ahead = min(region.size, SENDFILE_CHUNK_BYTES)
            if not is_cached(fd, position, ahead):
                self._warm(region, fd, ahead)
                return 0
            region.warm_until = position + ahead  # the socket may take it in several steps
        sent = os.sendfile(self._fd, fd, position, ahead if ahead < region.size else region.size)
        if not sent:
            raise OSError("the file ends before its region does")
        region.position += sent
        region.size -= sent
        self._pending -= sent
        if not region.size:
            self._queue.popleft()
        return sent

    def _send_gathered(self) -> int:
        """One `sendmsg` of the buffers at the head of the queue, small cached regions among them copied."""
        queue = self._queue
        first = queue[0]
        if not isinstance(first, _PendingRegion) and (len(queue) == 1 or _goes_by_itself(queue[1])):
            sent = self._socket.send(first, 0 if len(queue) == 1 else _MSG_MORE)
            self._pending -= sent
            if sent == len(first):
                queue.popleft()
            else:
                queue[0] = memoryview(first)[sent:]
            return sent
        buffers: list[Buffer] = []
        more = 0
        for index, piece in enumerate(queue):
            if isinstance(piece, _PendingRegion):
                if piece.size > COPY_REGION_BYTES:
                    more = _MSG_MORE  # its bytes follow at once: fill the packet
                    break
                copied = self._copy(piece)
                if copied is None:
                    break
                queue[index] = piece = copied
            buffers.append(piece)
            if len(buffers) == GATHER_BUFFERS:
                break
        if not buffers:
            return 0
        sent = self._socket.sendmsg(buffers, (), more)
        self._pending -= sent
        left = sent
        while left:
            head = queue[0]
            assert not isinstance(head, _PendingRegion)
            if left < len(head):
                queue[0] = memoryview(head)[left:]
                break
            left -= len(head)
            queue.popleft()
        return sent

    def _copy(self, region: _PendingRegion) -> Buffer | None:
        """The bytes of a small region; `None` when they are not cached (the head of the queue is then read ahead)."""
        fd = _descriptor(region.file)
        if fd is None:
            return region.file.read(region.position, region.size)
        if region.position + region.size <= region.warm_until:
            data: Buffer | None = os.pread(fd, region.size, region.position)
            if data is not None and len(data) < region.size:
                raise OSError("the file ends before its region does")
            return data
        data = read_cached(fd, region.position, region.size)
        if data is None and self._queue[0] is region:
            self._warm(region, fd, region.size)
        return data

    def _warm(self, region: _PendingRegion, fd: int, size: int) -> None:
        region.warm_until = region.position + size
        self._warming = True
        self._read_ahead.fetch(fd, region.position, size, self._warmed)

    def _warmed(self) -> None:
        self._warming = False
        if not self._closed:
            self._on_writable()

    # --- the end

    def close(self, *, abort: bool = False) -> None:
        if self._closed:
            return
        if abort or not self._queue:
            self._disconnect(None)
        elif not self._closing:
            self.pause_reading()
            self._closing = True
            self._linger = self._loop.call_later(LINGER_SECONDS, self._disconnect, None)

    def _disconnect(self, error: OSError | None) -> None:
        if self._closed:
            return
        self._closed = True
        if self._reading:
            self._loop.remove_reader(self._fd)
        if self._writing:
            self._loop.remove_writer(self._fd)
        if self._linger is not None:
            self._linger.cancel()
        self._queue.clear()
        self._pending = 0
        with contextlib.suppress(OSError):
            self._socket.close()
        self._receiver.disconnected(error)


def _goes_by_itself(piece: Buffer | _PendingRegion) -> bool:
    return isinstance(piece, _PendingRegion) and piece.size > COPY_REGION_BYTES


def _descriptor(file: File) -> int | None:
    """The operating system's number of an open file; `None` for files that have none (simulated ones)."""
    fileno = getattr(file, "fileno", None)
    if fileno is None:
        return None
    number: int = fileno()
    if number < 0:
        raise ValueError("the file is closed")
    return number
