"""`RedisSinkConnector`: records as keys, hashes, lists, sets or entries of streams.

| `redis.command` | key | what is written |
|---|---|---|
| SET | `redis.key`, and the record's key behind it | the value; without one the key is deleted |
| HSET | the same | the fields of the value |
| XADD | `redis.key` | an entry with the value's fields, with `max.length` of at most about so many |
| LPUSH, RPUSH, SADD | `redis.key` | the value |

Texts and bytes are written as they are, all else as JSON. What one `put` brings is one transaction (MULTI), so SET,
HSET and SADD are there once; a list or a stream has a record twice where the worker crashed between that and its
commit.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ottla.connect.api.config_def import HIGH, LONG, LOW, MEDIUM, STRING
from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.task import SinkTask
from ottla.connect.api.validators import NonEmptyString, Range, ValidString
from ottla.connect.connectors.files.formats.writer import plain_json
from ottla.connect.connectors.record_place import where
from ottla.connect.connectors.redis.server import (
    MAX_RETRIES,
    RETRY_BACKOFF_MS,
    connect,
    is_away,
    server_config,
    server_problems,
)
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import SimpleSink, parse
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.redis")
COMMAND: Final = "redis.command"
KEY: Final = "redis.key"
SEPARATOR: Final = "redis.separator"
MAX_LENGTH: Final = "max.length"
SET, HSET, XADD, LPUSH, RPUSH, SADD = "SET", "HSET", "XADD", "LPUSH", "RPUSH", "SADD"
BY_KEY: Final = (SET, HSET)

CONFIG: Final = (
    server_config()
    .define(
        COMMAND,
        STRING,
        XADD,
        HIGH,
        "How records are written.",
        validator=ValidString(SET, HSET, XADD, LPUSH, RPUSH, SADD),
    )
    .define(KEY, STRING, "${topic}", MEDIUM, "The key; may have ${topic}.", validator=NonEmptyString())
    .define(SEPARATOR, STRING, ":", LOW, "What stands between it and the record's key.")
    .define(MAX_LENGTH, LONG, 0, LOW, "How long a stream is at most, about; 0: it is not cut.", validator=Range(0))
)


class RedisSinkTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = parse(CONFIG, props, RedisSinkConnector.problems)
        self._command: str = self._config[COMMAND]
        self._json = plain_json().from_connect_data
        self._redis = connect(self._config)
        self._left: int = self._config[MAX_RETRIES]

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        rejected: list[tuple[SinkRecord, ConnectError]] = []
        written: list[SinkRecord] = []
        pipeline = self._redis.pipeline(transaction=True)
        for record in records:
            try:
                self._add(pipeline, record)
                written.append(record)
            except DataError as error:
                rejected.append((record, error))
        if rejected and self.context.errant_record_reporter is None:
            raise rejected[0][1]
        try:
            # One answer for each: what a key of another kind refuses does not undo the others.
            answers = pipeline.execute(raise_on_error=False) if written else []
        except Exception as error:
            self._again(error)
        for record, answer in zip(written, answers, strict=True):
            if isinstance(answer, Exception):
                rejected.append((record, ConnectError(f"{where(record)} is refused: {answer}")))
        self._left = self._config[MAX_RETRIES]
        for record, why in rejected:
            reject(self.context, record, why)

    def _again(self, error: Exception) -> NoReturn:
        text = f"Redis cannot be written to: {error or type(error).__name__}"
        if not is_away(error):
            raise ConnectError(text) from error
        if self._left <= 0:
            raise ConnectError(f"{text}, after {self._config[MAX_RETRIES]} more tries") from error
        self._left -= 1
        self.context.timeout(self._config[RETRY_BACKOFF_MS])
        raise RetriableError(text) from error

    def _add(self, pipeline: Any, record: SinkRecord) -> None:
        """Exactly one command."""
        key = self._key(record)
        if record.value is None:
            if self._command not in BY_KEY:
                raise DataError(f"{where(record)} has no value to write")
            pipeline.delete(key)
        elif self._command == SET:
            pipeline.set(key, self._data(record.topic, record.value_schema, record.value))
        elif self._command == HSET:
            pipeline.hset(key, mapping=self._fields(record))
        elif self._command == XADD:
            limit = self._config[MAX_LENGTH] or None
            pipeline.xadd(key, self._fields(record), maxlen=limit, approximate=True)
        else:
            data = self._data(record.topic, record.value_schema, record.value)
            {LPUSH: pipeline.lpush, RPUSH: pipeline.rpush, SADD: pipeline.sadd}[self._command](key, data)

    def _key(self, record: SinkRecord) -> bytes:
        key: bytes = self._config[KEY].replace("${topic}", record.topic).encode()
        if self._command not in BY_KEY:
            return key
        if record.key is None:
            raise DataError(f"{where(record)} has no key; {COMMAND}={self._command} needs one")
        separator: bytes = self._config[SEPARATOR].encode()
        return key + separator + self._data(record.topic, record.key_schema, record.key)

    def _data(self, topic: str, schema: Schema | None, value: Any) -> bytes:
        if isinstance(value, str):
            return value.encode("utf-8", "replace")
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        data: bytes | None = self._json(topic, schema, value)
        return data or b"null"

    def _fields(self, record: SinkRecord) -> dict[bytes, bytes]:
        value, topic = record.value, record.topic
        found: list[tuple[str, Schema | None, Any]]
        if isinstance(value, Struct):
            found = [(field.name, field.schema, value.get(field)) for field in value.schema.fields]
        elif isinstance(value, dict):
            found = [(str(name), None, each) for name, each in value.items()]
        else:
            found = [("value", record.value_schema, value)]
        fields = {name.encode(): self._data(topic, schema, each) for name, schema, each in found if each is not None}
        if not fields:
            raise DataError(f"{where(record)} has no fields to write")
        return fields

    def stop(self) -> None:
        self._redis.close()


class RedisSinkConnector(SimpleSink):
    definition = CONFIG
    task = RedisSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return server_problems(config)
