"""Records in the frames of a JVM: fields in their order, texts and bytes behind their sizes (-1: null).

Keys, values and headers are JsonConverter's bytes, with schemas.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.api.header import Header
from ottla.connect.api.record import SourceRecord, TimestampType
from ottla.connect.converters.json_converter import JsonConverter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.api.task import RecordMetadata

_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")
_ORIGIN: Final = struct.Struct(">iqqi")
_COMMITTED: Final = struct.Struct(">qiqq")
_TYPES: Final = {
    TimestampType.NO_TIMESTAMP_TYPE: 0,
    TimestampType.CREATE_TIME: 1,
    TimestampType.LOG_APPEND_TIME: 2,
}


class JavaRecord(SourceRecord):
    """`number` is what the JVM knows it by."""

    __slots__ = ("number",)

    number: int


def make_converters() -> tuple[JsonConverter, JsonConverter]:
    """For keys, and for values and headers."""
    found = []
    for kind in ("key", "value"):
        converter = JsonConverter()
        converter.configure({"converter.type": kind, "schemas.enable": True, "replace.null.with.default": False})
        found.append(converter)
    return found[0], found[1]


class RecordReader:
    """Of a source."""

    def __init__(self) -> None:
        self._keys, self._values = make_converters()
        self._partitions: dict[bytes, Any] = {}

    def read(self, body: bytes) -> list[SourceRecord]:
        """`ConnectError` where that is no list of records."""
        if not body:
            return []
        try:
            view = _View(body)
            return [self._record(view) for _ in range(view.integer())]
        except (struct.error, ValueError, IndexError, TypeError) as error:
            raise ConnectError(f"the records of a plugin in Java cannot be read: {error}") from error

    def _record(self, view: _View) -> SourceRecord:
        number = view.long()
        partition = self._partition(view.bytes() or b"null")
        offset = json.loads(view.bytes() or b"null")
        topic = view.text()
        kafka_partition, timestamp = view.integer(), view.long()
        key = self._keys.to_connect_data(topic, view.bytes())
        value = self._values.to_connect_data(topic, view.bytes())
        headers = []
        for _ in range(view.integer()):
            name = view.text()
            found = self._values.to_connect_data(topic, view.bytes())
            headers.append(Header(name, found.value, found.schema))
        record = JavaRecord(
            partition,
            offset,
            topic,
            None if kafka_partition < 0 else kafka_partition,
            key.schema,
            key.value,
            value.schema,
            value.value,
            None if timestamp < 0 else timestamp,
            headers,
        )
        record.number = number
        return record

    def _partition(self, data: bytes) -> Any:
        """The same object again: what is known of it is found by that."""
        found = self._partitions.get(data)
        if found is None:
            if len(self._partitions) >= PARTITIONS_KEPT:
                self._partitions.clear()
            found = self._partitions[data] = json.loads(data)
        return found


PARTITIONS_KEPT: Final = 10_000


class _View:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def integer(self) -> int:
        value: int = _INT.unpack_from(self._data, self._at)[0]
        self._at += 4
        return value

    def long(self) -> int:
        value: int = _LONG.unpack_from(self._data, self._at)[0]
        self._at += 8
        return value

    def bytes(self) -> bytes | None:
        size = self.integer()
        if size < 0:
            return None
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            raise ValueError("it ends too early")
        self._at += size
        return data

    def text(self) -> str:
        return (self.bytes() or b"").decode()


def committed_bytes(records: Sequence[tuple[int, RecordMetadata | None]]) -> bytes:
    parts = [_INT.pack(len(records))]
    for number, metadata in records:
        if metadata is None:
            parts.append(_COMMITTED.pack(number, -1, -1, -1) + _sized(b""))
        else:
            timestamp = -1 if metadata.timestamp is None else metadata.timestamp
            parts.append(_COMMITTED.pack(number, metadata.partition, metadata.offset, timestamp))
            parts.append(_sized(metadata.topic.encode()))
    return b"".join(parts)


class RecordWriter:
    """For a sink."""

    def __init__(self) -> None:
        self._keys, self._values = make_converters()

    def write(self, records: Iterable[bytes]) -> bytes:
        parts = list(records)
        return _INT.pack(len(parts)) + b"".join(parts)

    def record(self, record: SinkRecord) -> bytes:
        """`DataError` where it cannot be JSON."""
        topic = record.topic
        timestamp = -1 if record.timestamp is None else record.timestamp
        origin = _ORIGIN.pack(
            record.original_kafka_partition or 0,
            record.original_kafka_offset,
            timestamp,
            _TYPES[record.timestamp_type],
        )
        headers = [
            _sized(each.key.encode()) + _sized(self._values.from_connect_data(topic, each.schema, each.value))
            for each in record.headers
        ]
        return b"".join([
            _sized(topic.encode()),
            _INT.pack(-1 if record.kafka_partition is None else record.kafka_partition),
            _sized(record.original_topic.encode()),
            origin,
            _sized(self._keys.from_connect_data(topic, record.key_schema, record.key)),
            _sized(self._values.from_connect_data(topic, record.value_schema, record.value)),
            _INT.pack(len(headers)),
            *headers,
        ])  # fmt: skip


def _sized(data: bytes | None) -> bytes:
    return _INT.pack(-1) if data is None else _INT.pack(len(data)) + data


def offsets_json(offsets: Mapping[Any, int]) -> list[list[Any]]:
    return [[topic, partition, offset] for (topic, partition), offset in offsets.items()]
