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
from ottla.connect.connectors.cdc import message_key, select_overrides
from ottla.connect.connectors.cdc.column_rules import COLUMNS_BY_NAME, COLUMNS_BY_TYPE, ColumnRules
from ottla.connect.connectors.cdc.filters import ListValidator, NameFilter
from ottla.connect.connectors.cdc.message_key import MessageKeys
from ottla.connect.connectors.cdc.notification import NotificationChannels, define_notifications
from ottla.connect.connectors.cdc.numbers import DECIMAL_MODES
from ottla.connect.connectors.cdc.select_overrides import SelectOverrides
from ottla.connect.connectors.cdc.signal_topic import CHANNELS, SOURCE, SignalTopicConfig, define_signals
from ottla.connect.connectors.cdc.snapshot_mode import define_snapshot_mode, snapshot_mode
from ottla.connect.connectors.cdc.table import FAILURE_MODES, TableStyle
from ottla.connect.connectors.cdc.temporal import PRECISION_MODES
from ottla.connect.connectors.cdc.topics import PREFIX, VALID_PART, TopicNames, define_topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

HEARTBEAT_INTERVAL_MS_DEFAULT: Final = 10_000
OPERATIONS: Final = frozenset("cudt")
DEFAULT_MODES: Final = ("required", "all")
NAME_MODES: Final = ("none", "avro", "avro_unicode")


def _valid_operations(name: str, value: Any) -> None:
    if value == ["none"]:
        return
    wrong = [each for each in value if each not in OPERATIONS]
    if wrong:
        raise ConfigError.of(name, value, f"operations are c, u, d and t, or none for all: {wrong[0]} is none of them")


_LISTED: Final = ListValidator()


