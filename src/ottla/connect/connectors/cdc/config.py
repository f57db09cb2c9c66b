"""What can be configured of every connector that captures changes, under Debezium's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    INT,
    LIST,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    PASSWORD,
    STRING,
    ConfigDef,
)
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.validators import CompositeValidator, LambdaValidator, NonEmptyString, Range, ValidString
from ottla.connect.connectors.cdc.filters import ListValidator, NameFilter
from ottla.connect.connectors.cdc.numbers import DECIMAL_MODES
from ottla.connect.connectors.cdc.table import FAILURE_MODES, TableStyle
from ottla.connect.connectors.cdc.temporal import PRECISION_MODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

TOPIC_PREFIX: Final = "topic.prefix"
SNAPSHOT_MODES: Final = ("always", "initial", "initial_only", "no_data", "when_needed")
HEARTBEAT_INTERVAL_MS_DEFAULT: Final = 10_000
OPERATIONS: Final = frozenset("cudt")
NAME_MODES: Final = ("none", "avro", "avro_unicode")
_PREFIX_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def _valid_prefix(name: str, value: Any) -> None:
    wrong = sorted(set(value or "") - _PREFIX_CHARACTERS)
    if wrong:
        raise ConfigError.of(name, value, "a prefix of topics has letters, digits, dots, hyphens and underscores only")


def _valid_operations(name: str, value: Any) -> None:
    if value == ["none"]:
        return
    wrong = [each for each in value if each not in OPERATIONS]
    if wrong:
        raise ConfigError.of(name, value, f"operations are c, u, d and t, or none for all: {wrong[0]} is none of them")


_LISTED: Final = ListValidator()


def cdc_config(port: int, time_mode: str = "adaptive") -> ConfigDef:
    """The keys that all databases have; each connector adds its own."""
    return (
        ConfigDef()
        .define(TOPIC_PREFIX, STRING, NO_DEFAULT_VALUE, HIGH, "Begins the names of all topics, and tells this "
                "database from others.", validator=CompositeValidator(
                    NonEmptyString(), LambdaValidator(_valid_prefix, "letters, digits, dots, hyphens, underscores")))
        .define("database.hostname", STRING, NO_DEFAULT_VALUE, HIGH, "Where the server is.", validator=NonEmptyString())
        .define("database.port", INT, port, HIGH, "Its port.", validator=Range(1, 65535))
        .define("database.user", STRING, NO_DEFAULT_VALUE, HIGH, "Who connects; it needs the right to replicate.")
        .define("database.password", PASSWORD, None, HIGH, "Its password.")
        .define("table.include.list", STRING, None, HIGH, "Tables to capture: regular expressions of whole names "
                "(schema.table), separated by commas; by default all.", validator=_LISTED)
        .define("table.exclude.list", STRING, None, HIGH, "Tables to leave out, instead.", validator=_LISTED)
        .define("column.include.list", STRING, None, MEDIUM, "Columns to capture: regular expressions of "
                "schema.table.column; by default all.", validator=_LISTED)
        .define("column.exclude.list", STRING, None, MEDIUM, "Columns to leave out, instead.", validator=_LISTED)
        .define("snapshot.mode", STRING, "initial", MEDIUM, "When the tables are read whole: always (at every start), "
                "initial (if there is no stored offset), initial_only (and then nothing more), no_data (never), "
                "when_needed (if there is no offset, or changes since it are lost).",
                validator=ValidString(*SNAPSHOT_MODES))
        .define("snapshot.include.collection.list", STRING, None, MEDIUM, "Which of the captured tables a snapshot "
                "reads; by default all.", validator=_LISTED)
        .define("snapshot.fetch.size", INT, 10_240, LOW, "So many rows are read at once.",
                validator=Range(1, 1_000_000))
        .define("max.batch.size", INT, 2048, LOW, "So many records are handed on at once.", validator=Range(1, 100_000))
        .define("heartbeat.interval.ms", INT, HEARTBEAT_INTERVAL_MS_DEFAULT, MEDIUM, "How often a record says how far "
                "the connector is, even if nothing changes; 0: never.", validator=Range(0))
        .define("heartbeat.topics.prefix", STRING, "__debezium-heartbeat", LOW, "Begins the name of their topic.",
                validator=LambdaValidator(_valid_prefix, "letters, digits, dots, hyphens, underscores"))
        .define("heartbeat.action.query", STRING, None, LOW, "A statement that is executed with each heartbeat.")
        .define("decimal.handling.mode", STRING, "precise", MEDIUM, "What decimals are: precise (Connect's Decimal), "
                "double or string.", validator=ValidString(*DECIMAL_MODES))
        .define("time.precision.mode", STRING, time_mode, MEDIUM, "What dates and times are.",
                validator=ValidString(*PRECISION_MODES))
        .define("tombstones.on.delete", BOOLEAN, True, MEDIUM, "Whether a deletion is followed by a record without a "
                "value, with which compaction forgets the key.")
        .define("skipped.operations", LIST, "t", LOW, "Operations that are left out: c, u, d, t (truncations); none "
                "for all.", validator=LambdaValidator(_valid_operations, "c, u, d, t; none"))
        .define("event.converting.failure.handling.mode", STRING, "fail", MEDIUM, "What happens to a value that cannot "
                "be converted: fail, warn or skip (null where the column may be null).",
                validator=ValidString(*FAILURE_MODES))
        .define("unavailable.value.placeholder", STRING, "__debezium_unavailable_value", MEDIUM, "Stands for a value "
                "that did not change and that the database did not tell.")
        .define("provide.transaction.metadata", BOOLEAN, False, LOW, "Whether the topic prefix.transaction tells where "
                "transactions begin and end.")
        .define("signal.data.collection", STRING, None, MEDIUM, "The table of signals (schema.table with the columns "
                "id, type, data), with which snapshots are asked for.")
        .define("incremental.snapshot.chunk.size", INT, 1024, MEDIUM, "So many rows an incremental snapshot reads at "
                "once.", validator=Range(1, 1_000_000))
        .define("schema.name.adjustment.mode", STRING, "none", LOW, "What becomes of names of schemas that Avro would "
                "refuse.", validator=ValidString(*NAME_MODES))
        .define("field.name.adjustment.mode", STRING, "none", LOW, "What becomes of names of fields that Avro would "
                "refuse.", validator=ValidString(*NAME_MODES))
        .define("errors.max.retries", INT, 10, MEDIUM, "How often in a row a lost connection is made anew before the "
                "task fails; -1: for ever.", validator=Range(-1))
        .define("retriable.restart.connector.wait.ms", INT, 10_000, LOW, "The longest wait before that.",
                validator=Range(0))
    )  # fmt: skip


class Heartbeat(NamedTuple):
    interval_ms: int
    topics_prefix: str
    action_query: str | None


class CdcConfig:
    """What `cdc_config` defines, with types; each connector adds its own."""

    def __init__(self, parsed: Mapping[str, Any]) -> None:
        self.prefix: str = parsed[TOPIC_PREFIX]
        self.hostname: str = parsed["database.hostname"]
        self.port: int = parsed["database.port"]
        self.user: str = parsed["database.user"]
        password = parsed["database.password"]
        self.password: str = password.value if password is not None else ""
        self.tables = NameFilter.of(parsed, "table")
        self.columns = NameFilter.of(parsed, "column")
        self.snapshot_mode: str = parsed["snapshot.mode"]
        self.in_snapshot = NameFilter.included_by(
            "snapshot.include.collection.list", parsed["snapshot.include.collection.list"]
        )
        self.fetch_size: int = parsed["snapshot.fetch.size"]
        self.max_batch_size: int = parsed["max.batch.size"]
        self.heartbeat = Heartbeat(
            parsed["heartbeat.interval.ms"], parsed["heartbeat.topics.prefix"], parsed["heartbeat.action.query"] or None
        )
        self.decimal_mode: str = parsed["decimal.handling.mode"]
        self.time_mode: str = parsed["time.precision.mode"]
        self.tombstones: bool = parsed["tombstones.on.delete"]
        self.skipped = frozenset(parsed["skipped.operations"]) & OPERATIONS
        self.on_failure: str = parsed["event.converting.failure.handling.mode"]
        self.placeholder: str = parsed["unavailable.value.placeholder"]
        self.tells_transactions: bool = parsed["provide.transaction.metadata"]
        self.signal_table: str | None = parsed["signal.data.collection"] or None
        self.chunk_size: int = parsed["incremental.snapshot.chunk.size"]
        self.schema_names: str = parsed["schema.name.adjustment.mode"]
        self.field_names: str = parsed["field.name.adjustment.mode"]
        self.retries: int = parsed["errors.max.retries"]
        self.retry_wait_max_ms: int = parsed["retriable.restart.connector.wait.ms"]

    def captures(self, table: str) -> bool:
        """The table of signals is none, unless it is named."""
        if table == self.signal_table and not self.tables.names(table):
            return False
        return self.tables.matches(table)

    def table_style(self, source: Schema, *, fills_required: bool = False) -> TableStyle:
        return TableStyle(self.prefix, source, self.schema_names, self.field_names, self.on_failure, fills_required)
