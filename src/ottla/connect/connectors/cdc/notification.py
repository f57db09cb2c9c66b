"""What a connector tells of its snapshots while they go on (`notification.enabled.channels`).

`sink` writes records to `notification.sink.topic.name`, `log` lines to the worker's log. A notification has an id (of
the signal that asked, or one by chance), an aggregate (`Initial Snapshot`, `Incremental Snapshot`), a type (`STARTED`,
`IN_PROGRESS`, `TABLE_SCAN_COMPLETED`, `COMPLETED`, `SKIPPED`, `PAUSED`, `RESUMED`, `ABORTED`) and some data.
"""

from __future__ import annotations

import logging
import time
import uuid
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import HIGH, LIST, MEDIUM, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.validators import ValidList
from ottla.connect.connectors.cdc.topics import VALID_PART
from ottla.connect.data.schema import INT64_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_log = logging.getLogger("ottla.connect.cdc.notification")
CHANNELS: Final = "notification.enabled.channels"
TOPIC: Final = "notification.sink.topic.name"
SINK: Final = "sink"
LOG: Final = "log"
INITIAL: Final = "Initial Snapshot"
INCREMENTAL: Final = "Incremental Snapshot"
NOTICES_MAX: Final = 100_000
"""So many wait to be told; the oldest go."""

KEY_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.NotificationKey")
    .version(1)
    .field("id", STRING_SCHEMA)
    .build()
)
VALUE_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.Notification")
    .version(1)
    .field("id", STRING_SCHEMA)
    .field("type", STRING_SCHEMA)
    .field("aggregate_type", STRING_SCHEMA)
    .field("additional_data", SchemaBuilder.map(STRING_SCHEMA, STRING_SCHEMA).optional().build())
    .field("timestamp", INT64_SCHEMA)
    .build()
)


def define_notifications(definition: ConfigDef) -> ConfigDef:
    return (
        definition.define(CHANNELS, LIST, "", MEDIUM, "How snapshots tell of themselves: sink (a topic), log.",
                validator=ValidList(SINK, LOG))
        .define(TOPIC, STRING, None, HIGH, "That topic.", validator=VALID_PART)
    )  # fmt: skip


class NotificationChannels(NamedTuple):
    logs: bool
    topic: str | None
    """`None`: no records are written."""

    @classmethod
    def of(cls, parsed: Mapping[str, Any]) -> NotificationChannels:
        """Raises `ConfigError`."""
        channels, topic = parsed[CHANNELS], parsed[TOPIC]
        if SINK in channels and not topic:
            raise ConfigError.of(TOPIC, topic, f"is needed where {CHANNELS} has {SINK}")
        return cls(LOG in channels, topic if SINK in channels else None)


class Notice(NamedTuple):
    """Something to tell."""

    type: str
    data: Mapping[str, str]
    id: str = ""
    """Of whoever asked for it; empty: nobody did."""


class Notifications:
    def __init__(self, partition: Mapping[str, Any], prefix: str, channels: NotificationChannels) -> None:
        self._partition = partition
        self._prefix = prefix
        self._logs, self._topic = channels

    def records(self, aggregate: str, notices: Iterable[Notice], offset: Mapping[str, Any]) -> list[SourceRecord]:
        """`offset` is how far the source is then."""
        return [each for notice in notices for each in self._told(aggregate, notice, offset)]

    def _told(self, aggregate: str, notice: Notice, offset: Mapping[str, Any]) -> Sequence[SourceRecord]:
        data = {**notice.data, "connector_name": self._prefix}
        if self._logs:
            _log.info("%s %s: %s", aggregate, notice.type, data)
        if self._topic is None:
            return ()
        number = notice.id or str(uuid.uuid4())
        value = Struct(VALUE_SCHEMA)
        value.values = [number, notice.type, aggregate, data, time.time_ns() // 1_000_000]
        key = Struct(KEY_SCHEMA, id=number)
        return (SourceRecord(self._partition, offset, self._topic, None, KEY_SCHEMA, key, VALUE_SCHEMA, value),)


# What the first snapshot tells.


def table_begun(table: str, tables: Sequence[str]) -> Notice:
    return Notice("IN_PROGRESS", {"current_collection_in_progress": table, "data_collections": ",".join(tables)})


def table_read(table: str, tables: Sequence[str], rows: int) -> Notice:
    data = {"scanned_collection": table, "data_collections": ",".join(tables), "total_rows_scanned": str(rows)}
    return Notice("TABLE_SCAN_COMPLETED", data | {"status": "SUCCEEDED"})


STARTED: Final = Notice("STARTED", {})
COMPLETED: Final = Notice("COMPLETED", {})
ABORTED: Final = Notice("ABORTED", {})
SKIPPED: Final = Notice("SKIPPED", {})
