"""One end of a simulated connection: `Transport`, over what the two systems buffer between them.

write ─► queue ─► send buffer ─► in flight (in order; lost or cut: again) ─► received ─► the receiver's buffer
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster.process import State, context_of

from ottla.runtime.files import FileRegion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.cluster.network import SimulatedNetwork
    from tests.simulation.cluster.process import Process

    from ottla.runtime.network import Piece, Receiver

WINDOW_BYTES: Final = 256 * 1024
"""What both systems buffer of one direction."""
SEGMENT_BYTES: Final = 64 * 1024
LINGER_S: Final = 5.0
RETRANSMISSIONS: Final = 15
RETRANSMISSIONS_AFTER_CLOSE: Final = 8
SPLIT_ONE_IN: Final = 16
"""So often does a piece arrive in two."""

NOWHERE = context_of(None)
"""The context of what the network does by itself."""


class SimulatedTransport:
    """See `runtime.network.Transport` and `runtime.socket_transport`, whose behaviour this has."""

    def __init__(self, network: SimulatedNetwork, process: Process, peer_host: str, peer_port: int) -> None:
        self.peer_host, self.peer_port = peer_host, peer_port
        self.process = process
        self.peer: SimulatedTransport
        self.is_open = True
        self._network = network
        self._loop = network.loop
        self._receiver: Receiver | None = None
        self._queue: deque[memoryview | FileRegion] = deque()
        self._pending = 0
        self._unacknowledged = 0
        self._is_closing = False
        self._is_reading = False
        self._feeding = False
        # What is on its way to the peer, in order. `None` ends it.
        self._flight: deque[tuple[float, bytes | None]] = deque()
        self._arrives = 0.0
        self._line_free = 0.0
        # What arrived and was not read.
        self._received: deque[bytes] = deque()
        self._end_of_stream = False
        self.number = network.new_end(self)
        process.on_death.append(self._process_died)

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, receiver: Receiver) -> None:
        """In the process's own context."""
        self._receiver = receiver
        self._is_reading = True
        receiver.connected(self)
        self._feed_soon()

    @property
    def pending_bytes(self) -> int:
        return self._pending

    def write(self, pieces: Sequence[Piece]) -> None:
        self.process.check()
        if not self.is_open or self._is_closing:
            return
        for piece in pieces:
            if isinstance(piece, FileRegion):
                if piece.size:
                    self._queue.append(piece)
                    self._pending += piece.size
            elif piece:
                self._queue.append(memoryview(piece))
                self._pending += len(piece)
        self._send()

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        if not self._is_reading and self.is_open and not self._is_closing:
            self._is_reading = True
            self._feed_soon()

    def close(self, *, abort: bool = False) -> None:
        self.process.check()
        if not self.is_open:
            return
        if abort or not self._queue:
            self._disconnect(None)
        elif not self._is_closing:
            self._is_reading = False
            self._is_closing = True
            self._loop.call_later(LINGER_S, self._disconnect, None)

    # ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self) -> None:
        """What the buffers take."""
        while self._queue and self.is_open:
            room = min(WINDOW_BYTES - self._unacknowledged, SEGMENT_BYTES)
            if room <= 0:
                return
            try:
                data = self._take(room)
            except OSError as error:
                self._disconnect(error)
                return
            self._pending -= len(data)
            self._unacknowledged += len(data)
            self._launch(data)

    def _take(self, room: int) -> bytes:
        parts: list[bytes | memoryview] = []
        while self._queue and room:
            head = self._queue[0]
            if isinstance(head, FileRegion):
                size = min(room, head.size)
                part: bytes | memoryview = head.file.read(head.position, size)
                if len(part) < size:
                    raise OSError("the file ends before its region does")
                rest: memoryview | FileRegion = FileRegion(head.file, head.position + size, head.size - size)
                left = head.size - size
            else:
                size = min(room, len(head))
                part, rest = head[:size], head[size:]
                left = len(rest)
            parts.append(part)
            room -= size
            if left:
                self._queue[0] = rest
            else:
                self._queue.popleft()
        return b"".join(parts)

    def _launch(self, data: bytes | None) -> None:
        network, now = self._network, self._loop.time()
        self._line_free = max(now, self._line_free) + (len(data) if data else 0) / network.weather.bytes_per_s
        self._arrives = max(self._arrives, self._line_free + network.latency())
        self._flight.append((self._arrives, data))
        if len(self._flight) == 1:
            self._loop.call_at(self._arrives, self._arrived, 0, context=NOWHERE)

    def _arrived(self, attempt: int) -> None:
        """The first of what is in flight; or it has to be sent again, and all behind it waits."""
        if not self._flight:
            return
        network, source = self._network, self.process.host
        if source in network.is_off:
            self._flight.clear()
            return
        target = self.peer.process.host
        if source != target and (not network.hears(source, target) or network.is_lost()):
            if attempt < (RETRANSMISSIONS if self.is_open else RETRANSMISSIONS_AFTER_CLOSE):
                wait_s = network.retransmit_s(attempt)
                self._loop.call_later(wait_s, self._arrived, attempt + 1, context=NOWHERE)
            else:
                self._flight.clear()
                self.reset(TimeoutError(errno.ETIMEDOUT, "connection timed out"))
            return
        _, data = self._flight.popleft()
        if not self.peer.is_open:
            self._flight.clear()
            if data is not None:
                self._refused()
            return
        self.peer._take_in(data)
        if self._flight:
            due = max(self._flight[0][0], self._loop.time())
            self._loop.call_at(due, self._arrived, 0, context=NOWHERE)

    def _refused(self) -> None:
        """Nobody has the other end any more: its system says so, if it can."""
        if self._network.hears(self.peer.process.host, self.process.host):
            error = ConnectionResetError(errno.ECONNRESET, "connection reset by peer")
            self._loop.call_later(self._network.latency(), self.reset, error, context=NOWHERE)

    def _acknowledged(self, size: int) -> None:
        """The peer's process has read so much."""
        self._unacknowledged -= size
        if self._queue and self.is_open:
            self._loop.call_later(self._network.latency(), self._writable, context=self.process.context)

    def _writable(self) -> None:
        if not self._queue or not self.is_open:
            return
        self._send()
        if not self._queue and self.is_open:
            if self._is_closing:
                self._disconnect(None)
            elif self._receiver is not None:
                self._receiver.drained()

    # ── receiving ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_in(self, data: bytes | None) -> None:
        if data is None:
            self._end_of_stream = True
        else:
            self._network.on_delivery(self, data)
            if len(data) > 1 and not self._network.random.randrange(SPLIT_ONE_IN):
                cut = self._network.random.randrange(1, len(data))
                self._received.append(data[:cut])
                data = data[cut:]
            self._received.append(data)
        self._feed_soon()

    def _feed_soon(self) -> None:
        if self._is_reading and not self._feeding and (self._received or self._end_of_stream):
            self._feeding = True
            self._loop.call_soon(self._feed, context=self.process.context)

    def _feed(self) -> None:
        """One `recv`."""
        self._feeding = False
        receiver = self._receiver
        if not self._is_reading or not self.is_open or receiver is None:
            return
        if self._received:
            buffer = receiver.get_buffer()
            if self.number not in self._network.transports:
                return  # it refused
            data = self._received[0]
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            if size < len(data):
                self._received[0] = data[size:]
            else:
                self._received.popleft()
            self.peer._acknowledged(size)
            receiver.buffer_updated(size)
            self._feed_soon()
        elif self._end_of_stream:
            self._disconnect(None)

    # ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _disconnect(self, error: OSError | None) -> None:
        if self.is_open:
            self.vanish()
            if self._receiver is not None:
                self._receiver.disconnected(error)

    def reset(self, error: OSError) -> None:
        """By the other side, or the network: the process hears of it when it looks."""
        if self.is_open:
            self._flight.clear()
            self._received.clear()
            self._loop.call_soon(self._disconnect, error, context=self.process.context)

    def vanish(self) -> None:
        """This end is closed; what was sent still goes out, and then the peer hears of the end."""
        if not self.is_open:
            return
        self.is_open = False
        self._network.transports.pop(self.number, None)
        if self.process.state is not State.DEAD:
            self.process.on_death.remove(self._process_died)
        self._queue.clear()
        self._pending = 0
        if self.process.host in self._network.is_off:
            self._flight.clear()
        elif self._received:  # unread: a reset, which may overtake what was sent
            self._received.clear()
            self._flight.clear()
            self.peer._refused()
        else:
            self._launch(None)

    def _process_died(self) -> None:
        self.vanish()
