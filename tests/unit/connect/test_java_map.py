"""The offsets file of Kafka Connect's standalone worker: read, and written to the byte as Java writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.store.java_map import JavaMapError, decode_java_map, encode_java_map

# What Kafka Connect 4.3.1 left after one line of a file was forgotten, and another connector's kept.
WRITTEN_BY_JAVA = bytes.fromhex(
    "aced0005737200116a6176612e7574696c2e486173684d61700507dac1c31660d103000246000a6c6f6164466163746f724900097468726573"
    "686f6c6478703f4000000000000c770800000010000000027572"
    "00025b42acf317f8060854e002000078700000000a5b2261222c6e756c6c5d7075710"
    "07e000200000008"
    "5b2262222c7b7d5d7571007e0002000000027b7d78"
)


def test_what_java_wrote_is_read() -> None:
    assert decode_java_map(WRITTEN_BY_JAVA) == {b'["a",null]': None, b'["b",{}]': b"{}"}


def test_it_is_written_as_java_writes_it() -> None:
    assert encode_java_map({b'["a",null]': None, b'["b",{}]': b"{}"}) == WRITTEN_BY_JAVA


@given(st.dictionaries(st.binary(max_size=40), st.none() | st.binary(max_size=40), max_size=40))
def test_what_is_written_is_read(entries: dict[bytes, bytes | None]) -> None:
    assert decode_java_map(encode_java_map(entries)) == entries


@given(st.integers(0, len(WRITTEN_BY_JAVA) - 1), st.integers(0, 255))
def test_damage_is_an_error_or_another_map(place: int, value: int) -> None:
    damaged = bytearray(WRITTEN_BY_JAVA)
    damaged[place] = value
    try:
        decode_java_map(bytes(damaged))
    except JavaMapError:
        return


@pytest.mark.parametrize("length", range(0, len(WRITTEN_BY_JAVA), 7))
def test_a_cut_file_is_an_error(length: int) -> None:
    with pytest.raises(JavaMapError):
        decode_java_map(WRITTEN_BY_JAVA[:length])
