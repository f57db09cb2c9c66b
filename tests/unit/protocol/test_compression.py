"""Compression both ways against other implementations, and what is refused."""

import gzip
import struct
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.compression import Buffer, compress, decompress
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.record_batch import CompressionType, InvalidBatchError

GZIP, SNAPPY, LZ4, ZSTD = CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD
CODECS = [GZIP, SNAPPY, LZ4, ZSTD]

TEXT = b"".join(b"%d: the same words again and again\n" % number for number in range(9000))
NOISE = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(50_000))
SAMPLES = [b"", b"x", TEXT, NOISE, TEXT[:65536], NOISE[:32768], TEXT + NOISE + TEXT]


def xerial_decompress(data: bytes) -> bytes:
    assert data[:16] == b"\x82SNAPPY\0\0\0\0\1\0\0\0\1"
    out, position = b"", 16
    while position < len(data):
        (size,) = struct.unpack_from(">i", data, position)
        out += snappy.uncompress(data[position + 4 : position + 4 + size])
        position += 4 + size
    return out


def xerial_compress(data: bytes) -> bytes:
    blocks = [snappy.compress(data[start : start + 5000]) for start in range(0, len(data), 5000)]
    return b"\x82SNAPPY\0\0\0\0\1\0\0\0\1" + b"".join(struct.pack(">i", len(block)) + block for block in blocks)


def lz4_linked(data: bytes) -> bytes:
    compressed: bytes = lz4.frame.compress(
        data, block_linked=True, content_checksum=True, block_checksum=True, block_size=lz4.frame.BLOCKSIZE_MAX4MB
    )
    return compressed


def zstd_stream(data: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(level=7, write_content_size=False).compressobj()
    return packer.compress(data) + packer.flush()


THEIR_DECOMPRESS: dict[CompressionType, Callable[[bytes], bytes]] = {
    GZIP: gzip.decompress,
    SNAPPY: xerial_decompress,
    LZ4: lz4.frame.decompress,
    ZSTD: lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
THEIR_COMPRESS: list[tuple[CompressionType, Callable[[bytes], bytes]]] = [
    (GZIP, gzip.compress),
    (GZIP, lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:])),
    (GZIP, lambda data: gzip.compress(data) + b"\0\0"),
    (SNAPPY, snappy.compress),
    (SNAPPY, xerial_compress),
    (SNAPPY, lambda data: xerial_compress(data[:1000]) + xerial_compress(data[1000:])),
    (LZ4, lz4.frame.compress),
    (LZ4, lz4_linked),
    (ZSTD, zstandard.compress),
    (ZSTD, zstd_stream),
]


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
@pytest.mark.parametrize("codec", CODECS)
def test_others_read_what_we_write(codec: CompressionType, sample: int) -> None:
    data = SAMPLES[sample]
    packed = bytes(compress(codec, data))
    assert THEIR_DECOMPRESS[codec](packed) == data
    assert decompress(codec, memoryview(packed)) == data


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
@pytest.mark.parametrize("index", range(len(THEIR_COMPRESS)))
def test_we_read_what_others_write(index: int, sample: int) -> None:
    codec, their_compress = THEIR_COMPRESS[index]
    assert decompress(codec, their_compress(SAMPLES[sample])) == SAMPLES[sample]


@pytest.mark.parametrize(
    ("codec", "weak", "strong"), [(GZIP, 1, 9), (LZ4, 9, 12), (LZ4, 9, 17), (ZSTD, -100, 19), (ZSTD, 1, 22)]
)
def test_levels(codec: CompressionType, weak: int, strong: int) -> None:
    small, large = compress(codec, TEXT, strong), compress(codec, TEXT, weak)
    assert len(small) < len(large) < len(TEXT)
    assert decompress(codec, small) == decompress(codec, large) == TEXT


def test_the_default_levels_are_those_of_kafka() -> None:
    assert compress(GZIP, TEXT) == compress(GZIP, TEXT, -1) == compress(GZIP, TEXT, 6)
    assert compress(ZSTD, TEXT) == compress(ZSTD, TEXT, 3)
    assert compress(LZ4, TEXT) == compress(LZ4, TEXT, 9)


def test_nothing_is_done_without_compression() -> None:
    assert compress(CompressionType.NONE, TEXT) is TEXT
    assert decompress(CompressionType.NONE, TEXT) is TEXT


def test_lz4_blocks_are_independent_as_java_requires() -> None:
    assert bytes(compress(LZ4, TEXT))[:7] == b"\x04\x22\x4d\x18\x60\x40\x82"
    for level in (1, 9, 17):
        assert lz4.frame.get_frame_info(bytes(compress(LZ4, TEXT, level)))["block_linked"] is False


@pytest.mark.parametrize("codec", CODECS)
def test_what_comes_out_is_bounded(codec: CompressionType) -> None:
    bomb = compress(codec, bytes(8_000_000))
    assert len(bomb) < 500_000
    with pytest.raises(InvalidBatchError, match="more than 1000000 bytes") as caught:
        decompress(codec, bomb, 1_000_000)
    assert caught.value.code is ErrorCode.INVALID_RECORD
    assert len(decompress(codec, bomb, 8_000_000)) == 8_000_000
    with pytest.raises(InvalidBatchError):
        decompress(codec, bomb, 7_999_999)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("cut", [1, 4, 9, 100, 1000])
def test_cut_data_is_refused(codec: CompressionType, cut: int) -> None:
    packed = compress(codec, TEXT)
    with pytest.raises(InvalidBatchError) as caught:
        decompress(codec, packed[:-cut])
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff\x0f\x00a",  # raw: claims 4 GiB
        b"\x80\x80\x80\x80\x04" + b"\0a" * 100,  # raw: claims 1 GiB
        b"\x82SNAPPY\0\0\0\0\1\0\0",
        b"\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0",
        b"\x82SNAPPY\0\0\0\0\1\0\0\0\1\x7f\xff\xff\xffabc",
        b"\x82SNAPPY\0\0\0\0\1\0\0\0\1\xff\xff\xff\xffabc",
    ],
)
def test_snappy_claims_are_not_believed(data: bytes) -> None:
    with pytest.raises(InvalidBatchError) as caught:
        decompress(SNAPPY, data)
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE


@given(st.sampled_from(CODECS), st.binary(max_size=200))
def test_junk_is_a_protocol_error_or_nothing(codec: CompressionType, data: bytes) -> None:
    try:
        out: Buffer = decompress(codec, data, 100_000)
    except ProtocolError:
        return
    assert len(out) <= 100_000


@given(st.sampled_from(CODECS), st.binary(max_size=3000))
def test_round_trips(codec: CompressionType, data: bytes) -> None:
    assert decompress(codec, compress(codec, data)) == data
