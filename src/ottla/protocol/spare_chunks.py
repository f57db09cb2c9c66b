"""Large buffers that were filled once and are read by nobody any more: to be filled again, which costs no zeroes.

A new buffer of half a megabyte is zeroed, and its pages come from the system one fault after the other: as much work
as receiving into it. Whether somebody still reads from a buffer, Python knows: it may not change its length then.
"""

from typing import Final

SPARE_CHUNKS: Final = 4
LARGEST_SPARE_BYTES: Final = 2 * 1024 * 1024


class SpareChunks:
    """At most SPARE_CHUNKS buffers of at most LARGEST_SPARE_BYTES each."""

    __slots__ = ("_chunks",)

    def __init__(self) -> None:
        self._chunks: list[bytearray] = []

    def give(self, chunk: bytearray) -> None:
        """Its owner fills it no more; views of it may still be held."""
        if len(chunk) <= LARGEST_SPARE_BYTES:
            if len(self._chunks) == SPARE_CHUNKS:
                del self._chunks[0]
            self._chunks.append(chunk)

    def take(self, size: int) -> bytearray:
        """A buffer of exactly `size` bytes, whatever they are."""
        chunks = self._chunks
        for index in range(len(chunks) - 1, -1, -1):
            if len(chunks[index]) == size:
                chunk = chunks.pop(index)
                try:
                    chunk.append(chunk.pop())
                except BufferError:  # a frame in it is still being served
                    break
                return chunk
        return bytearray(size)
