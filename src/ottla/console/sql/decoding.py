"""Keys and values of records as Python values: by the schema registry, as JSON, as text, or as they are.

`auto` looks at each: five bytes or more that begin with the magic 0 and an id that the registry knows, JSON that is an
object or an array, UTF-8, bytes.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final

from ottla.console.operations.registered_values import MAGIC, PREFIX_SIZE, RegisteredValues, schema_id_of
from ottla.console.sql.moment import QueryError
from ottla.console.sql.schema_types import registered_fields
from ottla.registry.client.registry_client import RegistryClientError
from ottla.registry.schema.parsed import JSON

if TYPE_CHECKING:
    from ottla.console.operations.registered_values import ValueReader
    from ottla.console.sql.chunk import Chunk
    from ottla.registry.client.registry_client import RegistryClient

FORMATS: Final = ("auto", "json", "text", "bytes", "registry")
JSON_STARTS: Final = (b"{", b"[")


class Decoder:
    """`QueryError` names the record that a format does not fit; `auto` fits all. Blocks where a registry is asked."""

    def __init__(self, form: str, registry: RegistryClient | None, *, is_key: bool) -> None:
        import msgspec

        if form not in FORMATS:
            raise QueryError(f"'{form}' is no format: one of {', '.join(FORMATS)}")
        if form == "registry" and registry is None:
            raise QueryError("the format registry needs to know where one is: --registry URL")
        self.part = "key" if is_key else "value"
        self._form = form
        self._is_key = is_key
        self._registered_values = None if registry is None else RegisteredValues(registry, is_key=is_key)
        self._registry = registry
        self.has_registered = False
        """Something was read by a schema of the registry."""
        self._quick_json = msgspec.json.Decoder().decode
        self._refusals = (msgspec.DecodeError, RecursionError)

    def texts(self, raw: Any) -> Any:
        """Of a column of bytes of Arrow the column of what `values` would be, where none of that is made of parts."""
        import pyarrow as pa

        if self._form == "bytes":
            return raw
        if self._form == "auto":
            starts = JSON_STARTS if self._registered_values is None else (*JSON_STARTS, MAGIC)
            if _some_start(raw, starts):
                return None
        elif self._form != "text":
            return None
        try:
            return raw.cast(pa.string())
        except pa.ArrowInvalid:
            return None

    def values(self, chunk: Chunk, raw: Any) -> list[Any]:
        """`raw`: the keys, or the values, of the chunk as a column of Arrow."""
        data = chunk.keys if self._is_key else chunk.values
        if self._form == "json" or (self._form == "auto" and _all_start(raw, JSON_STARTS)):
            read = self._quick_json
            try:
                return [None if each is None else read(each) for each in data]
            except self._refusals:
                pass
        elif (found := self._of_one_schema(chunk.topic, data, raw)) is not None:
            return found
        return [None if each is None else self._value(chunk, index, each) for index, each in enumerate(data)]

    def _of_one_schema(self, topic: str, data: list[bytes | None], raw: Any) -> list[Any] | None:
        """What most chunks of registered values are; `None` for others, and where one of them cannot be read."""
        first = next((each for each in data if each is not None), b"")
        schema_id = schema_id_of(first) if self._registry is not None and self._form in ("auto", "registry") else None
        if schema_id is None or not _all_start(raw, (first[:PREFIX_SIZE],)):
            return None
        reader = self._reader(schema_id)
        if reader is None or reader.kind == JSON:
            return None
        read = reader.read
        try:
            found = [None if each is None else read(topic, each) for each in data]
        except Exception:  # of a library that reads what anybody may have written: it is found again, and named
            return None
        self.has_registered = True
        return found

    def registered_fields(self, topic: str) -> dict[str, Any]:
        """What the registry says of the fields of the topic's values: name -> type of Arrow."""
        if self._registry is None or self._form not in ("auto", "registry"):
            return {}
        return registered_fields(self._registry, topic)

    def _value(self, chunk: Chunk, index: int, data: bytes) -> Any:
        try:
            return self._decode(chunk.topic, data)
        except QueryError:
            raise
        except Exception as error:  # of a library that reads what anybody may have written
            raise QueryError(
                f"{chunk.place(index)}: the {self.part} is not what --{self.part}-format {self._form} says: {error}"
            ) from error

    def _decode(self, topic: str, data: bytes) -> Any:
        match self._form:
            case "json":
                return self._json(data)
            case "text":
                return data.decode("utf-8")
            case "registry":
                return self._registered(topic, data)
            case "bytes":
                return data
        return self._guess(topic, data)

    def _json(self, data: bytes) -> Any:
        """As the standard library reads it, which takes more than the quicker one."""
        try:
            return self._quick_json(data)
        except self._refusals:
            return json.loads(data)

    def _guess(self, topic: str, data: bytes) -> Any:
        schema_id = schema_id_of(data) if self._registered_values is not None else None
        if schema_id is not None and (reader := self._reader(schema_id)) is not None:
            return self._read(reader, topic, data)
        if data[:1] in JSON_STARTS:
            try:
                return self._json(data)
            except (ValueError, RecursionError):
                pass
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data

    def _registered(self, topic: str, data: bytes) -> Any:
        schema_id = schema_id_of(data)
        if schema_id is None:
            raise ValueError("it does not begin with the id of a schema")
        reader = self._reader(schema_id)
        if reader is None:
            raise ValueError(f"the registry knows no schema {schema_id}")
        return self._read(reader, topic, data)

    def _read(self, reader: ValueReader, topic: str, data: bytes) -> Any:
        self.has_registered = True
        return self._json(data[PREFIX_SIZE:]) if reader.kind == JSON else reader.read(topic, data)

    def _reader(self, schema_id: int) -> ValueReader | None:
        assert self._registered_values is not None
        try:
            return self._registered_values.reader(schema_id)
        except RegistryClientError as error:
            raise QueryError(f"the registry does not tell what schema {schema_id} is: {error}") from error


def _some_start(raw: Any, starts: tuple[bytes, ...]) -> bool:
    import pyarrow.compute as pc

    return any(pc.any(pc.starts_with(raw, each)).as_py() for each in starts)


def _all_start(raw: Any, starts: tuple[bytes, ...]) -> bool:
    """But for nulls."""
    import pyarrow.compute as pc

    found = [pc.starts_with(raw, each) for each in starts]
    return bool(pc.all(functools.reduce(pc.or_, found)).as_py())
