"""The port to the network: byte streams that push into a receiver and take pieces to send.

The real network is `runtime.sockets` (non-blocking sockets on the event loop, gathering writes, `sendfile`); a
simulated one delays, loses and reorders. Framing is not here: that is `protocol.framing`, on top.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from ottla.runtime.files import FileRegion

Piece: TypeAlias = bytes | bytearray | memoryview | FileRegion


class Transport(Protocol):
    """One connection, seen from above. All calls are made on the event loop's thread."""

    peer_host: str
    peer_port: int

    def write(self, pieces: Sequence[Piece]) -> None:
        """Queue the pieces in order and send what the socket takes now. The pieces must not change afterwards."""
        ...

    @property
    def pending_bytes(self) -> int:
        """What is queued and not yet taken by the socket, file regions included."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self, *, abort: bool = False) -> None:
        """Send what is queued, then close; with `abort`, at once."""
        ...


class Receiver(Protocol):
    """What a connection's bytes are pushed into."""

    def connected(self, transport: Transport) -> None: ...

    def get_buffer(self) -> memoryview:
        """A writable, non-empty view for the next bytes."""
        ...

    def buffer_updated(self, size: int) -> None:
        """`size` bytes of the last buffer are now filled."""
        ...

    def drained(self) -> None:
        """All that was queued has been sent."""
        ...

    def disconnected(self, error: OSError | None) -> None:
        """The last call. `None`: the peer closed, or we did."""
        ...


class Listener(Protocol):
    host: str
    port: int

    def pause_accepting(self) -> None:
        """Leave new connections in the system's backlog."""
        ...

    def resume_accepting(self) -> None: ...

    def close(self) -> None:
        """Stop accepting; open connections stay."""
        ...


class Network(Protocol):
    async def listen(self, host: str, port: int, accept: Callable[[], Receiver]) -> Listener: ...

    async def connect(self, host: str, port: int, receiver: Receiver) -> Transport: ...
