"""Every type of schema, by name. Each is loaded when the first one of it is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.parsed import AVRO, JSON, PROTOBUF, ParsedSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.registry.schema.reference import Reference

SCHEMA_TYPES: Final = (JSON, PROTOBUF, AVRO)


def parse_schema(
    schema_type: str,
    text: str,
    references: Sequence[Reference] = (),
    texts: Mapping[str, str] | None = None,
    *,
    strict: bool = False,
) -> ParsedSchema:
    """`texts` has the schemas that the references name, those they need themselves before them.

    `SchemaError` says what is wrong.
    """
    if schema_type == AVRO:
        from ottla.registry.schema.avro.schema import AvroSchema

        return AvroSchema(text, references, texts, strict=strict)
    if schema_type == JSON:
        from ottla.registry.schema.json_schema.schema import JsonSchema

        return JsonSchema(text, references, texts, strict=strict)
    if schema_type == PROTOBUF:
        from ottla.registry.schema.protobuf.schema import ProtobufSchema

        return ProtobufSchema(text, references, texts, strict=strict)
    raise SchemaError(f"there is no schema type {schema_type}; there are {', '.join(SCHEMA_TYPES)}")
