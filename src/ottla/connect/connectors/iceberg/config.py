"""What `IcebergSinkConnector` can be told: settings of the Iceberg project's own sink where there are such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    STRING,
    ConfigDef,
)
from ottla.connect.api.validators import NonEmptyString, Range
from ottla.connect.connectors.iceberg.partitioning import parse_partitioning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CATALOG: Final = "iceberg.catalog"
CATALOG_PREFIX: Final = "iceberg.catalog."
TABLE_NAME_FORMAT: Final = "table.name.format"
AUTO_CREATE: Final = "iceberg.tables.auto-create-enabled"
AUTO_CREATE_PREFIX: Final = "iceberg.tables.auto-create-props."
EVOLVE: Final = "iceberg.tables.evolve-schema-enabled"
UPSERT: Final = "iceberg.tables.upsert-mode-enabled"
ID_COLUMNS: Final = "iceberg.tables.default-id-columns"
PARTITION_BY: Final = "iceberg.tables.default-partition-by"
RECORD_COLUMNS: Final = "iceberg.tables.record-columns-enabled"
COMMIT_INTERVAL_MS: Final = "iceberg.control.commit.interval-ms"
FLUSH_SIZE: Final = "flush.size"
MAX_RETRIES: Final = "max.retries"
RETRY_BACKOFF_MS: Final = "retry.backoff.ms"

CONFIG: Final = (
    ConfigDef()
    .define(
        CATALOG, STRING, "iceberg", MEDIUM, "The catalog's name; iceberg.catalog.… (type, uri, …) are its settings."
    )
    .define(
        TABLE_NAME_FORMAT,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "What the table is called, after its namespace and a point; may have ${topic}.",
        validator=NonEmptyString(),
    )
    .define(
        AUTO_CREATE,
        BOOLEAN,
        True,
        MEDIUM,
        "Whether a table that is missing is created; iceberg.tables.auto-create-props.… are its properties.",
    )
    .define(EVOLVE, BOOLEAN, True, MEDIUM, "Whether a column that is missing is added.")
    .define(
        UPSERT,
        BOOLEAN,
        False,
        HIGH,
        "Whether the table has the last row of each key: a record takes the place of the one before with its key, and"
        " one without a value deletes it.",
    )
    .define(
        ID_COLUMNS,
        LIST,
        [],
        MEDIUM,
        "With upserts: the columns of the key, from the record's key or else its value; by default all fields of the"
        " record's key.",
    )
    .define(
        PARTITION_BY,
        STRING,
        "",
        MEDIUM,
        "How a table that is created is partitioned: columns and year, month, day, hour(column), bucket(column, n),"
        " truncate(column, width), between commas.",
    )
    .define(
        RECORD_COLUMNS,
        BOOLEAN,
        False,
        MEDIUM,
        "Whether rows say where their records stood: kafka_partition, kafka_offset, kafka_timestamp, kafka_key,"
        " kafka_headers, and without upserts kafka_tombstone, which is true for a record without a value. A value that"
        " is no struct is in kafka_value.",
    )
    .define(COMMIT_INTERVAL_MS, LONG, 60_000, MEDIUM, "Rows are committed so often (ms).", validator=Range(1))
    .define(FLUSH_SIZE, INT, 50_000, MEDIUM, "They are committed when they are so many.", validator=Range(1))
    .define(MAX_RETRIES, INT, 10, MEDIUM, "How often a commit is tried again.", validator=Range(0))
    .define(RETRY_BACKOFF_MS, INT, 3000, LOW, "The pause before another try, in ms.", validator=Range(0))
)


def problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(key, what is wrong with it), of values that are right one by one."""
    if "." not in config[TABLE_NAME_FORMAT]:
        yield TABLE_NAME_FORMAT, "a table stands in a namespace: namespace.table"
    if config[ID_COLUMNS] and not config[UPSERT]:
        yield ID_COLUMNS, f"only rows that take each other's place have a key: {UPSERT}=true"
    try:
        parse_partitioning(config[PARTITION_BY])
    except ValueError as error:
        yield PARTITION_BY, str(error)
