"""Keys and values of records as Python values: by the schema registry, as JSON, as text, or as they are.

`auto` looks at each: five bytes or more that begin with the magic 0 and an id that the registry knows, JSON that is an
object or an array, UTF-8, bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.moment import QueryError
from ottla.registry.client.wire import WireError, read_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.clients.consumer import ConsumedRecord
    from ottla.registry.client.registry_client import RegistryClient

FORMATS: Final = ("auto", "json", "text", "bytes", "registry")
UNKNOWN_SCHEMA: Final = 40403
MAX_SCHEMAS: Final = 10_000


class Decoder:
    """`QueryError` names the record that a format does not fit; `auto` fits everything."""

    def __init__(self, form: str, registry: RegistryClient | None, *, is_key: bool) -> None:
        if form not in FORMATS:
            raise QueryError(f"'{form}' is no format: one of {', '.join(FORMATS)}")
        if form == "registry" and registry is None:
            raise QueryError("the format registry needs to know where one is: --registry URL")
        self._form = form
        self._registry = registry
        self._is_key = is_key
        self._by_id: dict[int, Callable[[str, bytes], Any] | None] = {}
        """Schema id -> what reads its values; `None`: the registry does not know it."""

    def __call__(self, record: ConsumedRecord) -> Any:
        data = record.key if self._is_key else record.value
        if data is None or self._form == "bytes":
            return data
        try:
            return self._decode(record.topic, data)
        except QueryError:
            raise
        except Exception as error:  # of a library that reads what anybody may have written
            what = "key" if self._is_key else "value"
            where = f"{record.topic}-{record.partition} at offset {record.offset}"
            raise QueryError(f"{where}: the {what} is not what --{what}-format {self._form} says: {error}") from error

    def _decode(self, topic: str, data: bytes) -> Any:
        if self._form == "json":
            return json.loads(data)
        if self._form == "text":
            return data.decode("utf-8")
        if self._form == "registry":
            return self._registered(topic, data)
        return self._guess(topic, data)

    def _guess(self, topic: str, data: bytes) -> Any:
        schema_id = _schema_id(data) if self._registry is not None else None
        if schema_id is not None and (reader := self._reader(schema_id)) is not None:
            return reader(topic, data)
        if data[:1] in b"{[" and data:
            try:
                return json.loads(data)
            except ValueError:
                pass
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data

    def _registered(self, topic: str, data: bytes) -> Any:
        schema_id = _schema_id(data)
        if schema_id is None:
            raise ValueError("it does not begin with the id of a schema")
        reader = self._reader(schema_id)
        if reader is None:
            raise ValueError(f"the registry knows no schema {schema_id}")
        return reader(topic, data)

    def _reader(self, schema_id: int) -> Callable[[str, bytes], Any] | None:
        if schema_id not in self._by_id:
            if len(self._by_id) >= MAX_SCHEMAS:
                raise QueryError(f"more than {MAX_SCHEMAS} schemas in one topic")
            self._by_id[schema_id] = self._find(schema_id)
        return self._by_id[schema_id]

    def _find(self, schema_id: int) -> Callable[[str, bytes], Any] | None:
        from ottla.registry.client.registry_client import RegistryClientError

        assert self._registry is not None
        try:
            kind = self._registry.schema(schema_id).schema_type
        except RegistryClientError as error:
            if error.code == UNKNOWN_SCHEMA:
                return None
            raise QueryError(f"the registry does not tell what schema {schema_id} is: {error}") from error
        if kind == "AVRO":
            from ottla.registry.client.avro import AvroDeserializer

            return AvroDeserializer(self._registry, is_key=self._is_key)
        if kind == "JSON":
            from ottla.registry.client.json_schema import JsonDeserializer

            return JsonDeserializer(self._registry, is_key=self._is_key, validates=False)
        return self._protobuf(self._registry)

    def _protobuf(self, registry: RegistryClient) -> Callable[[str, bytes], Any]:
        from ottla.console.sql.protobuf_values import as_values
        from ottla.registry.client.protobuf import ProtobufDeserializer

        read = ProtobufDeserializer(registry, is_key=self._is_key)
        return lambda topic, data: as_values(read(topic, data))


def _schema_id(data: bytes) -> int | None:
    try:
        found = read_frame(data, (), is_key=False).schema_id
    except WireError:
        return None
    return found if isinstance(found, int) else None
