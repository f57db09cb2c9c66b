"""One lake at work: topics flow into tables, in this process and this thread, until it is asked to stop."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.connectors.iceberg.config import (
    COMMIT_INTERVAL_MS,
    FLUSH_SIZE,
    ID_COLUMNS,
    MAX_RETRIES,
    PARTITION_BY,
    RECORD_COLUMNS,
    TABLE_NAME_FORMAT,
    UPSERT,
)
from ottla.connect.connectors.iceberg.offsets import offsets_in, offsets_key
from ottla.connect.connectors.iceberg.partitioning import parse_partitioning
from ottla.connect.connectors.iceberg.rows import KEY
from ottla.connect.lake.converter import AUTO, FORMAT, URL
from ottla.connect.lake.loop import TELLS_ENDS, LakeLoop
from ottla.connect.lake.place import LAKE, MODE, TABLE, TOPIC, TOPIC_ID, VERSIONS, lake_tables
from ottla.connect.lake.task import COLUMN_TYPES, LakeTask
from ottla.connect.runtime.connector_config import DLQ_TOPIC
from ottla.connect.runtime.plugins import Plugins
from ottla.connect.runtime.task_spec import TaskSpec
from ottla.connect.task.control import Control
from ottla.runtime.collector import spare_the_collector
from ottla.runtime.loop import STOP_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ottla.connect.lake.place import Place
    from ottla.connect.task.channel import Listener

ROWS_MAX: Final = 100_000
"""So many wait in memory at most; then they are committed before it is time."""
CATALOG_RETRIES: Final = 100
"""With three seconds between them: so long a catalog or a store may be away."""
REGISTRY_PATIENCE_MS: Final = 300_000
OFFSETS_INTERVAL_MS: Final = 5_000
TIMEOUT_MS: Final = 30_000
SESSION: Final = {"session.timeout.ms": "10000", "heartbeat.interval.ms": "3000"}
"""Of the group: so long nobody reads after one was killed, unless client properties say otherwise."""
EXIT_IMPATIENT: Final = 130
GARBAGE_OBJECTS: Final = 100_000
_CONVERTER: Final = "ottla.connect.lake.converter:LakeConverter"
_HEADERS: Final = "org.apache.kafka.connect.converters.ByteArrayConverter"


@dataclass(frozen=True, slots=True)
class LakeOptions:
    mode: str = VERSIONS
    partition_by: str = ""
    commit_interval_ms: int = 10_000
    key_format: str = AUTO
    value_format: str = AUTO
    registry: str | None = None
    dead_letters: str | None = None
    """A topic for what is no row; without one it ends the lake."""
    columns: dict[str, str] = field(default_factory=dict)
    """Types of Iceberg's by name, of tables that are made: whatever the first record says."""
    until_end: bool = False
    """Whether it ends when all is there that was in the topics."""
    properties: dict[str, str] = field(default_factory=dict, repr=False)
    """Of Kafka's clients, `bootstrap.servers` among them."""


def check(place: Place, topic_ids: dict[str, str], options: LakeOptions) -> None:
    """Before anything is read: do the tables that are there belong to these topics? `ConfigError`, `ConnectError`."""
    try:
        parse_partitioning(options.partition_by)
    except ValueError as error:
        raise ConfigError(f"--partition-by: {error}") from None
    for column, kind in options.columns.items():
        if kind not in COLUMN_TYPES:
            raise ConfigError(f"--column {column}={kind}: the types are {', '.join(COLUMN_TYPES)}")
    by_table: dict[str, str] = {}
    for topic in topic_ids:
        other = by_table.setdefault(place.table_name(topic), topic)
        if other != topic:
            raise ConfigError(f"{other} and {topic} would be one table, {place.table_name(topic)}: keep one elsewhere")
    place.make()
    for name, table in lake_tables(place):
        of, topic_id, mode = (table.properties.get(key) for key in (TOPIC, TOPIC_ID, MODE))
        if name not in by_table:
            continue
        topic = by_table[name]
        if of != topic:
            raise ConnectError(
                f"the table {name} is of the topic {of}, not of {topic}: keep one elsewhere (--namespace)"
            )
        if topic_id != topic_ids[topic]:
            raise ConnectError(
                f"the table {name} is of another topic {topic}, which was deleted or is another cluster's: drop the"
                " table, or keep this topic elsewhere (--namespace)"
            )
        if table.current_snapshot() is not None and not offsets_in(table, offsets_key(LAKE, topic)):
            raise ConnectError(
                f"no snapshot of {name} says how far it is, as somebody else's maintenance forgot those that did: drop"
                " the table, or keep the topic elsewhere (--namespace)"
            )
        if mode != options.mode:
            raise ConnectError(f"the table {name} was begun with --mode {mode}; go on so, or keep it elsewhere")


