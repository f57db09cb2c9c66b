"""What may be configured of `JdbcSourceConnector`: Confluent's names and defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LIST, LONG, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.validators import CaseInsensitiveValidString, Range, ValidString
from ottla.connect.connectors.jdbc.columns import GRANULARITIES, NUMERIC_MAPPINGS
from ottla.connect.connectors.jdbc.database import URL, connection_config, url_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BULK: Final = "bulk"
INCREMENTING: Final = "incrementing"
TIMESTAMP: Final = "timestamp"
BOTH: Final = "timestamp+incrementing"

MODE: Final = "mode"
INCREMENTING_COLUMN: Final = "incrementing.column.name"
TIMESTAMP_COLUMN: Final = "timestamp.column.name"
TIMESTAMP_INITIAL: Final = "timestamp.initial"
VALIDATE_NON_NULL: Final = "validate.non.null"
QUERY: Final = "query"
QUERY_SUFFIX: Final = "query.suffix"
WHITELIST: Final = "table.whitelist"
BLACKLIST: Final = "table.blacklist"
SCHEMA_PATTERN: Final = "schema.pattern"
TABLE_TYPES: Final = "table.types"
TABLE_POLL_MS: Final = "table.poll.interval.ms"
POLL_MS: Final = "poll.interval.ms"
BATCH_MAX_ROWS: Final = "batch.max.rows"
TOPIC_PREFIX: Final = "topic.prefix"
DELAY_MS: Final = "timestamp.delay.interval.ms"
NUMERIC_MAPPING: Final = "numeric.mapping"
GRANULARITY: Final = "timestamp.granularity"
TABLES: Final = "tables"
"""In a task's configuration: the tables that are its own."""

_TABLES, _MODE, _OUT = "Tables", "Mode", "Records"
CONFIG: Final = (
    connection_config()
    .define(
        MODE,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "How new rows are told: all again each time, by a number that grows, by a timestamp, or by both.",
        validator=ValidString(BULK, TIMESTAMP, INCREMENTING, BOTH),
        group=_MODE,
    )
    .define(INCREMENTING_COLUMN, STRING, "", MEDIUM, "The column that grows; by default the primary key.", group=_MODE)
    .define(
        TIMESTAMP_COLUMN,
        LIST,
        [],
        MEDIUM,
        "The columns that say when a row was changed; of several the first that is not null.",
        group=_MODE,
    )
    .define(
        TIMESTAMP_INITIAL,
        LONG,
        None,
        LOW,
        "Changes after this time (ms since 1970) are read, -1: from now on; by default all.",
        group=_MODE,
    )
    .define(VALIDATE_NON_NULL, BOOLEAN, True, LOW, "Whether those columns must be NOT NULL.", group=_MODE)
    .define(DELAY_MS, LONG, 0, HIGH, "Rows are read when they are so old (ms).", validator=Range(0), group=_MODE)
    .define(QUERY, STRING, "", MEDIUM, "A query to read instead of tables.", group=_TABLES)
    .define(QUERY_SUFFIX, STRING, "", LOW, "What stands behind each query.", group=_TABLES)
    .define(WHITELIST, LIST, [], MEDIUM, "The tables to read, with or without their schema.", group=_TABLES)
    .define(BLACKLIST, LIST, [], MEDIUM, "The tables not to read.", group=_TABLES)
    .define(SCHEMA_PATTERN, STRING, None, MEDIUM, "The schema to look for tables in; % for all.", group=_TABLES)
    .define(TABLE_TYPES, LIST, ["TABLE"], LOW, "TABLE, VIEW, or both.", group=_TABLES)
    .define(
        TABLE_POLL_MS, LONG, 60000, LOW, "How often is looked for new tables (ms).", validator=Range(1), group=_TABLES
    )
    .define(
        TOPIC_PREFIX,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "Stands before a table's name in its topic's; of a query it is the topic.",
        group=_OUT,
    )
    .define(POLL_MS, INT, 5000, HIGH, "How often each table is asked (ms).", validator=Range(0), group=_OUT)
    .define(BATCH_MAX_ROWS, INT, 100, LOW, "How many records come at once at most.", validator=Range(1), group=_OUT)
    .define(
        NUMERIC_MAPPING,
        STRING,
        "none",
        LOW,
        "Whether a NUMERIC that fits becomes a number: integers alone (precision_only), or all.",
        validator=CaseInsensitiveValidString(*NUMERIC_MAPPINGS),
        group=_OUT,
    )
    .define(
        GRANULARITY,
        STRING,
        "connect_logical",
        LOW,
        "How a timestamp is written.",
        validator=CaseInsensitiveValidString(*GRANULARITIES),
        group=_OUT,
    )
)


def problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    mode, query = config[MODE], config[QUERY]
    if mode in (TIMESTAMP, BOTH) and not config[TIMESTAMP_COLUMN]:
        yield TIMESTAMP_COLUMN, f"mode={mode} needs the columns that say when a row was changed"
    if mode in (INCREMENTING, BOTH) and query and not config[INCREMENTING_COLUMN]:
        yield INCREMENTING_COLUMN, f"mode={mode} of a query needs the column that grows"
    if query and (config[WHITELIST] or config[BLACKLIST]):
        yield QUERY, f"a query is read instead of tables: leave {WHITELIST} and {BLACKLIST} out"
    if config[WHITELIST] and config[BLACKLIST]:
        yield BLACKLIST, f"either {WHITELIST} or {BLACKLIST} may be set"
    wrong = [each for each in config[TABLE_TYPES] if each.upper() not in ("TABLE", "VIEW")]
    if wrong:
        yield TABLE_TYPES, f"{wrong[0]} is neither TABLE nor VIEW"
    try:
        url_of(config)
    except ConnectError as error:
        yield URL, str(error)
