"""What keys and values of records are made of a document (`output.format.…`): JSON, BSON, or data with a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.mongodb.class_names import short_name
from ottla.connect.connectors.mongodb.json_text import FORMATTERS, bson_bytes, json_text
from ottla.connect.connectors.mongodb.output_schemas import inferred_schema, schema_of_avro
from ottla.connect.connectors.mongodb.output_values import OutputValues
from ottla.connect.connectors.mongodb.source_config import (
    BSON,
    INFER_VALUE,
    JSON,
    JSON_FORMATTER,
    KEY_FORMAT,
    KEY_SCHEMA,
    VALUE_FORMAT,
    VALUE_SCHEMA,
)
from ottla.connect.data.schema import BYTES_SCHEMA, STRING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.connectors.mongodb.documents import Document
    from ottla.connect.data.schema import Schema

    Output = Callable[[Document], tuple[Schema, Any]]


def key_output(config: Mapping[str, Any]) -> Output:
    return _output(config, config[KEY_FORMAT], KEY_SCHEMA, infers=False)


def value_output(config: Mapping[str, Any]) -> Output:
    return _output(config, config[VALUE_FORMAT], VALUE_SCHEMA, infers=config[INFER_VALUE])


def _output(config: Mapping[str, Any], form: str, schema_setting: str, *, infers: bool) -> Output:
    formatter = FORMATTERS[short_name(config[JSON_FORMATTER])]
    if form.lower() == JSON:
        return lambda document: (STRING_SCHEMA, json_text(document, formatter))
    if form.lower() == BSON:
        return lambda document: (BYTES_SCHEMA, bson_bytes(document))
    values = OutputValues(formatter)
    if infers:

        def inferred(document: Document) -> tuple[Schema, Any]:
            own = inferred_schema(document)
            return own, values.struct(own, document)

        return inferred
    schema = schema_of_avro(schema_setting, config[schema_setting])
    return lambda document: (schema, values.struct(schema, document))
