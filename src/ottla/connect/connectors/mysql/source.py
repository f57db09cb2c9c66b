"""The `source` block of records from a binary log, and records of statements that change schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla import __version__
from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.cdc.envelope import source_schema
from ottla.connect.data.schema import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.mysql.binlog import Ddl


class SourceBlocks:
    """`connector` is `mysql` or `mariadb`."""

    def __init__(self, connector: str, prefix: str) -> None:
        self._connector = connector
        self._prefix = prefix
        self.schema = source_schema(
            f"io.debezium.connector.{connector}.Source",
            {
                "table": OPTIONAL_STRING_SCHEMA,
                "server_id": INT64_SCHEMA,
                "gtid": OPTIONAL_STRING_SCHEMA,
                "file": STRING_SCHEMA,
                "pos": INT64_SCHEMA,
                "row": INT32_SCHEMA,
                "thread": OPTIONAL_INT64_SCHEMA,
                "query": OPTIONAL_STRING_SCHEMA,
            },
        )

    def block(
        self,
        database: str,
        table: str | None,
        ts_s: int,
        file: str,
        pos: int,
        *,
        row: int = 0,
        snapshot: str | None = None,
        server_id: int = 0,
        gtid: str | None = None,
    ) -> Struct:
        made = Struct(self.schema)
        made.values = [
            __version__, self._connector, self._prefix, ts_s * 1000, snapshot, database, None, ts_s * 1_000_000,
            ts_s * 1_000_000_000, table, server_id, gtid, file, pos, row, None, None,
        ]  # fmt: skip
        return made


class SchemaChanges:
    """Records of the topic that is named as the prefix: DDL as it was written."""

    def __init__(self, connector: str, partition: Mapping[str, Any], topic: str, sources: SourceBlocks) -> None:
        name = f"io.debezium.connector.{connector}."
        self._partition = partition
        self._topic = topic
        self._key_schema = (
            SchemaBuilder.struct()
            .name(name + "SchemaChangeKey")
            .version(1)
            .field("databaseName", STRING_SCHEMA)
            .build()
        )
        self._value_schema = (
            SchemaBuilder.struct()
            .name(name + "SchemaChangeValue")
            .version(1)
            .field("source", sources.schema)
            .field("ts_ms", INT64_SCHEMA)
            .field("databaseName", OPTIONAL_STRING_SCHEMA)
            .field("schemaName", OPTIONAL_STRING_SCHEMA)
            .field("ddl", OPTIONAL_STRING_SCHEMA)
            .build()
        )

    def record(self, ddl: Ddl, source: Struct) -> SourceRecord:
        key = Struct(self._key_schema, databaseName=ddl.schema)
        value = Struct(self._value_schema)
        value.values = [source, ddl.ts_s * 1000, ddl.schema, None, ddl.statement]
        return SourceRecord(self._partition, None, self._topic, 0, self._key_schema, key, self._value_schema, value)
