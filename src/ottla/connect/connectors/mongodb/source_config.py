"""What may be configured of `MongoSourceConnector`: the names and defaults of MongoDB's own connector."""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LONG, LOW, MEDIUM, STRING
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.validators import CaseInsensitiveValidString, LambdaValidator, Range, ValidString
from ottla.connect.connectors.mongodb.class_names import OneOfClasses
from ottla.connect.connectors.mongodb.json_settings import JsonDocuments, JsonObject
from ottla.connect.connectors.mongodb.server import URI, server_config, server_problems
from ottla.connect.connectors.mongodb.topic_mapper import TopicMapper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DATABASE: Final = "database"
COLLECTION: Final = "collection"
PIPELINE: Final = "pipeline"
BATCH_SIZE: Final = "batch.size"
FULL_DOCUMENT_ONLY: Final = "publish.full.document.only"
TOMBSTONES: Final = "publish.full.document.only.tombstone.on.delete"
KEY_IS_DOCUMENT_KEY: Final = "change.stream.document.key.as.key"
FULL_DOCUMENT: Final = "change.stream.full.document"
BEFORE_CHANGE: Final = "change.stream.full.document.before.change"
EXPANDED_EVENTS: Final = "change.stream.show.expanded.events"
COLLATION: Final = "collation"
MAX_BATCH_SIZE: Final = "poll.max.batch.size"
AWAIT_TIME_MS: Final = "poll.await.time.ms"
SEPARATOR, PREFIX, SUFFIX = "topic.separator", "topic.prefix", "topic.suffix"
NAMESPACE_MAP: Final = "topic.namespace.map"
KEY_FORMAT, VALUE_FORMAT = "output.format.key", "output.format.value"
INFER_VALUE: Final = "output.schema.infer.value"
KEY_SCHEMA, VALUE_SCHEMA = "output.schema.key", "output.schema.value"
JSON_FORMATTER: Final = "output.json.formatter"
STARTUP_MODE: Final = "startup.mode"
START_AT: Final = "startup.mode.timestamp.start.at.operation.time"
COPY_PIPELINE: Final = "startup.mode.copy.existing.pipeline"
COPY_REGEX: Final = "startup.mode.copy.existing.namespace.regex"
COPY_DISK: Final = "startup.mode.copy.existing.allow.disk.use"
OLD_COPY: Final = "copy.existing"
OLD_COPY_PIPELINE: Final = "copy.existing.pipeline"
OLD_COPY_REGEX: Final = "copy.existing.namespace.regex"
OWN_TOLERANCE: Final = "mongo.errors.tolerance"
OWN_DEAD_LETTERS: Final = "mongo.errors.deadletterqueue.topic.name"
TOLERANCE, DEAD_LETTERS = "errors.tolerance", "errors.deadletterqueue.topic.name"
HEARTBEAT_MS: Final = "heartbeat.interval.ms"
HEARTBEAT_TOPIC: Final = "heartbeat.topic.name"
PARTITION_NAME: Final = "offset.partition.name"
MAX_RETRIES: Final = "max.num.retries"

JSON, BSON, SCHEMA = "json", "bson", "schema"
LATEST, TIMESTAMP, COPY_EXISTING = "latest", "timestamp", "copy_existing"
DEFAULT, LOOKUP = "default", "updateLookup"
FORMATTER_NAMES: Final = ("DefaultJson", "ExtendedJson", "SimplifiedJson")

_OPTIONAL: Final = "null"


def _record(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in fields.items()]}


def _or_null(kind: Any) -> list[Any]:
    return [kind, _OPTIONAL]


_TEXT: Final = _or_null("string")
_UPDATE: Final = _record(
    "updateDescription",
    updatedFields=_TEXT,
    removedFields=_or_null({"type": "array", "items": "string"}),
    truncatedArrays=_or_null({"type": "array", "items": _record("truncatedArray", field="string", newSize="int")}),
    disambiguatedPaths=_TEXT,
)
DEFAULT_KEY_SCHEMA: Final = json.dumps(_record("keySchema", _id="string"))
DEFAULT_VALUE_SCHEMA: Final = json.dumps(
    _record(
        "ChangeStream",
        _id="string",
        operationType=_TEXT,
        fullDocumentBeforeChange=_TEXT,
        fullDocument=_TEXT,
        ns=_or_null(_record("ns", db="string", coll=_TEXT)),
        to=_or_null(_record("to", db="string", coll=_TEXT)),
        documentKey=_TEXT,
        updateDescription=_or_null(_UPDATE),
        clusterTime=_TEXT,
        wallTime=_or_null("long"),
        txnNumber=_or_null("long"),
        lsid=_or_null(_record("lsid", id="string", uid="string")),
    )
)
"""Events as MongoDB writes them, documents within them as JSON."""


