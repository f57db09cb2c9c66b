"""Frames of a connection: an int32 size, then that many bytes. Sans I/O; both ends of a connection use it.

    ┌────────┬───────────────┬────────┬─── …
    │ size   │ header, body  │ size   │
    └────────┴───────────────┴────────┴─── …

Bytes are received straight into a chunk, and each whole frame is handed out as a view of it, so that a small frame is
never copied. A chunk is only ever appended to: a view stays valid for as long as it is held, and keeps its chunk
alive. A frame that does not fit into what is left of its chunk moves to a new one, whose size grows with the bytes
that have *arrived* (or with what this connection has delivered before), never with what the size field claims.
"""

from struct import Struct

from ottla.protocol.errors import ProtocolError
from ottla.protocol.spare_chunks import SpareChunks

_read_size = Struct(">i").unpack_from

SMALL_CHUNK_BYTES = 16 * 1024
"""The first chunk of a connection, and the chunk of one that is mostly idle."""
LARGE_CHUNK_BYTES = 64 * 1024
"""The chunk of a connection that fills its chunks."""
READ_AHEAD_BYTES = 512 * 1024
"""The largest chunk of a connection that fills even those and does not wait for answers: several large frames in one
`recv`, which are then appended by one write."""
TRUSTED_FRAME_BYTES = 4 * 1024 * 1024
"""Up to this size, a frame as large as an earlier one of the same connection gets its whole chunk at once."""
GROWTH = 4
"""A chunk for an unfinished frame is this many times as large as what has arrived of it; the last, that holds the
whole frame, at most twice that, so that moving from chunk to chunk copies less than the frame's size in all."""
_SPARE_BYTES = 2 * 1024  # with less than this left, the next bytes go into a new chunk
_NO_CHUNK = bytearray()
_NO_VIEW = memoryview(b"")
_spare = SpareChunks()


class FrameReader:
    """Cuts what arrives into frames.

        view = reader.get_buffer(); n = socket.recv_into(view)
        for frame in reader.buffer_updated(n): …

    A negative size, or one over `max_frame_bytes`, is a `ProtocolError` naming both. Frames that came whole before it
    are handed out first; the error is raised by the next call of either method.
    """

    __slots__ = ("_chunk", "_chunk_bytes", "_end", "_error", "_largest", "_max", "_size", "_start", "_view")

    def __init__(self, max_frame_bytes: int) -> None:
        self._max = max_frame_bytes
        self._view = _NO_VIEW
        self._chunk = _NO_CHUNK
        self._size = 0  # of the chunk
        self._start = 0  # of the unfinished frame
        self._end = 0  # of what has arrived
        self._chunk_bytes = SMALL_CHUNK_BYTES
        self._largest = 0
        self._error: ProtocolError | None = None

    @property
    def max_frame_bytes(self) -> int:
        return self._max

    @max_frame_bytes.setter
    def max_frame_bytes(self, size: int) -> None:
        """For the frames that begin from now on."""
        self._max = size

    @property
    def pending_bytes(self) -> int:
        """What has arrived of the unfinished frame, its size field included."""
        return self._end - self._start

    @property
    def error(self) -> ProtocolError | None:
        """What the next call will raise: nothing behind the frames that were handed out can be read."""
        return self._error

    def get_buffer(self) -> memoryview:
        """A writable, non-empty view for the next bytes."""
        if self._error is not None:
            raise self._error
        if self._size - self._end < _SPARE_BYTES:
            self._make_room()
        return self._view[self._end :]

    def buffer_updated(self, size: int) -> list[memoryview]:
        """`size` bytes of the last buffer are filled: the frames that are whole now, without their size fields."""
        if self._error is not None:
            raise self._error
        view = self._view
        start = self._start
        end = self._end = self._end + size
        if end == self._size and self._chunk_bytes < READ_AHEAD_BYTES:
            self._chunk_bytes *= 2
        limit = self._max
        frames: list[memoryview] = []
        while end - start >= 4:
            (length,) = _read_size(view, start)
            if length < 0 or length > limit:
                self._error = ProtocolError(f"a frame claims {length} bytes; allowed are 0 to {limit}")
                if not frames:
                    raise self._error
                break
            stop = start + 4 + length
            if stop > end:
                break
            frames.append(view[start + 4 : stop])
            start = stop
        self._start = start
        if start == end and (self._size - end < _SPARE_BYTES or self._size > LARGE_CHUNK_BYTES):
            self._forget_chunk()
        return frames

    def _forget_chunk(self) -> None:
        """A connection that waits keeps no chunk that it will not fill, and no large one."""
        if self._chunk_bytes > LARGE_CHUNK_BYTES:
            self._chunk_bytes //= 2
        self._give_chunk_back()
        self._size = self._start = self._end = 0

    def _give_chunk_back(self) -> None:
        if self._size > LARGE_CHUNK_BYTES:
            _spare.give(self._chunk)
        self._view = _NO_VIEW
        self._chunk = _NO_CHUNK

    def _make_room(self) -> None:
        arrived = self._end - self._start
        size = self._chunk_bytes
        if arrived >= 4:
            (length,) = _read_size(self._view, self._start)
            frame_size = length + 4
            if self._end < self._size and self._start + frame_size <= self._size:
                return  # the unfinished frame ends in this chunk
            if frame_size > size:
                size = max(size, GROWTH * arrived, self._largest)
                if frame_size <= max(size, 2 * GROWTH * arrived):
                    size = frame_size
            if frame_size <= TRUSTED_FRAME_BYTES and size == frame_size:
                self._largest = max(self._largest, frame_size)
        if size > LARGE_CHUNK_BYTES:
            chunk = _spare.take(-(-size // LARGE_CHUNK_BYTES) * LARGE_CHUNK_BYTES)
        else:
            chunk = bytearray(size)
        view = memoryview(chunk)[:size]
        view[:arrived] = self._view[self._start : self._end]
        self._give_chunk_back()
        self._view = view
        self._chunk = chunk
        self._size = size
        self._start = 0
        self._end = arrived