def cdc_config(port: int, strategy: str, time_mode: str = "adaptive") -> ConfigDef:
    """The keys that all databases have; each connector adds its own. `strategy` names its topics."""
    return (
        define_notifications(define_signals(define_snapshot_mode(define_topics(ConfigDef(), strategy))))
        .define(PREFIX, STRING, NO_DEFAULT_VALUE, HIGH, "Begins the names of all topics, and tells this "
                "database from others.", validator=CompositeValidator(
                    NonEmptyString(), VALID_PART))
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
        .define(message_key.NAME, STRING, None, MEDIUM, "Columns that are the key of a record instead of the primary "
                "key: schema.table:column,column;schema.other:column, names of tables as regular expressions.",
                validator=message_key.KeyValidator())
        .define(COLUMNS_BY_NAME, STRING, None, LOW, "Columns of which the schema tells type, length and scale in the "
                "database: regular expressions of schema.table.column.", validator=_LISTED)
        .define(COLUMNS_BY_TYPE, STRING, None, LOW, "The same by type: regular expressions of schema.table.type.",
                validator=_LISTED)
        .define("snapshot.include.collection.list", STRING, None, MEDIUM, "Which of the captured tables a snapshot "
                "reads; by default all.", validator=_LISTED)
        .define(select_overrides.NAME, LIST, "", MEDIUM, "Tables of which a snapshot reads what a statement selects: "
                f"{select_overrides.NAME}.schema.table has it.")
        .define("snapshot.fetch.size", INT, 10_240, LOW, "So many rows are read at once.",
                validator=Range(1, 1_000_000))
        .define("max.batch.size", INT, 2048, LOW, "So many records are handed on at once.", validator=Range(1, 100_000))
        .define("heartbeat.interval.ms", INT, HEARTBEAT_INTERVAL_MS_DEFAULT, MEDIUM, "How often a record says how far "
                "the connector is, even if nothing changes; 0: never.", validator=Range(0))
        .define("heartbeat.action.query", STRING, None, LOW, "A statement that is executed with each heartbeat.")
        .define("decimal.handling.mode", STRING, "precise", MEDIUM, "What decimals are: precise (Connect's Decimal), "
                "double or string.", validator=ValidString(*DECIMAL_MODES))
        .define("time.precision.mode", STRING, time_mode, MEDIUM, "What dates and times are.",
                validator=ValidString(*PRECISION_MODES))
        .define("tombstones.on.delete", BOOLEAN, True, MEDIUM, "Whether a deletion is followed by a record without a "
                "value, with which compaction forgets the key.")
        .define("skipped.operations", LIST, "t", LOW, "Operations that are left out: c, u, d, t (truncations); none "
                "for all.", validator=LambdaValidator(_valid_operations, "c, u, d, t; none"))
        .define("column.default.handling.mode", STRING, "required", LOW, "Which columns have their default in the "
                "schema: required ones, or all as with Debezium, where converters write the default for null unless "
                "replace.null.with.default=false.", validator=ValidString(*DEFAULT_MODES))
        .define("event.converting.failure.handling.mode", STRING, "fail", MEDIUM, "What happens to a value that cannot "
                "be converted: fail, warn or skip (null where the column may be null).",
                validator=ValidString(*FAILURE_MODES))
        .define("event.processing.failure.handling.mode", STRING, "fail", MEDIUM, "What happens to a change of which "
                "no record can be made: fail, warn or skip (it is left out).", validator=ValidString(*FAILURE_MODES))
        .define("unavailable.value.placeholder", STRING, "__debezium_unavailable_value", MEDIUM, "Stands for a value "
                "that did not change and that the database did not tell.")
        .define("provide.transaction.metadata", BOOLEAN, False, LOW, "Whether the topic prefix.transaction tells where "
                "transactions begin and end.")
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
    action_query: str | None


class CdcConfig:
    """What `cdc_config` defines, with types; each connector adds its own."""

    read_only: bool = False
    """Chunks of an incremental snapshot are not marked in the table of signals."""

    def __init__(self, props: Mapping[str, str], parsed: Mapping[str, Any], strategy: str) -> None:
        """`props` has what `parsed` cannot name, too. Raises `ConfigError`."""
        self.prefix: str = parsed[PREFIX]
        self.topics = TopicNames(parsed, strategy)
        self.rules = ColumnRules(props)
        self.keys = MessageKeys(parsed[message_key.NAME])
        self.hostname: str = parsed["database.hostname"]
        self.port: int = parsed["database.port"]
        self.user: str = parsed["database.user"]
        password = parsed["database.password"]
        self.password: str = password.value if password is not None else ""
        self.tables = NameFilter.of(parsed, "table")
        self.columns = NameFilter.of(parsed, "column")
        self.snapshot_mode = snapshot_mode(parsed)
        self.overrides = SelectOverrides(props, parsed[select_overrides.NAME])
        self.in_snapshot = NameFilter.included_by(
            "snapshot.include.collection.list", parsed["snapshot.include.collection.list"]
        )
        self.fetch_size: int = parsed["snapshot.fetch.size"]
        self.max_batch_size: int = parsed["max.batch.size"]
        self.heartbeat = Heartbeat(parsed["heartbeat.interval.ms"], parsed["heartbeat.action.query"] or None)
        self.decimal_mode: str = parsed["decimal.handling.mode"]
        self.time_mode: str = parsed["time.precision.mode"]
        self.tombstones: bool = parsed["tombstones.on.delete"]
        self.skipped = frozenset(parsed["skipped.operations"]) & OPERATIONS
        self.tells_all_defaults: bool = parsed["column.default.handling.mode"] == "all"
        self.on_failure: str = parsed["event.converting.failure.handling.mode"]
        self.on_event_failure: str = parsed["event.processing.failure.handling.mode"]
        self.placeholder: str = parsed["unavailable.value.placeholder"]
        self.tells_transactions: bool = parsed["provide.transaction.metadata"]
        self.signal_table: str | None = parsed["signal.data.collection"] or None
        self.obeys_table: bool = SOURCE in parsed[CHANNELS]
        """Its rows may ask for something; in any case they mark chunks."""
        self.signal_topic = SignalTopicConfig.of(props, parsed, self.prefix)
        self.notification_channels = NotificationChannels.of(parsed)
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
        return TableStyle(
            self.topics,
            source,
            self.rules,
            self.keys,
            self.schema_names,
            self.field_names,
            self.on_failure,
            fills_required,
        )
