"""`HttpSinkConnector` (`io.confluent.connect.http`): each record, or several at once, as a request to an API.

An answer other than 2xx that is not worth another try is about the records: one by one they are asked again where they
were several, and those that are refused go where `errors.*` says, with the answer. No answer after all tries fails the
task. What was answered well is not sent again, whatever comes after it in the same batch.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.task import SinkTask
from ottla.connect.api.validators import CaseInsensitiveValidString, Range
from ottla.connect.connectors.files.formats.writer import plain_json
from ottla.connect.connectors.http.client import (
    MAX_RETRIES,
    Answer,
    HttpClient,
    UnreachableError,
    client_problems,
    define_client,
    filled,
)
from ottla.connect.connectors.http.retries import Retries
from ottla.connect.connectors.record_place import Place, place_of, where
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.shapes import field_at
from ottla.connect.connectors.simple import SimpleSink, parse
from ottla.connect.data.java_text import java_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord

_log = logging.getLogger("ottla.connect.http")
URL: Final = "http.api.url"
METHOD: Final = "request.method"
BODY_FORMAT: Final = "request.body.format"
BATCH_SIZE: Final = "batch.max.size"
BATCH_PREFIX: Final = "batch.prefix"
BATCH_SUFFIX: Final = "batch.suffix"
BATCH_SEPARATOR: Final = "batch.separator"
AS_ARRAY: Final = "batch.json.as.array"
NULL_VALUES: Final = "behavior.on.null.values"
_BATCHES: Final = "Batches"

CONFIG: Final = define_client(
    ConfigDef()
    .define(
        URL,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "The API; may have ${topic}, ${partition}, ${offset}, ${timestamp}, ${key}, ${key.FIELD}, ${value.FIELD}.",
    )
    .define(
        METHOD,
        STRING,
        "POST",
        HIGH,
        "How records are sent.",
        validator=CaseInsensitiveValidString("POST", "PUT", "PATCH", "DELETE"),
    )
    .define(
        BODY_FORMAT,
        STRING,
        "json",
        MEDIUM,
        "The body: the value as JSON, or as text.",
        validator=CaseInsensitiveValidString("json", "string"),
    )
    .define(BATCH_SIZE, INT, 1, HIGH, "How many records are sent at once at most.", validator=Range(1), group=_BATCHES)
    .define(BATCH_PREFIX, STRING, "", LOW, "What stands before them.", group=_BATCHES)
    .define(BATCH_SUFFIX, STRING, "", LOW, "What stands behind them.", group=_BATCHES)
    .define(BATCH_SEPARATOR, STRING, ",", LOW, "What stands between them.", group=_BATCHES)
    .define(AS_ARRAY, BOOLEAN, False, LOW, "Whether they are an array of JSON, also one alone.", group=_BATCHES)
    .define(
        NULL_VALUES,
        STRING,
        "ignore",
        LOW,
        "What becomes of a record without a value: nothing, a DELETE, or an error.",
        validator=CaseInsensitiveValidString("ignore", "delete", "fail"),
    )
)


class _Request(NamedTuple):
    method: str
    url: str
    records: list[tuple[SinkRecord, bytes | None]]


class HttpSinkTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = config = parse(CONFIG, props, HttpSinkConnector.problems)
        self._client = HttpClient(config)
        self._json = plain_json().from_connect_data
        self._is_json = config[BODY_FORMAT].lower() == "json"
        self._content_type = "application/json" if self._is_json else "text/plain; charset=utf-8"
        self._nulls = config[NULL_VALUES].lower()
        self._done: set[Place] = set()
        """Of a batch that may come again: what was sent or rejected."""
        self._retries = Retries(self._client, config[MAX_RETRIES])

    def put(self, records: Sequence[SinkRecord]) -> None:
        for request in self._requests([each for each in records if place_of(each) not in self._done]):
            self._deliver(request)
        self._done.clear()
        self._retries.forget()

    def _requests(self, records: Iterable[SinkRecord]) -> Iterable[_Request]:
        current: _Request | None = None
        for record in records:
            try:
                made = self._request(record)
            except DataError as error:
                if current is not None:  # what came before it first
                    yield current
                    current = None
                self._reject(record, error)
                continue
            if made is None:
                self._done.add(place_of(record))
                continue
            if current is not None and (current.method, current.url) == (made.method, made.url):
                current.records.extend(made.records)
            else:
                if current is not None:
                    yield current
                current = made
            if len(current.records) >= self._config[BATCH_SIZE] or made.method == "DELETE":
                yield current
                current = None
        if current is not None:
            yield current

    def _request(self, record: SinkRecord) -> _Request | None:
        url = filled(self._config[URL], lambda name: _named(record, name))
        method = self._config[METHOD].upper()
        if record.value is None:
            if self._nulls == "ignore":
                return None
            if self._nulls == "fail":
                raise DataError(f"{where(record)} has no value; see {NULL_VALUES}")
            return _Request("DELETE", url, [(record, None)])
        if self._is_json:
            body = self._json(record.topic, record.value_schema, record.value) or b"null"
        else:
            text = record.value if isinstance(record.value, str) else java_text(record.value, record.value_schema)
            body = text.encode("utf-8", "replace")
        return _Request(method, url, [(record, body)])

    def _body(self, bodies: list[bytes | None]) -> bytes | None:
        found = [each for each in bodies if each is not None]
        if not found:
            return None
        config = self._config
        if config[AS_ARRAY]:
            return b"[" + b",".join(found) + b"]"
        if config[BATCH_SIZE] == 1 and not config[BATCH_PREFIX] and not config[BATCH_SUFFIX]:
            return found[0]
        middle = config[BATCH_SEPARATOR].encode().join(found)
        return bytes(config[BATCH_PREFIX].encode() + middle + config[BATCH_SUFFIX].encode())

    def _deliver(self, request: _Request) -> None:
        answer: Answer | None = None
        try:
            answer = self._send(request)
        except UnreachableError as error:
            self._retries.put_again(self.context, None, error)
        assert answer is not None
        if answer.is_good:
            self._done.update(place_of(record) for record, _ in request.records)
            return
        refused = ConnectError(f"{request.method} {request.url} was answered with {answer.shown()}")
        if self._client.may_pass(answer.status) and not self._retries.is_over:
            self._retries.put_again(self.context, answer, refused)
        if len(request.records) > 1:
            _log.warning("%s; its %d records are sent one by one", refused, len(request.records))
            for each in request.records:
                self._deliver(request._replace(records=[each]))
            return
        self._reject(request.records[0][0], refused)

    def _send(self, request: _Request) -> Answer:
        body = self._body([each for _, each in request.records])
        headers = {"Content-Type": self._content_type} if body is not None else {}
        return self._client.request(request.method, request.url, body, headers)

    def _reject(self, record: SinkRecord, error: ConnectError) -> None:
        reject(self.context, record, error)
        self._done.add(place_of(record))

    def stop(self) -> None:
        self._client.close()


def _named(record: SinkRecord, name: str) -> object:
    head, _, path = name.partition(".")
    plain = {"topic": record.topic, "partition": record.kafka_partition, "offset": record.kafka_offset}
    plain["timestamp"] = record.timestamp
    if not path and head in plain:
        return plain[head]
    if head == "key":
        return field_at(record.key, path) if path else record.key
    if head == "value" and path:
        return field_at(record.value, path)
    raise DataError(f"{URL}: there is no ${{{name}}} of a record")


class HttpSinkConnector(SimpleSink):
    definition = CONFIG
    task = HttpSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return client_problems(config, URL)
