"""Reads events, of what is there and of what changes, and makes records of them (`StartedMongoSourceTask`).

| offset | |
|---|---|
| `{"_id": "<resume token in JSON>"}` | behind this event |
| `{"_id": …, "copy": "true"}` | while existing documents are copied: after a restart all are copied again |
| `{"_id": …, "HEARTBEAT": "true"}` | behind this token, where nothing of interest happened |

Partitions and offsets are those of Java's connector, so either goes on where the other was.
"""

from __future__ import annotations

import logging
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.mongodb.change_stream import ChangeStream
from ottla.connect.connectors.mongodb.copying import existing_events
from ottla.connect.connectors.mongodb.driver import BSONError, PyMongoError
from ottla.connect.connectors.mongodb.json_text import RELAXED, json_text, parse_json
from ottla.connect.connectors.mongodb.outputs import key_output, value_output
from ottla.connect.connectors.mongodb.server import connect, is_away
from ottla.connect.connectors.mongodb.source_config import (
    COPY_EXISTING,
    DEAD_LETTERS,
    FULL_DOCUMENT_ONLY,
    HEARTBEAT_MS,
    HEARTBEAT_TOPIC,
    KEY_FORMAT,
    KEY_IS_DOCUMENT_KEY,
    MAX_BATCH_SIZE,
    MAX_RETRIES,
    NAMESPACE_MAP,
    OWN_DEAD_LETTERS,
    OWN_TOLERANCE,
    PREFIX,
    SCHEMA,
    SEPARATOR,
    SUFFIX,
    TOLERANCE,
    TOMBSTONES,
    partition_name,
    startup_mode,
)
from ottla.connect.connectors.mongodb.topic_mapper import TopicMapper
from ottla.connect.data.schema import OPTIONAL_BYTES_SCHEMA, STRING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ottla.connect.api.task import SourceTaskContext
    from ottla.connect.connectors.mongodb.documents import Document

_log = logging.getLogger("ottla.connect.mongodb")
NAMESPACE: Final = "ns"
TOKEN, COPY, HEARTBEAT = "_id", "copy", "HEARTBEAT"
_TRUE: Final = "true"
_FULL_DOCUMENT: Final = "fullDocument"
_DOCUMENT_KEY: Final = "documentKey"


