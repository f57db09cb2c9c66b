"""Records on their way through Connect (`ConnectRecord`, `SourceRecord`, `SinkRecord`)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from ottla.connect.api.header import Header, Headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.connect.data.schema import Schema

__all__ = ["ConnectRecord", "Header", "Headers", "SinkRecord", "SourceRecord", "TimestampType"]


class TimestampType(Enum):
    """What the timestamp of a record from Kafka is."""

    NO_TIMESTAMP_TYPE = "NoTimestampType"
    CREATE_TIME = "CreateTime"
    LOG_APPEND_TIME = "LogAppendTime"


class ConnectRecord:
    """A record: topic, partition (`None`: wherever), key and value with their schemas, timestamp in ms, headers.

    A schema is `None` where the data has none. Records do not change: `with_value(…)` and its like make another one,
    with headers of its own.
    """

    __slots__ = ("headers", "kafka_partition", "key", "key_schema", "timestamp", "topic", "value", "value_schema")

    def __init__(
        self,
        topic: str,
        kafka_partition: int | None = None,
        key_schema: Schema | None = None,
        key: object = None,
        value_schema: Schema | None = None,
        value: object = None,
        timestamp: int | None = None,
        headers: Iterable[Header] = (),
    ) -> None:
        self.topic = topic
        self.kafka_partition = kafka_partition
        self.key_schema = key_schema
        self.key = key
        self.value_schema = value_schema
        self.value = value
        self.timestamp = timestamp
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)

    def new_record(
        self,
        topic: str,
        kafka_partition: int | None,
        key_schema: Schema | None,
        key: object,
        value_schema: Schema | None,
        value: object,
        timestamp: int | None,
        headers: Headers | None = None,
    ) -> Self:
        """Another record with the same origin; without `headers`, with a copy of these."""
        new = self._copy()
        new.topic, new.kafka_partition, new.timestamp = topic, kafka_partition, timestamp
        new.key_schema, new.key = key_schema, key
        new.value_schema, new.value = value_schema, value
        if headers is not None:
            new.headers = headers
        return new

    def with_value(self, schema: Schema | None, value: object) -> Self:
        new = self._copy()
        new.value_schema, new.value = schema, value
        return new

    def with_key(self, schema: Schema | None, key: object) -> Self:
        new = self._copy()
        new.key_schema, new.key = schema, key
        return new

    def with_topic(self, topic: str) -> Self:
        new = self._copy()
        new.topic = topic
        return new

    def with_headers(self, headers: Headers) -> Self:
        new = self._copy()
        new.headers = headers
        return new

    def _copy(self) -> Self:
        raise NotImplementedError

    def _fields(self) -> tuple[Any, ...]:
        return (
            self.topic,
            self.kafka_partition,
            self.key_schema,
            self.key,
            self.value_schema,
            self.value,
            self.timestamp,
            self.headers,
        )

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, ConnectRecord)
        return self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(topic={self.topic!r}, kafka_partition={self.kafka_partition}, key={self.key!r}, "
            f"key_schema={self.key_schema}, value={self.value!r}, value_schema={self.value_schema}, "
            f"timestamp={self.timestamp}, headers={self.headers})"
        )


class SourceRecord(ConnectRecord):
    """A record that a source makes: where it comes from is `source_partition` (which table, which file), and how far
    one is after it `source_offset`; both are what JSON can say, and are stored when the record is written."""

    __slots__ = ("source_offset", "source_partition")

    def __init__(
        self,
        source_partition: Mapping[str, Any] | None,
        source_offset: Mapping[str, Any] | None,
        topic: str,
        kafka_partition: int | None = None,
        key_schema: Schema | None = None,
        key: object = None,
        value_schema: Schema | None = None,
        value: object = None,
        timestamp: int | None = None,
        headers: Iterable[Header] = (),
    ) -> None:
        super().__init__(topic, kafka_partition, key_schema, key, value_schema, value, timestamp, headers)
        self.source_partition = source_partition
        self.source_offset = source_offset

    def _copy(self) -> SourceRecord:
        return SourceRecord(
            self.source_partition,
            self.source_offset,
            self.topic,
            self.kafka_partition,
            self.key_schema,
            self.key,
            self.value_schema,
            self.value,
            self.timestamp,
            self.headers.duplicate(),
        )

    def _fields(self) -> tuple[Any, ...]:
        return (*super()._fields(), self.source_partition, self.source_offset)


class SinkRecord(ConnectRecord):
    """A record for a sink: its offset and timestamp type in Kafka, and topic, partition and offset before any
    transformation (`original_…`, KIP-793)."""

    __slots__ = (
        "kafka_offset",
        "original_kafka_offset",
        "original_kafka_partition",
        "original_topic",
        "timestamp_type",
    )

    def __init__(
        self,
        topic: str,
        kafka_partition: int | None,
        key_schema: Schema | None,
        key: object,
        value_schema: Schema | None,
        value: object,
        kafka_offset: int,
        timestamp: int | None = None,
        timestamp_type: TimestampType = TimestampType.NO_TIMESTAMP_TYPE,
        headers: Iterable[Header] = (),
    ) -> None:
        super().__init__(topic, kafka_partition, key_schema, key, value_schema, value, timestamp, headers)
        self.kafka_offset = kafka_offset
        self.timestamp_type = timestamp_type
        self.original_topic = topic
        self.original_kafka_partition = kafka_partition
        self.original_kafka_offset = kafka_offset

    def _copy(self) -> SinkRecord:
        new = SinkRecord(
            self.topic,
            self.kafka_partition,
            self.key_schema,
            self.key,
            self.value_schema,
            self.value,
            self.kafka_offset,
            self.timestamp,
            self.timestamp_type,
            self.headers.duplicate(),
        )
        new.original_topic = self.original_topic
        new.original_kafka_partition = self.original_kafka_partition
        new.original_kafka_offset = self.original_kafka_offset
        return new

    def _fields(self) -> tuple[Any, ...]:
        origin = (self.original_topic, self.original_kafka_partition, self.original_kafka_offset)
        return (*super()._fields(), self.kafka_offset, self.timestamp_type, *origin)
