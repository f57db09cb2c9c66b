"""What applications write into the log (`pg_logical_emit_message`), as records of the topic `prefix.message`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.cdc.binary import binary_writer
from ottla.connect.connectors.cdc.envelope import MESSAGE, TRANSACTION_SCHEMA
from ottla.connect.connectors.postgres.column_types import binary_type
from ottla.connect.connectors.postgres.source import SOURCE_SCHEMA
from ottla.connect.data.schema import OPTIONAL_INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.cdc.filters import NameFilter
    from ottla.connect.connectors.postgres.pgoutput import LogicalMessage

_PACKAGE = "io.debezium.connector.postgresql."


class LogicalMessages:
    def __init__(self, partition: Mapping[str, Any], topic: str, prefixes: NameFilter, binary_mode: str) -> None:
        self._partition = partition
        self._topic = topic
        self._prefixes = prefixes
        self._write = binary_writer(binary_mode)
        content = binary_type(binary_mode, "").builder().optional().build()
        self._key_schema = (
            SchemaBuilder.struct()
            .name(_PACKAGE + "MessageKey")
            .version(1)
            .field("prefix", OPTIONAL_STRING_SCHEMA)
            .build()
        )
        self._block_schema = (
            SchemaBuilder.struct()
            .name(_PACKAGE + "Message")
            .version(1)
            .field("prefix", OPTIONAL_STRING_SCHEMA)
            .field("content", content)
            .build()
        )
        self._value_schema = (
            SchemaBuilder.struct()
            .name(_PACKAGE + "MessageValue")
            .version(1)
            .field("op", STRING_SCHEMA)
            .field("ts_ms", OPTIONAL_INT64_SCHEMA)
            .field("source", SOURCE_SCHEMA)
            .field("transaction", TRANSACTION_SCHEMA)
            .field("message", self._block_schema)
            .build()
        )

    def is_wanted(self, prefix: str) -> bool:
        return self._prefixes.matches(prefix)

    def record(self, message: LogicalMessage, source: Struct) -> SourceRecord:
        key = Struct(self._key_schema, prefix=message.prefix)
        block = Struct(self._block_schema, prefix=message.prefix, content=self._write(message.content))
        value = Struct(self._value_schema)
        value.values = [MESSAGE, time.time_ns() // 1_000_000, source, None, block]
        return SourceRecord(self._partition, None, self._topic, None, self._key_schema, key, self._value_schema, value)
