"""Records of Connect as the lines that a Singer target reads: SCHEMA and RECORD. Pure.

| pk.mode | key properties |
|---|---|
| none | none |
| record_key | the fields of the key, or `pk.fields` of them, put into the record; a key that is no struct is one |
| record_value | `pk.fields` of the value |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.bridges.record_json import inferred_schema, json_of, json_schema_of, merged_schema
from ottla.connect.data.logical import instant
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.data.schema import Schema

NONE: Final = "none"
RECORD_KEY: Final = "record_key"
RECORD_VALUE: Final = "record_value"
VALUE: Final = "value"
DELETED_AT: Final = "_sdc_deleted_at"
DATE_TIME: Final = {"type": ["null", "string"], "format": "date-time"}


class _Stream:
    def __init__(self) -> None:
        self.schema: dict[str, Any] = {"type": "object", "properties": {}}
        self.key_properties: list[str] = []
        self.is_told = False
        self.seen: tuple[object, object] = (None, None)
        """The schemas of the last record: those of the next are mostly the same."""


class TargetLines:
    """`of(record)` gives its lines. `DataError`: it is none that a target could take."""

    def __init__(self, stream_format: str, pk_mode: str, pk_fields: Sequence[str], *, deletes: bool) -> None:
        self._format = stream_format
        self._pk_mode = pk_mode
        self._pk_fields = list(pk_fields)
        self._deletes = deletes
        self._streams: dict[str, _Stream] = {}

    def begin(self) -> None:
        """Another run: the target knows no schema yet."""
        for stream in self._streams.values():
            stream.is_told = False

    def of(self, record: SinkRecord) -> str:
        name = self._format.replace("${topic}", record.topic)
        stream = self._streams.get(name)
        if stream is None:
            stream = _Stream()
        key = self._key(record)
        schema: dict[str, Any] | None
        if record.value is None:
            content, schema = self._tombstone(record, key)
        else:
            content, schema = _content(record, stream)
            content = {**content, **key} if self._pk_mode == RECORD_KEY else content
        self._check_key(content, record)
        if schema is not None:
            self._widen(stream, merged_schema(schema, self._key_schema(record, key)))
        self._streams[name] = stream
        lines = ""
        if not stream.is_told:
            stream.is_told = True
            lines = _line({
                "type": "SCHEMA",
                "stream": name,
                "schema": stream.schema,
                "key_properties": self._key_names(key),
            })  # fmt: skip
        message: dict[str, Any] = {"type": "RECORD", "stream": name, "record": content}
        return lines + _line(message)

    def _key(self, record: SinkRecord) -> dict[str, Any]:
        if self._pk_mode != RECORD_KEY:
            return {}
        key = json_of(record.key)
        if isinstance(record.key, Struct | dict) and isinstance(key, dict):
            missing = [name for name in self._pk_fields if name not in key]
            if missing:
                raise DataError(f"the record's key has no field {missing[0]!r} (pk.fields)")
            return {name: key[name] for name in self._pk_fields or key}
        if record.key is None or len(self._pk_fields) != 1:
            raise DataError("pk.mode=record_key needs a key that is a struct, or pk.fields with the name of the key")
        return {self._pk_fields[0]: key}

    def _key_names(self, key: dict[str, Any]) -> list[str]:
        return list(key) if self._pk_mode == RECORD_KEY else self._pk_fields if self._pk_mode == RECORD_VALUE else []

    def _check_key(self, content: dict[str, Any], record: SinkRecord) -> None:
        if self._pk_mode == RECORD_VALUE:
            missing = [name for name in self._pk_fields if content.get(name) is None]
            if missing:
                raise DataError(f"the value of a record of {record.topic} has no {missing[0]!r} (pk.fields)")

    def _key_schema(self, record: SinkRecord, key: dict[str, Any]) -> dict[str, Any]:
        if not key:
            return {}
        schema = record.key_schema
        if schema is None:
            return inferred_schema(key)
        if schema.type is not Type.STRUCT:
            return {"type": "object", "properties": {next(iter(key)): json_schema_of(schema)}}
        properties = {field.name: json_schema_of(field.schema) for field in schema.fields if field.name in key}
        return {"type": "object", "properties": properties}

    def _tombstone(self, record: SinkRecord, key: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if not (self._deletes and key):
            raise DataError(f"a record of {record.topic} has no value; with delete.enabled=true it is a deletion")
        at = json_of(instant(record.timestamp or 0))
        return {**key, DELETED_AT: at}, {"type": "object", "properties": {DELETED_AT: DATE_TIME}}

    def _widen(self, stream: _Stream, schema: dict[str, Any]) -> None:
        wider = merged_schema(stream.schema, schema)
        wider["type"] = "object"
        if wider != stream.schema:
            stream.schema = wider
            stream.is_told = False


def _content(record: SinkRecord, stream: _Stream) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The record as a JSON object and what is to be said of its schema; `None`: it is that of the last."""
    found = json_of(record.value)
    is_object = isinstance(record.value, Struct) or (isinstance(record.value, dict) and isinstance(found, dict))
    content: dict[str, Any] = found if is_object else {VALUE: found}
    if record.value_schema is None:
        return content, inferred_schema(content)
    seen = (record.value_schema, record.key_schema)
    if stream.is_told and all(one is other for one, other in zip(stream.seen, seen, strict=True)):
        return content, None
    stream.seen = seen
    return content, _object_schema(record.value_schema, is_object)


def _object_schema(schema: Schema, is_object: bool) -> dict[str, Any]:
    found = json_schema_of(schema)
    return {**found, "type": "object"} if is_object else {"type": "object", "properties": {VALUE: found}}


def _line(message: dict[str, Any]) -> str:
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False) + "\n"
    except ValueError as error:
        raise DataError(f"a record cannot be JSON: {error}") from None
