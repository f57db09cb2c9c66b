"""What may be configured of `FilesSinkConnector`: the names of Confluent's object store sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ottla.connect.api.config_def import HIGH, INT, LIST, LONG, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import LambdaValidator, NonEmptyString, Range, ValidString
from ottla.connect.connectors.files.formats.writer import COMPRESSIONS
from ottla.connect.connectors.files.partitioner import HOURLY, RECORD, RECORD_FIELD, WALLCLOCK, by_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OUTPUT: Final = "output.path"
FORMAT: Final = "format"
COMPRESSION: Final = "compression"
TOPICS_DIR: Final = "topics.dir"
FLUSH_SIZE: Final = "flush.size"
ROTATE_MS: Final = "rotate.interval.ms"
ROTATE_SCHEDULE_MS: Final = "rotate.schedule.interval.ms"
FILE_BYTES_MAX: Final = "file.bytes.max"
PARTITIONER: Final = "partitioner"
PARTITION_FIELD: Final = "partition.field.name"
PARTITION_DURATION_MS: Final = "partition.duration.ms"
PATH_FORMAT: Final = "path.format"
TIMEZONE: Final = "timezone"
EXTRACTOR: Final = "timestamp.extractor"
TIMESTAMP_FIELD: Final = "timestamp.field"
DIRECTORY_DELIMITER: Final = "directory.delim"
FILE_DELIMITER: Final = "file.delim"
PAD_WIDTH: Final = "filename.offset.zero.pad.width"
NULL_VALUES: Final = "behavior.on.null.values"
SEPARATOR: Final = "format.bytearray.separator"
MAX_RETRIES: Final = "max.retries"
RETRY_BACKOFF_MS: Final = "retry.backoff.ms"

FORMATS: Final = tuple(COMPRESSIONS)
PARTITIONERS: Final = ("default", "field", "time", "daily", "hourly")
_FILES, _PLACES, _RETRIES = "Files", "Places", "Retries"


def _check_zone(name: str, value: Any) -> None:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ConfigError.of(name, value, "there is no such time zone") from None


def files_config() -> ConfigDef:
    definition = ConfigDef().define(
        OUTPUT,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "Where files are written: a directory, or a URL that fsspec knows.",
        validator=NonEmptyString(),
        group=_PLACES,
    )
    return define_rest(definition)


def define_rest(definition: ConfigDef) -> ConfigDef:
    """All but where."""
    _define_files(definition)
    _define_places(definition)
    return definition.define(
        MAX_RETRIES,
        INT,
        10,
        MEDIUM,
        "How often a write is tried again.",
        validator=Range(0),
        group=_RETRIES,
    ).define(
        RETRY_BACKOFF_MS, INT, 3000, LOW, "The pause before the next try (ms).", validator=Range(0), group=_RETRIES
    )


def _define_files(definition: ConfigDef) -> None:
    definition.define(
        FORMAT, STRING, "json", HIGH, "What files look like.", validator=ValidString(*FORMATS), group=_FILES
    ).define(
        COMPRESSION,
        STRING,
        "none",
        MEDIUM,
        "gzip for json, csv and bytes; deflate for avro; snappy, gzip or zstd for parquet.",
        validator=ValidString("none", "gzip", "deflate", "snappy", "zstd"),
        group=_FILES,
    ).define(
        FLUSH_SIZE,
        INT,
        NO_DEFAULT_VALUE,
        HIGH,
        "A file is written when it has so many records.",
        validator=Range(1),
        group=_FILES,
    ).define(
        ROTATE_MS,
        LONG,
        -1,
        HIGH,
        "A file is written when a record comes whose time is so much later than its first's (ms); -1: never.",
        group=_FILES,
    ).define(
        ROTATE_SCHEDULE_MS,
        LONG,
        -1,
        MEDIUM,
        "Files are written so often by the clock (ms), after which a crash may write records twice; -1: never.",
        group=_FILES,
    ).define(
        FILE_BYTES_MAX,
        LONG,
        64 * 1024 * 1024,
        MEDIUM,
        "A file is written when it has about so many bytes: it waits in memory till then.",
        validator=Range(1),
        group=_FILES,
    ).define(
        NULL_VALUES,
        STRING,
        "fail",
        LOW,
        "What becomes of a record without a value.",
        validator=ValidString("fail", "ignore"),
        group=_FILES,
    ).define(SEPARATOR, STRING, "\\n", LOW, "What stands behind each record of format bytes.", group=_FILES)


def _define_places(definition: ConfigDef) -> None:
    definition.define(TOPICS_DIR, STRING, "topics", HIGH, "The folder above all topics.", group=_PLACES).define(
        PARTITIONER,
        STRING,
        "default",
        HIGH,
        "What folders a topic has.",
        validator=ValidString(*PARTITIONERS),
        group=_PLACES,
    ).define(PARTITION_FIELD, LIST, [], MEDIUM, "The fields that name folders.", group=_PLACES).define(
        PATH_FORMAT, STRING, HOURLY, MEDIUM, "The folder of a time, as a pattern of Java's.", group=_PLACES
    ).define(
        PARTITION_DURATION_MS,
        LONG,
        3_600_000,
        MEDIUM,
        "The times of one folder, in ms.",
        validator=Range(1),
        group=_PLACES,
    ).define(
        TIMEZONE,
        STRING,
        "UTC",
        MEDIUM,
        "The time zone of folders.",
        validator=LambdaValidator(_check_zone, "a time zone"),
        group=_PLACES,
    ).define(
        EXTRACTOR,
        STRING,
        RECORD,
        MEDIUM,
        "What a record's time is; with Wallclock a crash may write records twice.",
        validator=ValidString(WALLCLOCK, RECORD, RECORD_FIELD),
        group=_PLACES,
    ).define(TIMESTAMP_FIELD, STRING, "timestamp", MEDIUM, "The field that has it.", group=_PLACES).define(
        DIRECTORY_DELIMITER, STRING, "/", LOW, "Stands between folders.", validator=NonEmptyString(), group=_PLACES
    ).define(
        FILE_DELIMITER,
        STRING,
        "+",
        LOW,
        "Stands between topic, partition, offset.",
        validator=NonEmptyString(),
        group=_PLACES,
    ).define(PAD_WIDTH, INT, 10, LOW, "How many digits the offset has at least.", validator=Range(0), group=_PLACES)


CONFIG: Final = files_config()


def problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    allowed = COMPRESSIONS[config[FORMAT]]
    if config[COMPRESSION] not in allowed:
        yield COMPRESSION, f"format {config[FORMAT]} has {', '.join(allowed)}"
    if config[PARTITIONER] == "field" and not config[PARTITION_FIELD]:
        yield PARTITION_FIELD, "the partitioner field needs to know which"
    try:
        by_time(config[PATH_FORMAT], 1, ZoneInfo("UTC"), lambda _record: 0)
    except ConnectError as error:
        yield PATH_FORMAT, str(error)


def renamed(props: Mapping[str, str | None]) -> dict[str, Any]:
    """Confluent's `format.class` and `partitioner.class`, whose classes say the same, as ours."""
    found: dict[str, Any] = dict(props)
    for key, name, suffix in (("format.class", FORMAT, "Format"), ("partitioner.class", PARTITIONER, "Partitioner")):
        text = found.get(key)
        if text and name not in found:
            short = text.rpartition(".")[2].removesuffix(suffix)
            found[name] = {"TimeBased": "time", "ByteArray": "bytes"}.get(short, short.lower())
    extractor = found.get(EXTRACTOR)
    if extractor:
        found[EXTRACTOR] = extractor.rpartition(".")[2].removesuffix("TimestampExtractor")
    return found
