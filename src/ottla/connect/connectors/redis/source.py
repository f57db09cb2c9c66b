"""`RedisSourceConnector`: entries of a stream, or elements of a list, as records.

| `redis.type` | a record | partition and offset |
|---|---|---|
| STREAM | an entry: its id the key, its fields a map of texts | `{"stream": name}`, `{"id": entry}`: each comes once |
| LIST | an element, taken from the right end: a text | none |

An element of a list waits in `<list>:ottla` until it is written, and comes again after a crash.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import HIGH, INT, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING
from ottla.connect.api.connector import ExactlyOnceSupport
from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.task import RecordMetadata, SourceTask
from ottla.connect.api.validators import NonEmptyString, Range, ValidString
from ottla.connect.connectors.redis.server import MAX_RETRIES, connect, is_away, server_config, server_problems
from ottla.connect.connectors.simple import SimpleSource, parse
from ottla.connect.data.schema import STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_log = logging.getLogger("ottla.connect.redis")
KIND: Final = "redis.type"
KEY: Final = "redis.key"
TOPIC: Final = "topic"
BATCH_SIZE: Final = "batch.size"
BLOCK_MS: Final = "redis.block.ms"
INITIAL: Final = "redis.stream.offset"
STREAM, LIST = "STREAM", "LIST"
TAKEN_SUFFIX: Final = ":ottla"
FIELDS: Final = SchemaBuilder.map(STRING_SCHEMA, STRING_SCHEMA).build()

CONFIG: Final = (
    server_config()
    .define(KIND, STRING, STREAM, HIGH, "What is read.", validator=ValidString(STREAM, LIST))
    .define(KEY, STRING, NO_DEFAULT_VALUE, HIGH, "The key of the stream or list.", validator=NonEmptyString())
    .define(TOPIC, STRING, NO_DEFAULT_VALUE, HIGH, "The topic to write to.", validator=NonEmptyString())
    .define(INITIAL, STRING, "0-0", MEDIUM, "The entry of a stream to begin behind: 0-0 for all, $ for new ones.")
    .define(BATCH_SIZE, INT, 500, LOW, "How many records come at once at most.", validator=Range(1))
    .define(BLOCK_MS, INT, 200, LOW, "How long is waited for entries (ms).", validator=Range(1))
)


class RedisSourceTask(SourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = parse(CONFIG, props, RedisSourceConnector.problems)
        self._key: str = self._config[KEY]
        self._is_stream = self._config[KIND] == STREAM
        self._partition = {"stream" if self._is_stream else "list": self._key}
        stored = self.context.offset_storage_reader.offset(self._partition) or {}
        self._last: str = stored.get("id", self._config[INITIAL])
        self._redis = connect(self._config)
        self._taken = self._key + TAKEN_SUFFIX
        self._raw: dict[int, tuple[SourceRecord, bytes]] = {}
        """Elements that are taken and not written; as many as the producer's queue holds, at most."""
        self._is_begun = False
        self._failures = 0

    def poll(self) -> list[SourceRecord] | None:
        try:
            records = self._entries() if self._is_stream else self._elements()
        except Exception as error:
            if not is_away(error):
                raise ConnectError(f"{self._key} cannot be read: {error}") from error
            self._failures += 1
            text = f"{self._key} cannot be read: {error or type(error).__name__}"
            if self._failures > self._config[MAX_RETRIES]:
                raise ConnectError(f"{text}, after {self._config[MAX_RETRIES]} more tries") from error
            raise RetriableError(text) from error
        self._failures = 0
        return records or None

    def _entries(self) -> list[SourceRecord]:
        if self._last == "$":  # once: what comes between two reads is new, too
            newest = self._redis.xrevrange(self._key, count=1)
            self._last = newest[0][0].decode() if newest else "0-0"
        answer = self._redis.xread({self._key: self._last}, self._config[BATCH_SIZE], self._config[BLOCK_MS])
        pairs = answer.items() if isinstance(answer, dict) else answer or []
        records: list[SourceRecord] = []
        for _, entries in pairs:
            for found in entries[0] if entries and isinstance(entries[0], list) else entries:
                entry, raw = found[0].decode(), found[1]
                fields = {_text(name): _text(value) for name, value in (raw or {}).items()}
                records.append(self._record(entry, FIELDS, fields, {"id": entry}, int(entry.partition("-")[0])))
                self._last = entry
        return records

    def _elements(self) -> list[SourceRecord]:
        if not self._is_begun:  # what was taken, and not written, when the task ended
            while self._redis.lmove(self._taken, self._key, "LEFT", "RIGHT") is not None:
                pass
            self._is_begun = True
        records: list[SourceRecord] = []
        deadline = time.monotonic() + self._config[BLOCK_MS] / 1000
        while len(records) < self._config[BATCH_SIZE]:
            element = self._redis.lmove(self._key, self._taken, "RIGHT", "LEFT")
            if element is None:
                if records or time.monotonic() >= deadline:
                    break
                element = self._redis.blmove(self._key, self._taken, self._config[BLOCK_MS] / 1000, "RIGHT", "LEFT")
                if element is None:
                    break
            record = self._record(None, STRING_SCHEMA, _text(element), None, int(time.time() * 1000))
            self._raw[id(record)] = record, element
            records.append(record)
        return records

    def _record(self, key: str | None, schema: Any, value: Any, offset: Any, at_ms: int) -> SourceRecord:
        key_schema = None if key is None else STRING_SCHEMA
        return SourceRecord(self._partition, offset, self._config[TOPIC], None, key_schema, key, schema, value, at_ms)

    def commit_record(self, record: SourceRecord, _metadata: RecordMetadata | None) -> None:
        found = self._raw.pop(id(record), None)
        if found is not None:
            self._redis.lrem(self._taken, -1, found[1])

    def stop(self) -> None:
        self._redis.close()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class RedisSourceConnector(SimpleSource):
    definition = CONFIG
    task = RedisSourceTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return server_problems(config)

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        is_list = props.get(KIND, STREAM) == LIST
        return ExactlyOnceSupport.UNSUPPORTED if is_list else ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or partition.keys() != {"stream"}:
                raise ConnectError('A partition is {"stream": its key}')
            if offset is not None and not isinstance(offset.get("id"), str):
                raise ConnectError('An offset is {"id": of the last entry}')
        return True
