"""Writers of files, by format: `add` records, then `finish` gives the bytes of the whole file.

| format | extension | what it takes | compression |
|---|---|---|---|
| json | .json | anything: a line each | none, gzip (.json.gz) |
| csv | .csv | structs and maps; names in the first line; what is nested as JSON | none, gzip (.csv.gz) |
| avro | .avro | anything | none, deflate |
| parquet | .parquet | structs and maps | none, snappy, gzip, zstd |
| bytes | .bin | bytes and texts, a separator behind each | none, gzip (.bin.gz) |

A file of csv, avro or parquet has one schema: `fits` says whether a record belongs there.
"""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ottla.connect.api.errors import DataError
from ottla.connect.connectors import arrow
from ottla.connect.connectors.files.formats.avro_file import AvroFile
from ottla.connect.connectors.library import load
from ottla.connect.connectors.record_place import where
from ottla.connect.connectors.shapes import struct_of
from ottla.connect.converters.json_converter import JsonConverter
from ottla.connect.data.struct import Struct, validate_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.data.schema import Schema

COMPRESSIONS: Final = {
    "json": ("none", "gzip"),
    "csv": ("none", "gzip"),
    "avro": ("none", "deflate"),
    "parquet": ("none", "snappy", "gzip", "zstd"),
    "bytes": ("none", "gzip"),
}
EXTENSIONS: Final = {"json": "json", "csv": "csv", "avro": "avro", "parquet": "parquet", "bytes": "bin"}


class WriteSettings(NamedTuple):
    format: str
    compression: str = "none"
    separator: bytes = b"\n"


class Writer(Protocol):
    def fits(self, record: SinkRecord) -> bool: ...

    def add(self, record: SinkRecord) -> None:
        """`DataError` for one that cannot stand in such a file; it is as before then."""
        ...

    @property
    def size(self) -> int:
        """About how many bytes the file has."""
        ...

    def finish(self) -> bytes: ...


def extension_of(settings: WriteSettings) -> str:
    extension = EXTENSIONS[settings.format]
    return f"{extension}.gz" if settings.compression == "gzip" and settings.format != "parquet" else extension


def make_writer(settings: WriteSettings, first: SinkRecord, name: str) -> Writer:
    """Of the file of that name, whose first record is `first`. `DataError` where that fits in no such file."""
    return _WRITERS[settings.format](settings, first, name)


def plain_json() -> JsonConverter:
    converter = JsonConverter()
    converter.configure({"schemas.enable": "false", "decimal.format": "NUMERIC", "converter.type": "value"})
    return converter


class _Lines:
    """What is a piece of bytes for each record."""

    def __init__(self, settings: WriteSettings, _first: SinkRecord, _name: str) -> None:
        self._gzips = settings.compression == "gzip"
        self._out = bytearray()

    def fits(self, _record: SinkRecord) -> bool:
        return True

    @property
    def size(self) -> int:
        return len(self._out)

    def finish(self) -> bytes:
        return gzip.compress(self._out, mtime=0) if self._gzips else bytes(self._out)


class JsonFile(_Lines):
    def __init__(self, settings: WriteSettings, first: SinkRecord, name: str) -> None:
        super().__init__(settings, first, name)
        self._convert = plain_json().from_connect_data

    def add(self, record: SinkRecord) -> None:
        self._out += (self._convert(record.topic, record.value_schema, record.value) or b"null") + b"\n"


class BytesFile(_Lines):
    def __init__(self, settings: WriteSettings, first: SinkRecord, name: str) -> None:
        super().__init__(settings, first, name)
        self._separator = settings.separator

    def add(self, record: SinkRecord) -> None:
        value = record.value
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogatepass")
        if not isinstance(value, bytes | bytearray | memoryview):
            raise DataError(f"The value of {where(record)} is {type(value).__name__}, not bytes")
        self._out += bytes(value) + self._separator


class CsvFile(_Lines):
    def __init__(self, settings: WriteSettings, first: SinkRecord, name: str) -> None:
        super().__init__(settings, first, name)
        self._schema = _struct(first).schema
        self._json = plain_json().from_connect_data
        self._out += _csv_line([field.name for field in self._schema.fields])

    def fits(self, record: SinkRecord) -> bool:
        return _struct(record).schema == self._schema

    def add(self, record: SinkRecord) -> None:
        struct = _struct(record)
        texts = [self._text(field.schema, struct.get(field)) for field in self._schema.fields]
        self._out += _csv_line(texts)

    def _text(self, schema: Schema, value: Any) -> str:
        if value is None:
            return ""
        if schema.name is not None and hasattr(value, "isoformat"):
            return str(value.isoformat())
        if isinstance(value, str):
            return value
        data = self._json("", schema, value) or b""
        return data.decode().strip('"') if schema.type.is_primitive else data.decode()


def _csv_line(texts: list[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(texts)
    return out.getvalue().encode("utf-8", "replace")


class AvroWriter:
    def __init__(self, settings: WriteSettings, first: SinkRecord, name: str) -> None:
        self._shapes = first.value_schema is None and isinstance(first.value, dict)
        self._schema = _struct(first).schema if self._shapes else first.value_schema
        self._file = AvroFile(self._schema, "deflate" if settings.compression == "deflate" else "null", name)

    def fits(self, record: SinkRecord) -> bool:
        shapes = record.value_schema is None and isinstance(record.value, dict)
        return shapes == self._shapes and (_struct(record).schema if shapes else record.value_schema) == self._schema

    def add(self, record: SinkRecord) -> None:
        self._file.add(_struct(record) if self._shapes else record.value)

    @property
    def size(self) -> int:
        return self._file.size

    def finish(self) -> bytes:
        return self._file.finish()


class ParquetFile:
    """Rows wait as they are, and are laid out at the end."""

    def __init__(self, settings: WriteSettings, first: SinkRecord, _name: str) -> None:
        self._compression = settings.compression
        self._schema = _struct(first).schema
        arrow.arrow_schema(self._schema)
        self._rows: list[Struct] = []
        self._size = 0

    def fits(self, record: SinkRecord) -> bool:
        return _struct(record).schema == self._schema

    def add(self, record: SinkRecord) -> None:
        struct = _struct(record)
        validate_value(self._schema, struct, f"value of {where(record)}")
        arrow.arrow_table(self._schema, [struct])
        self._rows.append(struct)
        self._size += _weight(struct)

    @property
    def size(self) -> int:
        return self._size

    def finish(self) -> bytes:
        out = io.BytesIO()
        table = arrow.arrow_table(self._schema, self._rows)
        load("pyarrow.parquet", arrow.EXTRA).write_table(table, out, compression=self._compression)
        return out.getvalue()


def _weight(value: Any) -> int:
    if isinstance(value, Struct):
        return sum(map(_weight, value.values))
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if isinstance(value, list | tuple):
        return sum(map(_weight, value))
    if isinstance(value, dict):
        return sum(map(_weight, value.keys())) + sum(map(_weight, value.values()))
    return 8


def _struct(record: SinkRecord) -> Struct:
    return struct_of(record.value, f"The value of {where(record)}")


_WRITERS: Final[dict[str, Callable[[WriteSettings, SinkRecord, str], Writer]]] = {
    "json": JsonFile,
    "csv": CsvFile,
    "avro": AvroWriter,
    "parquet": ParquetFile,
    "bytes": BytesFile,
}
