"""`ElasticsearchSinkConnector` (`io.confluent.connect.elasticsearch`): records as documents, by the bulk API.

A document's id is the record's key, or with `key.ignore=true` where it stands (`topic+partition+offset`): what comes
twice is there once. Versions are offsets (`external`), so that an older record never takes a newer one's place. A
document that is refused goes where `errors.*` says, with the reason; what the server cannot take now is tried again,
and nothing else of its batch.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LIST, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.task import SinkTask
from ottla.connect.api.validators import CaseInsensitiveValidString, NonEmptyString, Range, ValidList
from ottla.connect.connectors.files.formats.writer import plain_json
from ottla.connect.connectors.http.client import (
    AUTH_TYPE,
    MAX_RETRIES,
    USER,
    Answer,
    HttpClient,
    UnreachableError,
    client_problems,
    define_client,
)
from ottla.connect.connectors.http.retries import Retries
from ottla.connect.connectors.record_place import Place, place_of, where
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import SimpleSink, parse
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord

_log = logging.getLogger("ottla.connect.search")
URLS: Final = "connection.url"
USERNAME: Final = "connection.username"
INDEX: Final = "index.name.format"
BATCH_SIZE: Final = "batch.size"
BULK_BYTES: Final = "bulk.size.bytes"
KEY_IGNORE: Final = "key.ignore"
WRITE_METHOD: Final = "write.method"
NULL_VALUES: Final = "behavior.on.null.values"
BULK_PATH: Final = "/_bulk"

CONFIG: Final = define_client(
    ConfigDef()
    .define(URLS, LIST, NO_DEFAULT_VALUE, HIGH, "The servers, tried in turn.", validator=ValidList(empty_allowed=False))
    .define(USERNAME, STRING, "", MEDIUM, "The user; the same as auth.type=BASIC with connection.user.")
    .define(
        INDEX,
        STRING,
        "${topic}",
        MEDIUM,
        "What the index is called, in lower case.",
        validator=NonEmptyString(),
    )
    .define(BATCH_SIZE, INT, 2000, MEDIUM, "How many documents go at once at most.", validator=Range(1))
    .define(BULK_BYTES, INT, 5 * 1024 * 1024, LOW, "How many bytes go at once at most, about.", validator=Range(1))
    .define(KEY_IGNORE, BOOLEAN, False, HIGH, "Whether a document's id is where the record stands, not its key.")
    .define(
        WRITE_METHOD,
        STRING,
        "INSERT",
        LOW,
        "Whether a document takes the place of the one before (INSERT), or is merged into it (UPSERT).",
        validator=CaseInsensitiveValidString("INSERT", "UPSERT"),
    )
    .define(
        NULL_VALUES,
        STRING,
        "FAIL",
        LOW,
        "What becomes of a record without a value: nothing, a deletion, or an error.",
        validator=CaseInsensitiveValidString("IGNORE", "DELETE", "FAIL"),
    )
)


class _Action(NamedTuple):
    record: SinkRecord
    lines: bytes


class ElasticsearchSinkTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        config = parse(CONFIG, props, ElasticsearchSinkConnector.problems)
        if config[USERNAME]:
            config |= {AUTH_TYPE: "BASIC", USER: config[USERNAME]}
        self._config = config
        self._urls: list[str] = [url.rstrip("/") for url in config[URLS]]
        self._client = HttpClient(config)
        self._json = plain_json().from_connect_data
        self._done: set[Place] = set()
        """Of a batch that may come again: what is stored or rejected."""
        self._retries = Retries(self._client, config[MAX_RETRIES])

    def put(self, records: Sequence[SinkRecord]) -> None:
        batch: list[_Action] = []
        size = 0
        for record in records:
            if place_of(record) in self._done:
                continue
            try:
                action = self._action(record)
            except DataError as error:
                self._reject(record, error)
                continue
            if action is None:
                continue
            batch.append(action)
            size += len(action.lines)
            if len(batch) >= self._config[BATCH_SIZE] or size >= self._config[BULK_BYTES]:
                self._send(batch)
                batch, size = [], 0
        if batch:
            self._send(batch)
        self._done.clear()
        self._retries.forget()

    def _action(self, record: SinkRecord) -> _Action | None:
        config = self._config
        about: dict[str, Any] = {"_index": config[INDEX].replace("${topic}", record.topic).lower()}
        about["_id"] = self._id(record)
        versioned = {"version": record.original_kafka_offset, "version_type": "external"}
        if record.value is None:
            policy = config[NULL_VALUES].upper()
            if policy == "IGNORE" or (policy == "DELETE" and config[KEY_IGNORE]):
                return None
            if policy == "FAIL":
                raise DataError(f"{where(record)} has no value; see {NULL_VALUES}")
            return _Action(record, _line({"delete": about | versioned}))
        if not isinstance(record.value, Struct | dict):
            kind = type(record.value).__name__
            raise DataError(f"The value of {where(record)} is no struct and no map but a {kind}: it is no document")
        document = self._json(record.topic, record.value_schema, record.value) or b"{}"
        if config[WRITE_METHOD].upper() == "UPSERT":
            lines = _line({"update": about | {"retry_on_conflict": 3}})
            return _Action(record, lines + b'{"doc":' + document + b',"doc_as_upsert":true}\n')
        versions = {} if config[KEY_IGNORE] else versioned
        return _Action(record, _line({"index": about | versions}) + document + b"\n")

    def _id(self, record: SinkRecord) -> str:
        if self._config[KEY_IGNORE]:
            place = (record.original_topic, record.original_kafka_partition, record.original_kafka_offset)
            return "+".join(map(str, place))
        key = record.key
        if isinstance(key, bool) or not isinstance(key, str | int | float):
            kind = "null" if key is None else type(key).__name__
            raise DataError(f"The key of {where(record)} is {kind}, not a text or a number; or set {KEY_IGNORE}=true")
        return str(key)

    def _send(self, batch: list[_Action]) -> None:
        body = b"".join(action.lines for action in batch)
        answer: Answer | None = None
        try:
            answer = self._client.request(
                "POST", self._urls[0] + BULK_PATH, body, {"Content-Type": "application/x-ndjson"}
            )
        except UnreachableError as error:
            self._urls.append(self._urls.pop(0))
            self._retries.put_again(self.context, None, error)
        if not answer.is_good:
            refused = ConnectError(f"{self._urls[0]} answers with {answer.shown()}")
            if self._client.may_pass(answer.status):
                self._retries.put_again(self.context, answer, refused)
            raise refused
        self._look_at(batch, answer)

    def _look_at(self, batch: list[_Action], answer: Answer) -> None:
        try:
            told = [next(iter(item.items())) for item in json.loads(answer.body)["items"]]
            verbs, items = [verb for verb, _ in told], [item for _, item in told]
            statuses = [int(item["status"]) for item in items]
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise ConnectError(f"{self._urls[0]} answers as no bulk API does: {answer.shown()}") from error
        if len(items) != len(batch):
            raise ConnectError(f"{self._urls[0]} tells of {len(items)} documents, not of {len(batch)}")
        later: ConnectError | None = None
        for action, verb, item, status in zip(batch, verbs, items, statuses, strict=True):
            is_gone = verb == "delete" and status == 404
            if 200 <= status < 300 or is_gone or _is_older(item, status):
                self._done.add(place_of(action.record))
                continue
            why = item.get("error")
            reason = why.get("reason", why) if isinstance(why, dict) else why
            refused = ConnectError(f"{where(action.record)} is refused by {item.get('_index')}: {status} {reason}")
            if self._client.may_pass(status):
                later = refused
            else:
                self._reject(action.record, refused)
        if later is not None:
            self._retries.put_again(self.context, None, later)

    def _reject(self, record: SinkRecord, error: ConnectError) -> None:
        reject(self.context, record, error)
        self._done.add(place_of(record))

    def stop(self) -> None:
        self._client.close()


def _line(action: dict[str, Any]) -> bytes:
    return json.dumps(action, separators=(",", ":")).encode() + b"\n"


def _is_older(item: Mapping[str, Any], status: int) -> bool:
    """The index has the same record, or one that is newer."""
    error = item.get("error")
    return status == 409 and isinstance(error, dict) and error.get("type") == "version_conflict_engine_exception"


class ElasticsearchSinkConnector(SimpleSink):
    definition = CONFIG
    task = ElasticsearchSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        yield from client_problems(config)
        for url in config[URLS]:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                yield URLS, f"{url} is no http:// or https:// URL"
                break
