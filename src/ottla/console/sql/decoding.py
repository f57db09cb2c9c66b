"""Keys and values of records as Python values: by the schema registry, as JSON, as text, or as they are.

`auto` looks at each: five bytes or more that begin with the magic 0 and an id that the registry knows, JSON that is an
object or an array, UTF-8, bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.console.operations.registered_values import RegisteredValues, schema_id_of
from ottla.console.sql.moment import QueryError
from ottla.registry.client.registry_client import RegistryClientError

if TYPE_CHECKING:
    from ottla.clients.consumer import ConsumedRecord
    from ottla.console.operations.registered_values import ValueReader
    from ottla.registry.client.registry_client import RegistryClient

FORMATS: Final = ("auto", "json", "text", "bytes", "registry")


class Decoder:
    """`QueryError` names the record that a format does not fit; `auto` fits everything."""

    def __init__(self, form: str, registry: RegistryClient | None, *, is_key: bool) -> None:
        if form not in FORMATS:
            raise QueryError(f"'{form}' is no format: one of {', '.join(FORMATS)}")
        if form == "registry" and registry is None:
            raise QueryError("the format registry needs to know where one is: --registry URL")
        self._form = form
        self._is_key = is_key
        self._values = None if registry is None else RegisteredValues(registry, is_key=is_key)

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
        schema_id = schema_id_of(data) if self._values is not None else None
        if schema_id is not None and (reader := self._reader(schema_id)) is not None:
            return reader.read(topic, data)
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
        schema_id = schema_id_of(data)
        if schema_id is None:
            raise ValueError("it does not begin with the id of a schema")
        reader = self._reader(schema_id)
        if reader is None:
            raise ValueError(f"the registry knows no schema {schema_id}")
        return reader.read(topic, data)

    def _reader(self, schema_id: int) -> ValueReader | None:
        assert self._values is not None
        try:
            return self._values.reader(schema_id)
        except RegistryClientError as error:
            raise QueryError(f"the registry does not tell what schema {schema_id} is: {error}") from error
