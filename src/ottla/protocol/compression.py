"""The four compression formats of record batches, as Apache Kafka writes and reads them.

    gzip     RFC 1952, members may follow each other
    snappy   written with xerial's framing:  "\\x82SNAPPY\\0", int32 1, int32 1, then int32 size + raw block, repeated;
             read with or without it (librdkafka writes one raw block)
    lz4      the LZ4 frame format: blocks of 64 KiB, independent (KIP-57)
    zstd     RFC 8878 (KIP-110)

What comes out is bounded: a small input that claims or makes more than `max_bytes` is refused, and no buffer is
larger than four times what has come out of the input so far, or a small multiple of the input.
"""

import zlib
from collections.abc import Callable
from struct import Struct
from typing import TypeAlias

from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import CompressionType, InvalidBatchError

Buffer: TypeAlias = bytes | bytearray | memoryview

MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024
"""What the records of one batch may become. Kafka has no such bound; no batch of an honest producer comes near it."""

DEFAULT_LEVEL = {
    CompressionType.GZIP: -1,
    CompressionType.LZ4: 9,
    CompressionType.ZSTD: 3,
}
"""Kafka's default levels (KIP-390). Lz4's 9 means its fast compressor, as in Kafka; any other, its
strong one."""

_INT32 = Struct(">i")
_UINT32_LITTLE = Struct("<I")

_GZIP_WINDOW = 31  # zlib's way to say: a gzip header and trailer around a window of 32 KiB
_GZIP_MAGIC = b"\x1f\x8b"

_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + _INT32.pack(1) + _INT32.pack(1)
_XERIAL_BLOCK_BYTES = 32 * 1024
_SNAPPY_MAX_RATIO = 22  # a copy of 64 bytes takes 3: no raw block can become more than this many times its size

_LZ4_HEADER = b"\x04\x22\x4d\x18\x60\x40\x82"  # magic, version 1 + independent blocks, 64 KiB, header checksum
_LZ4_BLOCK_BYTES = 64 * 1024
_LZ4_STORED = 0x80000000
_LZ4_END = b"\0\0\0\0"

_FIRST_GUESS = 8  # compressed records are seldom more than this many times smaller
_GROWTH = 4


def compress(compression: CompressionType, data: Buffer, level: int | None = None) -> Buffer:
    """Compress the records part of a batch. `level` as in Kafka's `compression.*.level`; `None` is Kafka's default."""
    if compression is CompressionType.NONE:
        return data
    if compression is CompressionType.SNAPPY:
        return _compress_snappy(data)
    chosen = DEFAULT_LEVEL[compression] if level is None else level
    if compression is CompressionType.GZIP:
        packer = zlib.compressobj(chosen, zlib.DEFLATED, _GZIP_WINDOW)
        return packer.compress(data) + packer.flush()
    if compression is CompressionType.LZ4:
        return _compress_lz4(data, chosen)
    from cramjam import zstd

    return bytes(zstd.compress(data, level=chosen))


def decompress(compression: CompressionType, data: Buffer, max_bytes: int = MAX_DECOMPRESSED_BYTES) -> Buffer:
    """The records part of a batch, decompressed.

    Raises `InvalidBatchError`: `CORRUPT_MESSAGE` for bytes that are not of that format or are cut, `INVALID_RECORD`
    for more than `max_bytes`.
    """
    if compression is CompressionType.NONE:
        return data
    if compression is CompressionType.GZIP:
        return _decompress_gzip(data, max_bytes)
    if compression is CompressionType.SNAPPY:
        return _decompress_snappy(data, max_bytes)
    if compression is CompressionType.LZ4:
        from cramjam import lz4

        return _decompress_growing(lz4.decompress_into, "lz4", data, max_bytes)
    from cramjam import zstd

    return _decompress_growing(zstd.decompress_into, "zstd", data, max_bytes)


def _compress_snappy(data: Buffer) -> bytes:
    from cramjam import snappy

    out = bytearray(_XERIAL_HEADER)
    view = memoryview(data)
    for start in range(0, len(view), _XERIAL_BLOCK_BYTES):
        block = bytes(snappy.compress_raw(view[start : start + _XERIAL_BLOCK_BYTES]))
        out += _INT32.pack(len(block))
        out += block
    return bytes(out)