def run_lake(place: Place, topic_ids: dict[str, str], options: LakeOptions, listener: Listener) -> None:
    """Returns when a signal or the topics' end has ended it, all that was read committed. `ConnectError`."""
    task = LakeTask(place, options.mode, topic_ids, options.columns)
    control = Control(listener)
    loop = LakeLoop(
        _spec(place, sorted(topic_ids), options), task, Plugins(), listener, control, until_end=options.until_end
    )
    spare_the_collector(GARBAGE_OBJECTS, 20, 20)
    with _stopped_by_signals(control):
        loop.run()


@contextlib.contextmanager
def _stopped_by_signals(control: Control) -> Iterator[None]:
    """The first asks for an orderly stop; the second ends the process where it stands."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if control.stopping:
            os._exit(EXIT_IMPATIENT)
        control.stopping = True

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _spec(place: Place, topics: list[str], options: LakeOptions) -> TaskSpec:
    group = f"ottla-lake-{place.fingerprint}"
    config = {
        "name": LAKE,
        "topics": ",".join(topics),
        TABLE_NAME_FORMAT: f"{place.namespace}.${{topic}}",
        RECORD_COLUMNS: "true",
        COMMIT_INTERVAL_MS: str(options.commit_interval_ms),
        FLUSH_SIZE: str(ROWS_MAX),
        MAX_RETRIES: str(CATALOG_RETRIES),
        "errors.retry.timeout": str(REGISTRY_PATIENCE_MS),
        "errors.retry.delay.max.ms": "10000",
        PARTITION_BY: options.partition_by,
        "iceberg.catalog": place.catalog,
        **{f"iceberg.catalog.{key}": text for key, text in place.settings.items()},
    }
    if options.mode == TABLE:
        config |= {UPSERT: "true", ID_COLUMNS: KEY}
    if options.dead_letters is not None:
        config |= {
            "errors.tolerance": "all",
            DLQ_TOPIC: options.dead_letters,
            "errors.deadletterqueue.context.headers.enable": "true",
            "errors.deadletterqueue.topic.replication.factor": "-1",
        }
    converters = {"header.converter": _HEADERS}
    for part, form in (("key", options.key_format), ("value", options.value_format)):
        converters |= {f"{part}.converter": _CONVERTER, f"{part}.converter.{FORMAT}": form}
        converters[f"{part}.converter.{URL}"] = options.registry or ""
    consumer = {"group.id": group, "client.id": "ottla-lake", "isolation.level": "read_committed", **TELLS_ENDS}
    return TaskSpec(
        connector=LAKE,
        task=0,
        is_source=False,
        connector_config=config,
        task_config=config,
        target_state="STARTED",
        converters=converters,
        producer=options.properties,
        consumer=SESSION | options.properties | consumer,
        admin=options.properties,
        offset_flush_interval_ms=OFFSETS_INTERVAL_MS,
        offset_flush_timeout_ms=TIMEOUT_MS,
        graceful_timeout_ms=TIMEOUT_MS,
        topic_creation=False,
        topic_tracking=False,
        log_level="WARNING",
        plugin_path=[],
    )