class SourceReader:
    def __init__(self, config: Mapping[str, Any], props: Mapping[str, str], context: SourceTaskContext) -> None:
        self._config = config
        tolerance = config[OWN_TOLERANCE] or props.get(TOLERANCE, "none")
        self._tolerates = tolerance.lower() == "all"
        self._dead_letters: str = config[OWN_DEAD_LETTERS] or props.get(DEAD_LETTERS, "")
        self._topics = TopicMapper(config[PREFIX], config[SUFFIX], config[SEPARATOR], config[NAMESPACE_MAP])
        self._key, self._value = key_output(config), value_output(config)
        self._key_is_event = config[KEY_FORMAT].lower() == SCHEMA
        self._partition = {NAMESPACE: partition_name(config)}
        self._failures = 0
        self._most: int = config[MAX_BATCH_SIZE]
        self._heartbeat_s = config[HEARTBEAT_MS] / 1000
        self._last_heartbeat_s = float("-inf")
        self._last_token = ""
        offset = context.offset_storage_reader.offset(self._partition)
        self._copies = startup_mode(config) == COPY_EXISTING and (offset is None or COPY in offset)
        token = parse_json(offset[TOKEN]) if offset and TOKEN in offset and COPY not in offset else None
        try:
            self._client = connect(config, "source")
        except PyMongoError as error:
            raise ConnectError(f"MongoDB cannot be reached by this connection.uri: {error}") from error
        self._stream = ChangeStream(self._client, config, token, tolerates=self._tolerates)
        self._existing: Iterator[Document] | None = None
        self._ahead: list[Document] = []
        """The next existing document, which says of the one before it that it is not the last."""

    def poll(self) -> list[SourceRecord] | None:
        try:
            records = self._copied() if self._copies else self._changed()
        except PyMongoError as error:
            self._existing = None
            text = f"MongoDB cannot be read: {error}"
            if not is_away(error):
                raise ConnectError(text) from error
            self._failures += 1
            if self._failures > self._config[MAX_RETRIES]:
                raise ConnectError(f"{text}, after {self._config[MAX_RETRIES]} more tries") from error
            raise RetriableError(text) from error
        self._failures = 0
        return records or None

    def close(self) -> None:
        self._stream.close()
        self._client.close()

    # Existing documents

    def _copied(self) -> list[SourceRecord]:
        """The stream is opened first, so that what changes meanwhile comes behind them."""
        self._stream.open()
        if self._existing is None:
            self._existing = existing_events(self._client, self._config)
            self._ahead = list(islice(self._existing, 1))
        events = self._ahead + list(islice(self._existing, self._most))
        self._ahead = [events.pop()] if len(events) > self._most else []
        records: list[SourceRecord] = []
        for event in events:
            records += self._records(event, {TOKEN: _token_text(event[TOKEN]), COPY: _TRUE})
        if not self._ahead:
            self._copies, self._existing = False, None
            _log.info("all existing documents are copied")
            token = self._stream.token
            if records and token is not None:
                last = records.pop()
                records.append(_with_offset(last, {TOKEN: _token_text(token)}))
        return records

    # Changes

    def _changed(self) -> list[SourceRecord]:
        records: list[SourceRecord] = []
        for event in self._stream.batch():
            records += self._records(event, {TOKEN: _token_text(event[TOKEN])})
        return records or self._heartbeat()

    def _heartbeat(self) -> list[SourceRecord]:
        now_s = time.monotonic()
        token = self._stream.token
        if self._heartbeat_s <= 0 or now_s - self._last_heartbeat_s <= self._heartbeat_s or token is None:
            return []
        self._last_heartbeat_s = now_s
        text = _token_text(token)
        if text == self._last_token:
            return []
        self._last_token = text
        offset = {TOKEN: text, HEARTBEAT: _TRUE}
        topic = self._config[HEARTBEAT_TOPIC]
        return [SourceRecord(self._partition, offset, topic, None, STRING_SCHEMA, text, OPTIONAL_BYTES_SCHEMA, None)]

    def _records(self, event: Document, offset: Mapping[str, str]) -> list[SourceRecord]:
        """One, or none for what no record is made of."""
        topic = self._topics.topic(event)
        if not topic:
            _log.warning("an event without a namespace has no topic: %s", json_text(event, RELAXED))
            return []
        value: Document | None = event
        is_tombstone = False
        if self._config[FULL_DOCUMENT_ONLY]:
            found = event.get(_FULL_DOCUMENT)
            value = found if isinstance(found, dict) else None
            is_tombstone = self._config[TOMBSTONES] and _FULL_DOCUMENT not in event
            if value is None and not is_tombstone:
                return []
        key = self._key_document(event)
        try:
            key_schema, key_data = self._key(key)
            value_schema, value_data = (None, None) if value is None else self._value(value)
        except (DataError, BSONError) as error:
            return self._refused(error, offset, key, value or {})
        return [SourceRecord(self._partition, offset, topic, None, key_schema, key_data, value_schema, value_data)]

    def _key_document(self, event: Document) -> Document:
        if self._key_is_event:
            return event
        key = event.get(_DOCUMENT_KEY)
        if self._config[KEY_IS_DOCUMENT_KEY] and isinstance(key, dict):
            return key
        return {TOKEN: event[TOKEN]}

    def _refused(
        self, error: Exception, offset: Mapping[str, str], key: Document, value: Document
    ) -> list[SourceRecord]:
        key_text, value_text = json_text(key, RELAXED), json_text(value, RELAXED)
        text = f"No record can be made of the event with the key {key_text}: {error}"
        if not self._tolerates:
            raise DataError(text) from error
        _log.error("%s", text)
        if not self._dead_letters:
            return []
        return [
            SourceRecord(
                self._partition, offset, self._dead_letters, None, STRING_SCHEMA, key_text, STRING_SCHEMA, value_text
            )
        ]


def _token_text(token: Document) -> str:
    return json_text(token, RELAXED)


def _with_offset(record: SourceRecord, offset: Mapping[str, str]) -> SourceRecord:
    made = record.with_topic(record.topic)
    made.source_offset = dict(offset)
    return made
