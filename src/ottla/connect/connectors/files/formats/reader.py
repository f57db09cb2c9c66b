"""Readers of files, by format: `(stream, start)` → (position behind it, schema, value) of each record.

| format | a record | position | schema |
|---|---|---|---|
| lines | a line | bytes | STRING |
| json | a line of JSON | bytes | none |
| csv | a row, by the names in the first line | bytes | struct: text, or `csv.types` |
| avro | a datum of an Avro file | records | that of the file |
| parquet | a row | records | that of the file |
| binary | the whole file | 1 | BYTES |

What is no record is a `DataError` that says where.
"""

from __future__ import annotations

import csv
import gzip
import io
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.connectors import arrow
from ottla.connect.connectors.files.formats.lines import lines_from, text_of
from ottla.connect.connectors.files.formats.typed import Column, columns_of
from ottla.connect.connectors.library import load
from ottla.connect.converters.json_reader import DOUBLES, MISSING, parse_json, read_plain
from ottla.connect.data.schema import BYTES_SCHEMA, STRING_SCHEMA, Schema
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Read: TypeAlias = "Iterator[tuple[int, Schema | None, Any]]"
AUTO: Final = "auto"
EXTENSIONS: Final = {
    "txt": "lines",
    "log": "lines",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "csv": "csv",
    "tsv": "csv",
    "avro": "avro",
    "parquet": "parquet",
    "bin": "binary",
}
BATCH_ROWS: Final = 1000
BINARY_BYTES_MAX: Final = 256 * 1024 * 1024
ROW_LINES_MAX: Final = 10_000
"""A quoted text that has no end is no row."""


class ReadSettings(NamedTuple):
    format: str = AUTO
    separator: str = ","
    has_header: bool = True
    types: tuple[str, ...] = ()
    """`name:type`, or with `has_header` off all columns in their order."""


def read(path: str, stream: IO[bytes], start: int, settings: ReadSettings) -> Read:
    """`ConfigError` where nobody knows the format."""
    name = path
    if name.endswith(".gz"):
        stream, name = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)), name[:-3]
    extension = name.rpartition(".")[2].lower()
    kind = settings.format if settings.format != AUTO else EXTENSIONS.get(extension, "")
    reader = _READERS.get(kind)
    if reader is None:
        raise ConfigError(f"the extension of {path} says nothing about its format; set format")
    if kind == "csv" and extension == "tsv" and settings.separator == ",":
        settings = settings._replace(separator="\t")
    return _guarded(path, reader(stream, start, settings))


def _guarded(path: str, found: Read) -> Read:
    """What a library says of a broken file as `DataError`."""
    try:
        yield from found
    except DataError:
        raise
    except (gzip.BadGzipFile, EOFError, ValueError, KeyError) as error:
        raise DataError(f"{path} is broken: {error}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("pyarrow", "zlib"):
            raise DataError(f"{path} is broken: {error}") from error
        raise


def _lines(stream: IO[bytes], start: int, _settings: ReadSettings) -> Read:
    for at, line in lines_from(stream, start):
        yield at, STRING_SCHEMA, text_of(line, at)


def _json(stream: IO[bytes], start: int, _settings: ReadSettings) -> Read:
    for at, line in lines_from(stream, start):
        if line.strip():
            try:
                node = parse_json(text_of(line, at), DOUBLES)
            except DataError as error:
                raise DataError(f"the line that ends at byte {at} is no JSON: {error}") from error
            yield at, None, None if node is MISSING else read_plain(node)


def _binary(stream: IO[bytes], start: int, _settings: ReadSettings) -> Read:
    if start == 0:
        data = stream.read(BINARY_BYTES_MAX + 1)
        if len(data) > BINARY_BYTES_MAX:
            raise DataError(f"the file has more than {BINARY_BYTES_MAX} bytes: it is too long for a record")
        yield 1, BYTES_SCHEMA, data


def _csv(stream: IO[bytes], start: int, settings: ReadSettings) -> Read:
    rows = _csv_rows(stream, 0, settings.separator)
    columns: list[Column] | None = None
    if settings.has_header:
        first = next(rows, None)
        if first is None:
            return
        at, names = first
        columns = columns_of(settings.types, names)
        if start > at:
            rows = _csv_rows(stream, start, settings.separator)
    else:
        columns = columns_of(settings.types, None)
        if start:
            rows = _csv_rows(stream, start, settings.separator)
    builder = SchemaBuilder.struct()
    for column in columns:
        builder.field(column.name, column.schema)
    schema = builder.build()
    for at, texts in rows:
        if len(texts) != len(columns):
            raise DataError(f"the row that ends at byte {at} has {len(texts)} columns, not {len(columns)}")
        struct = Struct(schema)
        try:
            struct.values = [column.read(text) for column, text in zip(columns, texts, strict=True)]
        except DataError as error:
            raise DataError(f"the row that ends at byte {at}: {error}") from error
        yield at, schema, struct


def _csv_rows(stream: IO[bytes], start: int, separator: str) -> Iterator[tuple[int, list[str]]]:
    """A row goes on over lines while a quote is open."""
    stream.seek(start)
    waiting: list[str] = []
    quotes = 0
    for at, line in lines_from(stream, start):
        text = text_of(line, at)
        if not start and not waiting and at <= len(line) + 2:
            text = text.removeprefix("\ufeff")
        if not waiting and not text:
            continue
        waiting.append(text)
        quotes += text.count('"')
        if quotes % 2 and len(waiting) < ROW_LINES_MAX:
            continue
        yield at, _csv_row("\n".join(waiting), separator, at)
        waiting, quotes = [], 0
    if waiting:
        raise DataError("the last row has a quote without an end")


def _csv_row(text: str, separator: str, at: int) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise DataError(f"the row that ends at byte {at} is no CSV: {error}") from error
    if len(rows) != 1:
        raise DataError(f"the row that ends at byte {at} is no CSV: a quote has no end")
    return rows[0]


def _parquet(stream: IO[bytes], start: int, _settings: ReadSettings) -> Read:
    parquet = load("pyarrow.parquet", arrow.EXTRA)
    file = parquet.ParquetFile(stream)
    schema = arrow.connect_schema(file.schema_arrow)
    position = 0
    for batch in file.iter_batches(BATCH_ROWS):
        if position + batch.num_rows <= start:
            position += batch.num_rows
            continue
        for row in batch.to_pylist():
            position += 1
            if position > start:
                yield position, schema, arrow.connect_value(schema, row)


def _avro(stream: IO[bytes], start: int, _settings: ReadSettings) -> Read:
    from ottla.connect.connectors.files.formats.avro_file import read_container

    for position, (schema, value) in enumerate(read_container(stream), 1):
        if position > start:
            yield position, schema, value


_READERS: Final[dict[str, Callable[[IO[bytes], int, ReadSettings], Read]]] = {
    "lines": _lines,
    "json": _json,
    "csv": _csv,
    "avro": _avro,
    "parquet": _parquet,
    "binary": _binary,
}
FORMATS: Final = (AUTO, *_READERS)
