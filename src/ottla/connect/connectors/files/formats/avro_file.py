"""Avro's object container files: header with schema, blocks of records, a mark between them.

    Obj\\x01 · metadata map · mark(16) · { count · bytes · records · mark(16) } …

Codecs: null, deflate; read also zstandard, snappy where cramjam can.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import IO, TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.avro.binary import read_long, write_bytes, write_long
from ottla.connect.avro.decoder import reader_of
from ottla.connect.avro.encoder import encode
from ottla.connect.avro.from_connect import avro_of
from ottla.connect.avro.names import AvroSettings
from ottla.connect.avro.to_connect import connect_of
from ottla.registry.schema.avro.canonical import canonical_json
from ottla.registry.schema.avro.schema import AvroSchema
from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.data.schema import Schema

MAGIC: Final = b"Obj\x01"
MARK_BYTES: Final = 16
BLOCK_BYTES: Final = 64 * 1024
BLOCK_BYTES_MAX: Final = 256 * 1024 * 1024
_SETTINGS: Final = AvroSettings()


class AvroFile:
    """Writes one; the mark is made of the schema and the first record's place: the same records, the same file."""

    def __init__(self, schema: Schema | None, codec: str, seed: str) -> None:
        type_ = avro_of(schema, _SETTINGS)
        text = compact_json(canonical_json(type_))
        self._encode = encode(schema, type_, _SETTINGS)
        self._deflates = codec == "deflate"
        self._mark = hashlib.md5(f"{seed}\n{text}".encode(), usedforsecurity=False).digest()
        self._out = bytearray(MAGIC)
        self._write_header({"avro.schema": text.encode(), "avro.codec": codec.encode()})
        self._block: list[bytes] = []
        self._block_size = 0

    def _write_header(self, metadata: dict[str, bytes]) -> None:
        write_long(self._out, len(metadata))
        for name, value in metadata.items():
            write_bytes(self._out, name.encode())
            write_bytes(self._out, value)
        write_long(self._out, 0)
        self._out += self._mark

    def add(self, value: Any) -> None:
        data = self._encode(value)
        self._block.append(data)
        self._block_size += len(data)
        if self._block_size >= BLOCK_BYTES:
            self._end_block()

    def _end_block(self) -> None:
        if not self._block:
            return
        data = b"".join(self._block)
        if self._deflates:
            packer = zlib.compressobj(wbits=-15)
            data = packer.compress(data) + packer.flush()
        write_long(self._out, len(self._block))
        write_long(self._out, len(data))
        self._out += data + self._mark
        self._block = []
        self._block_size = 0

    @property
    def size(self) -> int:
        return len(self._out) + self._block_size

    def finish(self) -> bytes:
        self._end_block()
        return bytes(self._out)


def read_container(stream: IO[bytes]) -> Iterator[tuple[Schema | None, Any]]:
    """Each record with the file's schema. `DataError`."""
    if stream.read(len(MAGIC)) != MAGIC:
        raise DataError("it is no Avro file: it does not begin with Obj")
    metadata = _read_metadata(stream)
    mark = _exactly(stream, MARK_BYTES)
    codec = metadata.get("avro.codec", b"null").decode("latin-1")
    try:
        type_ = AvroSchema(metadata.get("avro.schema", b"").decode()).type
    except (SchemaError, ValueError) as error:
        raise DataError(f"the schema of the Avro file is wrong: {error}") from error
    schema = connect_of(type_, _SETTINGS)
    read = reader_of(type_, schema, _SETTINGS)
    while (count := _read_count(stream)) is not None:
        length = _read_count(stream)
        if length is None or not 0 <= length <= BLOCK_BYTES_MAX or count < 0:
            raise DataError(f"a block of the Avro file says that it has {length} bytes")
        data = _unpack(codec, _exactly(stream, length))
        at = 0
        for _ in range(count):
            value, at = read(data, at)
            yield schema, value
        if _exactly(stream, MARK_BYTES) != mark:
            raise DataError("a block of the Avro file does not end with the file's mark")


def _unpack(codec: str, data: bytes) -> bytes:
    try:
        if codec == "null":
            return data
        if codec == "deflate":
            return zlib.decompress(data, -15)
        import cramjam

        if codec == "zstandard":
            return bytes(cramjam.zstd.decompress(data))
        if codec == "snappy":
            return bytes(cramjam.snappy.decompress_raw(data[:-4]))
    except Exception as error:
        raise DataError(f"a block of the Avro file cannot be unpacked: {error}") from error
    raise DataError(f"the codec {codec} of the Avro file is not known here")


def _read_metadata(stream: IO[bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    while count := _read_count(stream):
        if count < 0:
            _read_count(stream)
        for _ in range(abs(count)):
            name = _read_sized(stream)
            found[name.decode("utf-8", "replace")] = _read_sized(stream)
    return found


def _read_sized(stream: IO[bytes]) -> bytes:
    length = _read_count(stream)
    if length is None or not 0 <= length <= BLOCK_BYTES_MAX:
        raise DataError("the header of the Avro file is broken")
    return _exactly(stream, length)


def _read_count(stream: IO[bytes]) -> int | None:
    """`None` at the end."""
    data = stream.read(1)
    if not data:
        return None
    while data[-1] & 0x80:
        data += _exactly(stream, 1)
        if len(data) > 10:
            raise DataError("a number of the Avro file has no end")
    return read_long(data, 0)[0]


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise DataError("the Avro file ends too early")
    return data
