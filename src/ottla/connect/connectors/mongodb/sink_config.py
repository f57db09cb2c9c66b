"""What may be configured of `MongoSinkConnector`: the names and defaults of MongoDB's own connector.

Every setting but those of the connection can be given for one topic alone, as `topic.override.<topic>.<setting>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LIST, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING
from ottla.connect.api.validators import CaseInsensitiveValidString, NonEmptyString, Range
from ottla.connect.connectors.mongodb.class_names import (
    BSON_OID,
    DEFAULT_MAPPER,
    DELETE_BY_PARTIAL_KEY,
    DELETE_DEFAULT,
    DELETE_STRATEGIES,
    FIELD_PATH_MAPPER,
    HANDLERS,
    ID_ADDER,
    ID_STRATEGIES,
    OF_KEY,
    PARTIAL_KEY,
    PROCESSORS,
    WRITE_DEFAULT,
    WRITE_STRATEGIES,
    OneOfClasses,
    short_name,
)
from ottla.connect.connectors.mongodb.json_settings import JsonDocuments
from ottla.connect.connectors.mongodb.projection import TYPES
from ottla.connect.connectors.mongodb.server import server_config, server_problems
from ottla.connect.connectors.simple import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DATABASE: Final = "database"
COLLECTION: Final = "collection"
MAPPER: Final = "namespace.mapper"
MAPPER_FIELDS: Final = tuple(
    f"namespace.mapper.{part}.{what}.field" for what in ("database", "collection") for part in ("key", "value")
)
MAPPER_ERROR: Final = "namespace.mapper.error.if.invalid"
ID_STRATEGY: Final = "document.id.strategy"
WRITE_STRATEGY: Final = "writemodel.strategy"
DELETE_STRATEGY: Final = "delete.writemodel.strategy"
DELETE_ON_NULL: Final = "delete.on.null.values"
MAX_BATCH_SIZE: Final = "max.batch.size"
ORDERED: Final = "bulk.write.ordered"
HANDLER: Final = "change.data.capture.handler"
HANDLER_NULLS: Final = "change.data.capture.handler.remove.null.values"
RATE_TIMEOUT_MS: Final = "rate.limiting.timeout"
RATE_EVERY_N: Final = "rate.limiting.every.n"
MAX_RETRIES: Final = "max.num.retries"
RETRY_BACKOFF_MS: Final = "retries.defer.timeout"
TOLERANCE: Final = "errors.tolerance"
OWN_TOLERANCE: Final = "mongo.errors.tolerance"
OVERRIDE: Final = "topic.override."
OVERRIDES: Final = "topic.override.%s.%s"

_PLACES, _WRITES, _DOCUMENTS, _CHANGES, _ERRORS = "Namespace", "Writes", "Documents", "Change data capture", "Errors"
_PROJECTION: Final = CaseInsensitiveValidString(*TYPES)
_OWN_PROJECTION: Final = CaseInsensitiveValidString("", *TYPES)

CONFIG: Final = (
    server_config("mongodb://localhost:27017")
    .define(
        DATABASE, STRING, NO_DEFAULT_VALUE, HIGH, "The database to write to.", validator=NonEmptyString(), group=_PLACES
    )
    .define(COLLECTION, STRING, "", HIGH, "The collection to write to; by default it has the topic's name.",
            group=_PLACES)
    .define(MAPPER, STRING, DEFAULT_MAPPER, LOW, "What says the database and collection of a record.",
            validator=OneOfClasses(DEFAULT_MAPPER, FIELD_PATH_MAPPER), group=_PLACES)
    .define(MAPPER_FIELDS[0], STRING, "", LOW, "The field of the key with the database's name.", group=_PLACES)
    .define(MAPPER_FIELDS[1], STRING, "", LOW, "The field of the value with the database's name.", group=_PLACES)
    .define(MAPPER_FIELDS[2], STRING, "", LOW, "The field of the key with the collection's name.", group=_PLACES)
    .define(MAPPER_FIELDS[3], STRING, "", LOW, "The field of the value with the collection's name.", group=_PLACES)
    .define(MAPPER_ERROR, BOOLEAN, False, LOW, "Whether a record without that field is an error.", group=_PLACES)
    .define(WRITE_STRATEGY, STRING, WRITE_DEFAULT, HIGH, "How a document is written; the default replaces by `_id`.",
            validator=OneOfClasses(*WRITE_STRATEGIES), group=_WRITES)
    .define(DELETE_ON_NULL, BOOLEAN, False, MEDIUM, "Whether a record without a value deletes the document of its key.",
            group=_WRITES)
    .define(DELETE_STRATEGY, STRING, DELETE_DEFAULT, LOW, "How it does.",
            validator=OneOfClasses(*DELETE_STRATEGIES), group=_WRITES)
    .define(MAX_BATCH_SIZE, INT, 0, MEDIUM, "How many documents are written at once at most; 0: all that came.",
            validator=Range(0), group=_WRITES)
    .define(ORDERED, BOOLEAN, True, MEDIUM, "Whether they are written one after the other.", group=_WRITES)
    .define(RATE_TIMEOUT_MS, INT, 0, LOW, "How long to wait after some batches, in ms.", validator=Range(0),
            group=_WRITES)
    .define(RATE_EVERY_N, INT, 0, LOW, "After how many batches; 0: never.", validator=Range(0), group=_WRITES)
    .define(ID_STRATEGY, STRING, BSON_OID, HIGH, "What the `_id` of a document is.",
            validator=OneOfClasses(*ID_STRATEGIES), group=_DOCUMENTS)
    .define("document.id.strategy.overwrite.existing", BOOLEAN, False, LOW, "Whether it is also where there is one.",
            group=_DOCUMENTS)
    .define("document.id.strategy.uuid.format", STRING, "string", LOW, "What UuidStrategy makes: string or binary.",
            validator=CaseInsensitiveValidString("string", "binary"), group=_DOCUMENTS)
    .define("document.id.strategy.partial.key.projection.type", STRING, "", LOW, "Of PartialKeyStrategy alone.",
            validator=_OWN_PROJECTION, group=_DOCUMENTS)
    .define("document.id.strategy.partial.key.projection.list", STRING, "", LOW, "Of PartialKeyStrategy alone.",
            group=_DOCUMENTS)
    .define("document.id.strategy.partial.value.projection.type", STRING, "", LOW, "Of PartialValueStrategy alone.",
            validator=_OWN_PROJECTION, group=_DOCUMENTS)
    .define("document.id.strategy.partial.value.projection.list", STRING, "", LOW, "Of PartialValueStrategy alone.",
            group=_DOCUMENTS)
    .define("post.processor.chain", LIST, [ID_ADDER], LOW, "What is done to a document before it is written.",
            validator=OneOfClasses(*PROCESSORS), group=_DOCUMENTS)
    .define("key.projection.type", STRING, "none", LOW, "Whether the list says which fields of the key stay or go.",
            validator=_PROJECTION, group=_DOCUMENTS)
    .define("key.projection.list", STRING, "", LOW, "Names of fields; a.b, * and ** are understood.", group=_DOCUMENTS)
    .define("value.projection.type", STRING, "none", LOW, "Whether the list says which fields of the value stay or go.",
            validator=_PROJECTION, group=_DOCUMENTS)
    .define("value.projection.list", STRING, "", LOW, "Names of fields; a.b, * and ** are understood.",
            group=_DOCUMENTS)
    .define("field.renamer.mapping", STRING, "[]", LOW, 'Of RenameByMapping: [{"oldName": "value.a", "newName": "b"}].',
            validator=JsonDocuments("oldName", "newName"), group=_DOCUMENTS)
    .define("field.renamer.regexp", STRING, "[]", LOW,
            'Of RenameByRegExp: [{"regexp": "^value\\..*$", "pattern": "-", "replace": "_"}].',
            validator=JsonDocuments("regexp", "pattern", "replace"), group=_DOCUMENTS)
    .define(HANDLER, STRING, "", MEDIUM, "What takes the records for changes of another database.",
            validator=OneOfClasses(*HANDLERS, empty_allowed=True), group=_CHANGES)
    .define(HANDLER_NULLS, BOOLEAN, False, LOW, "Whether fields that are null are left out of what it writes.",
            group=_CHANGES)
    .define(OWN_TOLERANCE, STRING, "", MEDIUM, "errors.tolerance of this sink alone: none, data or all.",
            validator=CaseInsensitiveValidString("", "none", "data", "all"), group=_ERRORS)
    .define(MAX_RETRIES, INT, 3, MEDIUM, "How often a write is tried again while no server can take it.",
            validator=Range(0), group=_ERRORS)
    .define(RETRY_BACKOFF_MS, INT, 5000, MEDIUM, "The pause before another try, in ms.", validator=Range(0),
            group=_ERRORS)
    .define(OVERRIDES, STRING, "", LOW, "A setting of one topic alone: topic.override.<topic>.<setting>.",
            group=_PLACES)
)  # fmt: skip


def problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield from server_problems(config)
    strategy = short_name(config[ID_STRATEGY])
    delete = short_name(config[DELETE_STRATEGY])
    if config[DELETE_ON_NULL] and delete == DELETE_DEFAULT and strategy not in OF_KEY:
        yield DELETE_ON_NULL, f"a document is deleted by its key: it needs {ID_STRATEGY} to be of {', '.join(OF_KEY)}"
    if config[DELETE_ON_NULL] and delete == DELETE_BY_PARTIAL_KEY and strategy != PARTIAL_KEY:
        yield DELETE_STRATEGY, f"it needs {ID_STRATEGY}={PARTIAL_KEY}"
    if strategy.startswith("Partial"):
        part = "key" if strategy == PARTIAL_KEY else "value"
        own = config[f"document.id.strategy.partial.{part}.projection.type"]
        if (own or config[f"{part}.projection.type"]).lower() == "none":
            yield ID_STRATEGY, f"it needs {part}.projection.type to be AllowList or BlockList"
    if short_name(config[MAPPER]) == FIELD_PATH_MAPPER:
        if not any(config[name] for name in MAPPER_FIELDS):
            yield MAPPER, f"it needs one of {', '.join(MAPPER_FIELDS)}"
        for of_key, of_value in (MAPPER_FIELDS[:2], MAPPER_FIELDS[2:]):
            if config[of_key] and config[of_value]:
                yield of_key, f"it cannot be set beside {of_value}"


def topic_settings(props: Mapping[str, str], topic: str) -> dict[str, Any]:
    """All settings as they are for that topic; `ConfigError`."""
    prefix = f"{OVERRIDE}{topic}."
    own = {name.removeprefix(prefix): text for name, text in props.items() if name.startswith(prefix)}
    return parse(CONFIG, {**props, **own}, problems)
