"""Where transactions begin and end (`provide.transaction.metadata`, `io.debezium.pipeline.txmetadata`).

A record for each end in the topic `prefix.transaction`, and in each change its place within its transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.cdc.envelope import TRANSACTION_SCHEMA
from ottla.connect.data.schema import INT64_SCHEMA, OPTIONAL_INT64_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.cdc.topics import TopicNames

_COUNT_SCHEMA: Final = (
    SchemaBuilder.struct()
    .optional()
    .name("event.collection")
    .version(1)
    .field("data_collection", STRING_SCHEMA)
    .field("event_count", INT64_SCHEMA)
    .build()
)
KEY_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.TransactionMetadataKey")
    .version(1)
    .field("id", STRING_SCHEMA)
    .build()
)
VALUE_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.TransactionMetadataValue")
    .version(1)
    .field("status", STRING_SCHEMA)
    .field("id", STRING_SCHEMA)
    .field("event_count", OPTIONAL_INT64_SCHEMA)
    .field("data_collections", SchemaBuilder.array(_COUNT_SCHEMA).optional().build())
    .field("ts_ms", INT64_SCHEMA)
    .build()
)


class Transaction:
    """One transaction: counts its events by table."""

    def __init__(self, number: str, commit_ms: int) -> None:
        self.id = number
        self.commit_ms = commit_ms
        self._counts: dict[str, int] = {}
        self._total = 0

    def event(self, table: str) -> Struct:
        """Count one; what stands in it."""
        self._total += 1
        self._counts[table] = self._counts.get(table, 0) + 1
        made = Struct(TRANSACTION_SCHEMA)
        made.values = [self.id, self._total, self._counts[table]]
        return made

    @property
    def has_events(self) -> bool:
        return self._total > 0

    def ended(self) -> dict[str, Any]:
        collections = [Struct(_COUNT_SCHEMA, data_collection=name, event_count=n) for name, n in self._counts.items()]
        return {"event_count": self._total, "data_collections": collections}


class TransactionRecords:
    """The records `BEGIN` and `END`."""

    def __init__(self, partition: Mapping[str, Any], topics: TopicNames) -> None:
        self._partition = partition
        self._topic = topics.transactions

    def begin(self, transaction: Transaction) -> SourceRecord:
        return self._record(transaction, status="BEGIN")

    def end(self, transaction: Transaction) -> SourceRecord:
        return self._record(transaction, status="END", **transaction.ended())

    def _record(self, transaction: Transaction, **fields: Any) -> SourceRecord:
        key = Struct(KEY_SCHEMA, id=transaction.id)
        value = Struct(VALUE_SCHEMA, id=transaction.id, ts_ms=transaction.commit_ms, **fields)
        return SourceRecord(self._partition, None, self._topic, None, KEY_SCHEMA, key, VALUE_SCHEMA, value)
