"""Spare buffers: given out again only when nobody reads from them, and never many kept."""

from ottla.protocol.spare_chunks import LARGEST_SPARE_BYTES, SPARE_CHUNKS, SpareChunks


def test_a_buffer_that_nobody_reads_is_filled_again() -> None:
    spare = SpareChunks()
    chunk = bytearray(b"abcd")
    spare.give(chunk)
    assert spare.take(4) is chunk
    assert chunk == b"abcd"
    assert spare.take(4) is not chunk


def test_a_buffer_that_is_read_is_not_given_out() -> None:
    spare = SpareChunks()
    chunk = bytearray(b"abcd")
    held = memoryview(chunk)[1:2]
    spare.give(chunk)
    assert spare.take(4) is not chunk
    assert held.tobytes() == b"b"


def test_a_buffer_of_another_size_is_left_where_it_is() -> None:
    spare = SpareChunks()
    chunk = bytearray(4)
    spare.give(chunk)
    assert len(spare.take(5)) == 5
    assert spare.take(4) is chunk


def test_few_are_kept_and_no_huge_one() -> None:
    spare = SpareChunks()
    chunks = [bytearray(4) for _ in range(SPARE_CHUNKS + 1)]
    for chunk in chunks:
        spare.give(chunk)
    taken = [spare.take(4) for _ in chunks]
    assert not any(one is chunks[0] for one in taken)
    huge = bytearray(LARGEST_SPARE_BYTES + 1)
    spare.give(huge)
    assert spare.take(len(huge)) is not huge
