"""`FilesSinkConnector`: records into files, here or in any store, each exactly once. `S3SinkConnector` of Confluent."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ottla.connect.api.config_def import HIGH, LOW, MEDIUM, NO_DEFAULT_VALUE, PASSWORD, STRING, ConfigDef
from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.task import SinkTask
from ottla.connect.connectors.files import sink_config as keys
from ottla.connect.connectors.files.partition_writer import PartitionWriter
from ottla.connect.connectors.files.partitioner import (
    DAILY,
    HOUR_MS,
    HOURLY,
    WALLCLOCK,
    by_default,
    by_fields,
    by_time,
    time_of,
)
from ottla.connect.connectors.files.store import open_store
from ottla.connect.connectors.record_place import place_of, where
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import SimpleSink, parse, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ottla.connect.api.config_def import ConfigValue
    from ottla.connect.api.record import SinkRecord

_log = logging.getLogger("ottla.connect.files")


class FilesSinkTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = config = parse(keys.CONFIG, keys.renamed(props), keys.problems)
        self._store = open_store(config[keys.OUTPUT], props)
        self._when = time_of(config[keys.EXTRACTOR], config[keys.TIMESTAMP_FIELD])
        zone = ZoneInfo(config[keys.TIMEZONE])
        self._folder = _folder_of(config, zone, self._when)
        self._writers: dict[TopicPartition, PartitionWriter] = {}
        self._ignores_nulls = config[keys.NULL_VALUES] == "ignore"
        self._schedule_s: float = config[keys.ROTATE_SCHEDULE_MS] / 1000
        self._scheduled = self._next_schedule()
        self._left: int = config[keys.MAX_RETRIES]
        self._rejected: dict[tuple[str, int | None, int], tuple[SinkRecord, DataError]] = {}
        """Reported when their batch is dealt with: it may have to come again, and they are passed over then."""

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        for each in partitions:
            self._writers[each] = PartitionWriter(each, self._store, self._config, self._folder, self._when)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """What is not written is read again, by whoever has the partition then."""
        for each in partitions:
            self._writers.pop(each, None)

    def put(self, records: Sequence[SinkRecord]) -> None:
        self._write()
        for record in records:
            if record.value is None and self._ignores_nulls:
                continue
            try:
                if record.value is None:
                    text = f"{where(record)} has no value; set {keys.NULL_VALUES}=ignore to leave it out"
                    raise DataError(text)
                self._writer_of(record).add(record)
            except DataError as error:
                if self.context.errant_record_reporter is None:
                    raise
                self._rejected[place_of(record)] = record, error
        now = time.time()
        if self._config[keys.EXTRACTOR] == WALLCLOCK:
            for writer in self._writers.values():
                writer.close_if_late(int(now * 1000))
        if self._schedule_s > 0 and now >= self._scheduled:
            self._scheduled = self._next_schedule()
            for writer in self._writers.values():
                writer.close_files()
        self._write()
        for record, why in self._rejected.values():
            reject(self.context, record, why)
        self._rejected.clear()

    def _next_schedule(self) -> float:
        return (time.time() // self._schedule_s + 1) * self._schedule_s if self._schedule_s > 0 else 0.0

    def _writer_of(self, record: SinkRecord) -> PartitionWriter:
        partition = TopicPartition(record.original_topic, record.original_kafka_partition or 0)
        found = self._writers.get(partition)
        if found is None:
            raise ConnectError(f"{where(record)} is of a partition that is not this task's")
        return found

    def _write(self) -> None:
        try:
            for writer in self._writers.values():
                writer.write()
        except Exception as error:
            text = f"a file cannot be written to {self._config[keys.OUTPUT]}: {error or type(error).__name__}"
            if self._left <= 0:
                raise ConnectError(f"{text}, after {self._config[keys.MAX_RETRIES]} more tries") from error
            self._left -= 1
            self.context.timeout(self._config[keys.RETRY_BACKOFF_MS])
            raise RetriableError(text) from error
        self._left = self._config[keys.MAX_RETRIES]

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        committable = {}
        for partition, offset in offsets.items():
            writer = self._writers.get(partition)
            if writer is not None:
                first = writer.first_open
                committable[partition] = offset if first is None else min(first, offset)
        return committable


def _folder_of(config: Any, zone: ZoneInfo, when: Callable[[SinkRecord], int]) -> Callable[[SinkRecord], str]:
    kind = config[keys.PARTITIONER]
    if kind == "field":
        return by_fields(config[keys.PARTITION_FIELD], config[keys.DIRECTORY_DELIMITER])
    if kind == "time":
        return by_time(config[keys.PATH_FORMAT], config[keys.PARTITION_DURATION_MS], zone, when)
    if kind == "hourly":
        return by_time(HOURLY, HOUR_MS, zone, when)
    return by_time(DAILY, 24 * HOUR_MS, zone, when) if kind == "daily" else by_default


class FilesSinkConnector(SimpleSink):
    definition = keys.CONFIG
    task = FilesSinkTask

    def start(self, props: Mapping[str, str]) -> None:
        parse(self.definition, keys.renamed(props), self.problems)
        self._props = dict(props)

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return keys.problems(config)

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        return validate(self.definition, keys.renamed(props), self.problems)


BUCKET: Final = "s3.bucket.name"
REGION: Final = "s3.region"
ENDPOINT: Final = "store.url"
ACCESS_KEY: Final = "aws.access.key.id"
SECRET_KEY: Final = "aws.secret.access.key"
_S3: Final = "S3"

S3_CONFIG: Final = keys.define_rest(
    ConfigDef()
    .define(BUCKET, STRING, NO_DEFAULT_VALUE, HIGH, "The bucket to write to.", group=_S3)
    .define(REGION, STRING, "us-west-2", MEDIUM, "The region of the bucket.", group=_S3)
    .define(ENDPOINT, STRING, None, LOW, "The URL of a store that speaks S3, where it is not Amazon's.", group=_S3)
    .define(ACCESS_KEY, STRING, None, HIGH, "Who writes; by default what the surroundings say.", group=_S3)
    .define(SECRET_KEY, PASSWORD, None, HIGH, "The secret of who writes.", group=_S3)
)


class S3SinkConnector(FilesSinkConnector):
    """`io.confluent.connect.s3`: the same under that one's names. It needs obstore, or s3fs."""

    definition = S3_CONFIG

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        config = S3_CONFIG.parse(keys.renamed(self._props))
        props = {**self._props, keys.OUTPUT: f"s3://{config[BUCKET]}"}
        props |= {f"fs.{name}": text for name, text in _s3_settings(config).items()}
        return [dict(props) for _ in range(max_tasks)]


def _s3_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """As obstore calls them."""
    found = {"region": config[REGION]}
    if config[ENDPOINT]:
        found["endpoint"] = config[ENDPOINT]
        found["client_options"] = '{"allow_http": true}'
    if config[ACCESS_KEY]:
        found["access_key_id"] = config[ACCESS_KEY]
    if config[SECRET_KEY]:
        found["secret_access_key"] = config[SECRET_KEY].value
    return found
