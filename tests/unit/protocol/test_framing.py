"""Frames: cut anywhere, of every size, never overwritten, never larger in memory than what arrived allows."""

import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.errors import ProtocolError
from ottla.protocol.framing import GROWTH, LARGE_CHUNK_BYTES, READ_AHEAD_BYTES, SMALL_CHUNK_BYTES, FrameReader


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def feed(reader: FrameReader, data: bytes, most: int = 1 << 30) -> list[memoryview]:
    """Hand over bytes as a socket would: at most `most`, and at most the buffer, at a time."""
    frames: list[memoryview] = []
    position = 0
    while position < len(data):
        view = reader.get_buffer()
        assert len(view) > 0
        size = min(len(view), len(data) - position, most)
        view[:size] = data[position : position + size]
        position += size
        frames += reader.buffer_updated(size)
    return frames


@given(st.lists(st.binary(max_size=300), max_size=30), st.integers(1, 700))
def test_frames_come_out_as_they_went_in(bodies: list[bytes], most: int) -> None:
    reader = FrameReader(1000)
    assert [bytes(one) for one in feed(reader, b"".join(map(frame, bodies)), most)] == bodies
    assert reader.pending_bytes == 0


@given(st.lists(st.integers(0, 400_000), max_size=6), st.sampled_from([1000, 4096, 65536, 1 << 20]))
def test_frames_of_every_size(sizes: list[int], most: int) -> None:
    bodies = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
    reader = FrameReader(1 << 20)
    assert [bytes(one) for one in feed(reader, b"".join(map(frame, bodies)), most)] == bodies


def test_a_frame_stays_as_it_is_while_held() -> None:
    reader = FrameReader(1 << 20)
    held: list[tuple[memoryview, int]] = []
    for number in range(3000):
        (one,) = feed(reader, frame(bytes([number % 251]) * (number % 600)))
        held.append((one, number))
    for one, number in held:
        assert bytes(one) == bytes([number % 251]) * (number % 600)


def test_a_frame_can_be_patched_in_place() -> None:
    (one,) = feed(FrameReader(100), frame(b"abcd"))
    one[1:3] = b"XY"
    assert bytes(one) == b"aXYd"


@pytest.mark.parametrize("size", [-1, -(2**31), 1001, 2**31 - 1])
def test_a_bad_size_is_refused(size: int) -> None:
    reader = FrameReader(1000)
    with pytest.raises(ProtocolError, match=rf"{size} bytes.*1000"):
        feed(reader, struct.pack(">i", size))
    with pytest.raises(ProtocolError):
        reader.get_buffer()
    with pytest.raises(ProtocolError):
        reader.buffer_updated(0)


def test_frames_before_a_bad_size_are_handed_out() -> None:
    reader = FrameReader(1000)
    assert [bytes(one) for one in feed(reader, frame(b"a") + frame(b"b") + b"\xff\xff\xff\xff")] == [b"a", b"b"]
    with pytest.raises(ProtocolError):
        reader.get_buffer()


def test_a_claim_allocates_nothing() -> None:
    reader = FrameReader(2**31 - 1)
    assert feed(reader, struct.pack(">i", 2**31 - 1)) == []
    assert len(reader.get_buffer()) <= SMALL_CHUNK_BYTES
    arrived = 4
    for _ in range(200):
        buffer = reader.get_buffer()
        assert len(buffer) <= max(LARGE_CHUNK_BYTES, 2 * GROWTH * arrived)
        arrived += min(len(buffer), 10_000)
        assert reader.buffer_updated(min(len(buffer), 10_000)) == []
    assert reader.pending_bytes == arrived


def test_a_large_frame_is_copied_at_most_once() -> None:
    size = 20_000_000
    reader = FrameReader(size)
    feed(reader, struct.pack(">i", size))
    copied = 0
    left = size
    last = 0
    while left:
        buffer = reader.get_buffer()
        pending = reader.pending_bytes
        if len(buffer) > last:  # a new chunk: what was pending moved
            copied += pending
        step = min(len(buffer), left, 65536)
        left -= step
        last = len(buffer) - step
        frames = reader.buffer_updated(step)
    assert len(frames) == 1
    assert len(frames[0]) == size
    assert copied <= size


def test_an_idle_connection_keeps_a_small_buffer() -> None:
    reader = FrameReader(100 << 20)
    for _ in range(100):
        feed(reader, frame(b"hello"))
    assert len(reader.get_buffer()) < SMALL_CHUNK_BYTES
    assert sys.getsizeof(reader.get_buffer().obj) < SMALL_CHUNK_BYTES + 200


def test_a_connection_that_waits_does_not_keep_its_large_frame() -> None:
    reader = FrameReader(100 << 20)
    (one,) = feed(reader, frame(bytes(3_000_000)))
    chunk = one.obj
    assert isinstance(chunk, bytearray)
    one.release()
    chunk.append(0)  # `BufferError` while anything else has a view of it
    for _ in range(10):
        feed(reader, frame(b"hello"))
    buffer = reader.get_buffer()
    assert len(buffer) <= LARGE_CHUNK_BYTES
    assert reader.pending_bytes == 0


def test_frames_that_come_in_a_stream_are_read_several_at_a_time() -> None:
    one = frame(bytes(100_000))
    stream = one * 40
    reader = FrameReader(1 << 20)
    position = largest = most = 0
    while position < len(stream):  # as much as fits is always there
        buffer = reader.get_buffer()
        size = min(len(buffer), len(stream) - position)
        buffer[:size] = stream[position : position + size]
        position += size
        most = max(most, len(reader.buffer_updated(size)))
        largest = max(largest, len(buffer))
    assert most >= 4
    assert largest <= READ_AHEAD_BYTES


def test_a_chunk_is_not_filled_again_while_a_frame_in_it_is_held() -> None:
    size = 300_000
    readers = [FrameReader(1 << 20) for _ in range(3)]
    held: list[tuple[memoryview, int]] = []
    for number in range(30):
        frames = feed(readers[number % 3], frame(bytes([number]) * size))
        if number % 2:
            held.append((frames[0], number))
        del frames
    for one, number in held:
        assert bytes(one) == bytes([number]) * size
