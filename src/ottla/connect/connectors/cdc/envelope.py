"""Debezium's envelope: what surrounds a row in a record, and the schemas of that (`io.debezium.data.Envelope`).

{"before": {…} | null, "after": {…} | null, "source": {…}, "transaction": {…} | null,
 "op": "c" | "u" | "d" | "r" | "t" | "m", "ts_ms": …, "ts_us": …, "ts_ns": …}
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ottla.connect.data.schema import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

CREATE: Final = "c"
UPDATE: Final = "u"
DELETE: Final = "d"
READ: Final = "r"
TRUNCATE: Final = "t"
MESSAGE: Final = "m"

SNAPSHOT_VALUES: Final = "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"
ENUM: Final = "io.debezium.data.Enum"
ENUM_SET: Final = "io.debezium.data.EnumSet"


def enum_builder(values: str) -> SchemaBuilder:
    return SchemaBuilder.string().name(ENUM).version(1).parameter("allowed", values)


TRANSACTION_SCHEMA: Final = (
    SchemaBuilder.struct()
    .optional()
    .name("event.block")
    .version(1)
    .field("id", STRING_SCHEMA)
    .field("total_order", INT64_SCHEMA)
    .field("data_collection_order", INT64_SCHEMA)
    .build()
)
_SNAPSHOT_SCHEMA: Final = enum_builder(SNAPSHOT_VALUES).default("false").optional().build()


def source_schema(name: str, own_fields: Mapping[str, Schema]) -> Schema:
    """The `source` block of a connector: what all have, then its own."""
    builder = (
        SchemaBuilder.struct()
        .version(1)
        .name(name)
        .field("version", STRING_SCHEMA)
        .field("connector", STRING_SCHEMA)
        .field("name", STRING_SCHEMA)
        .field("ts_ms", INT64_SCHEMA)
        .field("snapshot", _SNAPSHOT_SCHEMA)
        .field("db", STRING_SCHEMA)
        .field("sequence", OPTIONAL_STRING_SCHEMA)
        .field("ts_us", OPTIONAL_INT64_SCHEMA)
        .field("ts_ns", OPTIONAL_INT64_SCHEMA)
    )
    for field, schema in own_fields.items():
        builder.field(field, schema)
    return builder.build()


def envelope_schema(name: str, row_schema: Schema, source: Schema) -> Schema:
    """`row_schema` is optional: a row is absent before it is made, and after it is deleted."""
    return (
        SchemaBuilder.struct()
        .version(2)
        .name(name)
        .field("before", row_schema)
        .field("after", row_schema)
        .field("source", source)
        .field("transaction", TRANSACTION_SCHEMA)
        .field("op", STRING_SCHEMA)
        .field("ts_ms", OPTIONAL_INT64_SCHEMA)
        .field("ts_us", OPTIONAL_INT64_SCHEMA)
        .field("ts_ns", OPTIONAL_INT64_SCHEMA)
        .build()
    )


def envelope(
    schema: Schema,
    op: str,
    source: Struct,
    before: Struct | None = None,
    after: Struct | None = None,
    transaction: Struct | None = None,
) -> Struct:
    """As it is now; the rows fit, so nothing is looked at again."""
    now_ns = time.time_ns()
    made = Struct(schema)
    made.values = [before, after, source, transaction, op, now_ns // 1_000_000, now_ns // 1000, now_ns]
    return made