def _compress_lz4(data: Buffer, level: int) -> bytes:
    from cramjam import lz4

    if level != DEFAULT_LEVEL[CompressionType.LZ4]:
        packer = lz4.Compressor(level=level, content_checksum=False, block_linked=False)
        packer.compress(bytes(data))
        return bytes(packer.finish())
    out = bytearray(_LZ4_HEADER)
    view = memoryview(data)
    for start in range(0, len(view), _LZ4_BLOCK_BYTES):
        block = view[start : start + _LZ4_BLOCK_BYTES]
        packed = bytes(lz4.compress_block(block, store_size=False))
        if len(packed) < len(block):
            out += _UINT32_LITTLE.pack(len(packed))
            out += packed
        else:
            out += _UINT32_LITTLE.pack(len(block) | _LZ4_STORED)
            out += block
    out += _LZ4_END
    return bytes(out)


def _decompress_gzip(data: Buffer, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    left = max_bytes
    rest: Buffer = data
    try:
        while True:
            unpacker = zlib.decompressobj(_GZIP_WINDOW)
            part = unpacker.decompress(rest, left + 1)
            if len(part) > left:
                raise _too_large("gzip", max_bytes)
            if not unpacker.eof:
                raise _corrupt("gzip", "it is cut")
            parts.append(part)
            left -= len(part)
            rest = unpacker.unused_data
            if not rest.startswith(_GZIP_MAGIC):
                return parts[0] if len(parts) == 1 else b"".join(parts)
    except zlib.error as error:
        raise _corrupt("gzip", str(error)) from None


def _decompress_snappy(data: Buffer, max_bytes: int) -> Buffer:
    view = memoryview(data)
    if view[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        return _decompress_snappy_block(view, max_bytes, max_bytes)
    parts: list[bytes] = []
    left = max_bytes
    position = 0
    end = len(view)
    while position < end:
        if view[position : position + len(_XERIAL_MAGIC)] == _XERIAL_MAGIC:  # streams may follow each other
            position += len(_XERIAL_HEADER)
            continue
        if end - position < 4:
            raise _corrupt("snappy", "a block's size is cut")
        (size,) = _INT32.unpack_from(view, position)
        position += 4
        if size < 0 or size > end - position:
            raise _corrupt("snappy", f"a block claims {size} bytes of {end - position}")
        part = _decompress_snappy_block(view[position : position + size], left, max_bytes)
        parts.append(part)
        left -= len(part)
        position += size
    if position > end:
        raise _corrupt("snappy", "its header is cut")
    return b"".join(parts)


def _decompress_snappy_block(block: memoryview, left: int, max_bytes: int) -> bytes:
    from cramjam import DecompressionError, snappy

    try:
        size = snappy.decompress_raw_len(block)
        if size > len(block) * _SNAPPY_MAX_RATIO:
            raise _corrupt("snappy", f"{len(block)} bytes claim to be {size}")
        if size > left:
            raise _too_large("snappy", max_bytes)
        return bytes(snappy.decompress_raw(block))
    except DecompressionError as error:
        raise _corrupt("snappy", str(error)) from None


def _decompress_growing(
    decompress_into: Callable[[Buffer, bytearray], int], name: str, data: Buffer, max_bytes: int
) -> Buffer:
    """Into a buffer that fits; when it turns out too small, once more into a larger one."""
    from cramjam import DecompressionError

    size = min(max_bytes, max(4096, len(data) * _FIRST_GUESS))
    while True:
        out = bytearray(size)
        try:
            written = decompress_into(data, out)
        except DecompressionError as error:
            if "failed to write whole buffer" not in str(error):
                raise _corrupt(name, str(error)) from None
            if size == max_bytes:
                raise _too_large(name, max_bytes) from None
            size = min(max_bytes, size * _GROWTH)
            continue
        return memoryview(out)[:written]


def _corrupt(name: str, why: str) -> InvalidBatchError:
    return InvalidBatchError(ErrorCode.CORRUPT_MESSAGE, f"records are not {name}: {why}")


def _too_large(name: str, max_bytes: int) -> InvalidBatchError:
    return InvalidBatchError(
        ErrorCode.INVALID_RECORD, f"records compressed with {name} become more than {max_bytes} bytes"
    )