class OperationTime(NamedTuple):
    seconds: int
    increment: int


def operation_time(text: str) -> OperationTime | None:
    """Seconds since 1970, an instant of ISO 8601, or a timestamp in extended JSON; `None` of an empty text."""
    text = text.strip()
    if not text:
        return None
    try:
        if re.fullmatch(r"[+-]?\d+", text):
            return OperationTime(int(text), 0)
        if text.startswith("{"):
            found = json.loads(text)["$timestamp"]
            return OperationTime(int(found["t"]), int(found["i"]))
        at = datetime.datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError("it has no time zone")
        return OperationTime(int(at.timestamp()), 0)
    except (ValueError, KeyError, TypeError) as error:
        why = 'it is neither seconds, nor an instant (1970-01-01T00:00:30Z), nor {"$timestamp": {"t": 30, "i": 0}}'
        raise ValueError(why) from error


def _is_time(name: str, value: Any) -> None:
    try:
        operation_time(value or "")
    except ValueError as error:
        raise ConfigError.of(name, value, str(error)) from error


def _is_pattern(name: str, value: Any) -> None:
    try:
        re.compile(value or "")
    except re.error as error:
        raise ConfigError.of(name, value, f"it is no regular expression: {error}") from error


_STREAM, _TOPICS, _OUTPUT, _START, _ERRORS = "Change stream", "Topic mapping", "Schema", "Startup", "Errors"
_FORMAT: Final = CaseInsensitiveValidString(JSON, BSON, SCHEMA)
CONFIG: Final = (
    server_config("mongodb://localhost:27017,localhost:27018,localhost:27019")
    .define(DATABASE, STRING, "", MEDIUM, "The database to watch; by default all of them.")
    .define(COLLECTION, STRING, "", MEDIUM, "The collection to watch; by default all of the database.")
    .define(PIPELINE, STRING, "[]", MEDIUM, "Stages that events go through in the server, as a JSON array.",
            validator=JsonDocuments(), group=_STREAM)
    .define(BATCH_SIZE, INT, 0, MEDIUM, "How many events the server sends at once; 0: as it likes.",
            validator=Range(0), group=_STREAM)
    .define(FULL_DOCUMENT_ONLY, BOOLEAN, False, HIGH, "Whether a record is the document, not the event.",
            group=_STREAM)
    .define(TOMBSTONES, BOOLEAN, False, MEDIUM, "Whether a deletion is then a record without a value.", group=_STREAM)
    .define(KEY_IS_DOCUMENT_KEY, BOOLEAN, True, MEDIUM,
            "Whether the key of a record is the document's (`documentKey`), not the resume token.", group=_STREAM)
    .define(BEFORE_CHANGE, STRING, "", HIGH, "Whether events have the document as it was.",
            validator=ValidString("", DEFAULT, "off", "whenAvailable", "required"), group=_STREAM)
    .define(FULL_DOCUMENT, STRING, "", HIGH, "Whether events of updates have the document as it is.",
            validator=ValidString("", DEFAULT, LOOKUP, "whenAvailable", "required"), group=_STREAM)
    .define(EXPANDED_EVENTS, BOOLEAN, False, MEDIUM, "Whether there are events of collections and indexes, too.",
            group=_STREAM)
    .define(COLLATION, STRING, "", HIGH, "The collation of the pipeline, as a JSON object.", validator=JsonObject(),
            group=_STREAM)
    .define(MAX_BATCH_SIZE, INT, 1000, LOW, "How many records come at once at most.", validator=Range(1),
            group=_STREAM)
    .define(AWAIT_TIME_MS, LONG, 5000, LOW, "How long the server waits for events (ms); a second at most at once.",
            validator=Range(1), group=_STREAM)
    .define(SEPARATOR, STRING, ".", LOW, "What stands between the parts of a topic's name.", group=_TOPICS)
    .define(PREFIX, STRING, "", LOW, "What topics begin with.", group=_TOPICS)
    .define(SUFFIX, STRING, "", LOW, "What topics end with.", group=_TOPICS)
    .define(NAMESPACE_MAP, STRING, "", HIGH,
            'Topics by namespaces, as a JSON object: {"db.coll": "topic", "/regex": "a-{coll}", "*": "rest"}.',
            validator=JsonObject(), group=_TOPICS)
    .define(KEY_FORMAT, STRING, JSON, HIGH, "What keys are written as.", validator=_FORMAT, group=_OUTPUT)
    .define(VALUE_FORMAT, STRING, JSON, HIGH, "What values are written as.", validator=_FORMAT, group=_OUTPUT)
    .define(INFER_VALUE, BOOLEAN, False, MEDIUM, "Whether the schema of a value is made of the value itself.",
            group=_OUTPUT)
    .define(KEY_SCHEMA, STRING, DEFAULT_KEY_SCHEMA, HIGH, "The schema of keys, in Avro.", group=_OUTPUT)
    .define(VALUE_SCHEMA, STRING, DEFAULT_VALUE_SCHEMA, HIGH, "The schema of values, in Avro.", group=_OUTPUT)
    .define(JSON_FORMATTER, STRING, "DefaultJson", MEDIUM, "How JSON says what JSON has no types for.",
            validator=OneOfClasses(*FORMATTER_NAMES), group=_OUTPUT)
    .define(STARTUP_MODE, STRING, "", MEDIUM, "Where to begin without a stored offset; the default is latest.",
            validator=CaseInsensitiveValidString("", LATEST, TIMESTAMP, COPY_EXISTING), group=_START)
    .define(START_AT, STRING, "", MEDIUM,
            "The time to begin at: seconds since 1970, an instant, or a timestamp of extended JSON.",
            validator=LambdaValidator(_is_time, "a time"), group=_START)
    .define(COPY_PIPELINE, STRING, "", MEDIUM, "Stages that documents go through when they are copied.",
            validator=JsonDocuments(), group=_START)
    .define(COPY_REGEX, STRING, "", MEDIUM, "Which namespaces are copied: those in which this is found.",
            validator=LambdaValidator(_is_pattern, "a regular expression"), group=_START)
    .define(COPY_DISK, BOOLEAN, True, MEDIUM, "Whether the server may use its disk for that.", group=_START)
    .define(OLD_COPY, BOOLEAN, False, LOW, "The old name of startup.mode=copy_existing.", group=_START)
    .define(OLD_COPY_PIPELINE, STRING, "", LOW, f"The old name of {COPY_PIPELINE}.", validator=JsonDocuments(),
            group=_START)
    .define(OLD_COPY_REGEX, STRING, "", LOW, f"The old name of {COPY_REGEX}.",
            validator=LambdaValidator(_is_pattern, "a regular expression"), group=_START)
    .define(OWN_TOLERANCE, STRING, "", MEDIUM, "errors.tolerance of this source alone: none or all.",
            validator=CaseInsensitiveValidString("", "none", "all"), group=_ERRORS)
    .define(OWN_DEAD_LETTERS, STRING, "", MEDIUM, "errors.deadletterqueue.topic.name of this source alone.",
            group=_ERRORS)
    .define(MAX_RETRIES, INT, 3, MEDIUM, "How often a server that is away is looked for again.", validator=Range(0),
            group=_ERRORS)
    .define(HEARTBEAT_MS, LONG, 0, MEDIUM, "How often a record says how far it is while nothing changes; 0: never.",
            validator=Range(0), group=_ERRORS)
    .define(HEARTBEAT_TOPIC, STRING, "__mongodb_heartbeats", MEDIUM, "The topic of these records.", group=_ERRORS)
    .define(PARTITION_NAME, STRING, "", MEDIUM, "What offsets are stored under; by default servers and namespace.",
            group=_ERRORS)
)  # fmt: skip


def problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield from server_problems(config)
    if config[COLLECTION] and not config[DATABASE]:
        yield COLLECTION, f"it needs {DATABASE}"
    try:
        TopicMapper(config[PREFIX], config[SUFFIX], config[SEPARATOR], config[NAMESPACE_MAP])
    except ValueError as error:
        yield NAMESPACE_MAP, str(error)


def startup_mode(config: Mapping[str, Any]) -> str:
    mode: str = config[STARTUP_MODE].lower()
    return mode or (COPY_EXISTING if config[OLD_COPY] else LATEST)


def partition_name(config: Mapping[str, Any]) -> str:
    """What Java's connector calls it: its servers in order, and what it watches."""
    if config[PARTITION_NAME]:
        return str(config[PARTITION_NAME])
    scheme, _, rest = config[URI].value.partition("://")
    hosts = ",".join(sorted(rest.partition("?")[0].partition("/")[0].rpartition("@")[2].split(",")))
    namespace = config[DATABASE] + (f".{config[COLLECTION]}" if config[COLLECTION] else "")
    return f"{scheme}://{hosts}/{namespace}"
