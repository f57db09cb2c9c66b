"""What may be configured of `JdbcSinkConnector`: Confluent's names and defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LIST, MEDIUM, STRING
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.validators import CaseInsensitiveValidString, NonEmptyString, Range
from ottla.connect.connectors.jdbc.database import URL, connection_config, url_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INSERT_MODE: Final = "insert.mode"
BATCH_SIZE: Final = "batch.size"
DELETE_ENABLED: Final = "delete.enabled"
TABLE_NAME_FORMAT: Final = "table.name.format"
PK_MODE: Final = "pk.mode"
PK_FIELDS: Final = "pk.fields"
FIELDS_WHITELIST: Final = "fields.whitelist"
AUTO_CREATE: Final = "auto.create"
AUTO_EVOLVE: Final = "auto.evolve"
MAX_RETRIES: Final = "max.retries"
RETRY_BACKOFF_MS: Final = "retry.backoff.ms"

INSERT, UPSERT, UPDATE = "insert", "upsert", "update"
NONE, KAFKA, RECORD_KEY, RECORD_VALUE = "none", "kafka", "record_key", "record_value"
KAFKA_FIELDS: Final = ("__connect_topic", "__connect_partition", "__connect_offset")

_WRITES, _TABLES, _RETRIES = "Writes", "Tables", "Retries"
CONFIG: Final = (
    connection_config()
    .define(
        INSERT_MODE,
        STRING,
        INSERT,
        HIGH,
        "Whether a record is a new row, the one of its key, or changes the one of its key.",
        validator=CaseInsensitiveValidString(INSERT, UPSERT, UPDATE),
        group=_WRITES,
    )
    .define(BATCH_SIZE, INT, 3000, MEDIUM, "How many rows go at once at most.", validator=Range(1), group=_WRITES)
    .define(
        DELETE_ENABLED,
        BOOLEAN,
        False,
        MEDIUM,
        "Whether a record without a value deletes the row of its key; needs pk.mode=record_key.",
        group=_WRITES,
    )
    .define(
        TABLE_NAME_FORMAT,
        STRING,
        "${topic}",
        MEDIUM,
        "What the table is called; may have a schema before a point.",
        validator=NonEmptyString(),
        group=_TABLES,
    )
    .define(
        PK_MODE,
        STRING,
        NONE,
        HIGH,
        "What the primary key is: nothing, where the record stands in Kafka, its key, or fields of its value.",
        validator=CaseInsensitiveValidString(NONE, KAFKA, RECORD_KEY, RECORD_VALUE),
        group=_TABLES,
    )
    .define(PK_FIELDS, LIST, [], MEDIUM, "The columns of the primary key; by default all there are.", group=_TABLES)
    .define(FIELDS_WHITELIST, LIST, [], MEDIUM, "The fields of the value that are written; none: all.", group=_TABLES)
    .define(AUTO_CREATE, BOOLEAN, False, MEDIUM, "Whether a table that is missing is created.", group=_TABLES)
    .define(AUTO_EVOLVE, BOOLEAN, False, MEDIUM, "Whether a column that is missing is added.", group=_TABLES)
    .define(
        MAX_RETRIES,
        INT,
        10,
        MEDIUM,
        "How often a write is tried again while the database cannot take it.",
        validator=Range(0),
        group=_RETRIES,
    )
    .define(
        RETRY_BACKOFF_MS, INT, 3000, MEDIUM, "The pause before another try, in ms.", validator=Range(0), group=_RETRIES
    )
)


def key_problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    mode, key_mode, fields = config[INSERT_MODE].lower(), config[PK_MODE].lower(), config[PK_FIELDS]
    if mode != INSERT and key_mode == NONE:
        yield PK_MODE, f"{INSERT_MODE}={mode} needs to know the primary key"
    if config[DELETE_ENABLED] and key_mode != RECORD_KEY:
        yield DELETE_ENABLED, f"rows are deleted by their key: it needs {PK_MODE}={RECORD_KEY}"
    if key_mode == KAFKA and len(fields) not in (0, 3):
        yield PK_FIELDS, f"{PK_MODE}={KAFKA} takes three columns (topic, partition, offset), or none for the default"
    if key_mode == NONE and fields:
        yield PK_FIELDS, f"{PK_MODE}={NONE} has no columns"


def problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield from key_problems(config)
    try:
        url_of(config)
    except ConnectError as error:
        yield URL, str(error)
