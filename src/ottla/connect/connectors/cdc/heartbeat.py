"""Heartbeats: records that say how far one is while nothing of interest happens (`io.debezium.heartbeat`).

Without them the database keeps its log for a connector that has long read it, until its disk is full.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.api.record import SourceRecord
from ottla.connect.data.schema import INT64_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from ottla.connect.connectors.cdc.topics import TopicNames

KEY_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.ServerNameKey")
    .version(1)
    .field("serverName", STRING_SCHEMA)
    .build()
)
VALUE_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.Heartbeat")
    .version(1)
    .field("ts_ms", INT64_SCHEMA)
    .build()
)


class Heartbeats:
    """`due()` as often as one likes; `record` is one heartbeat, and begins the next interval."""

    def __init__(self, partition: Mapping[str, Any], topics: TopicNames, interval_ms: int) -> None:
        self._partition = partition
        self._topic = topics.heartbeats
        self._key = Struct(KEY_SCHEMA, serverName=topics.prefix)
        self._interval_s = interval_ms / 1000
        self._next_s = time.monotonic() + self._interval_s

    def due(self) -> bool:
        return self._interval_s > 0 and time.monotonic() >= self._next_s

    @property
    def enabled(self) -> bool:
        return self._interval_s > 0

    def record(self, offset: Mapping[str, Any]) -> SourceRecord:
        self._next_s = time.monotonic() + self._interval_s
        value = Struct(VALUE_SCHEMA, ts_ms=time.time_ns() // 1_000_000)
        return SourceRecord(self._partition, offset, self._topic, 0, KEY_SCHEMA, self._key, VALUE_SCHEMA, value)


def act(query: str | None, execute: Callable[..., object], *, lost: type[ConnectError], log: logging.Logger) -> None:
    """`heartbeat.action.query`: only a lost connection is passed on."""
    if query is None:
        return
    try:
        execute(query, doing="executing heartbeat.action.query")
    except lost:
        raise
    except ConnectError as error:
        log.warning("%s", error)
