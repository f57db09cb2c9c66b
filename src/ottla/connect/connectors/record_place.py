"""Where a record stood in Kafka, whatever transformations made of its topic: to know it again, to name it in errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ottla.connect.api.record import SinkRecord

Place: TypeAlias = tuple[str, int | None, int]
"""Topic, partition, offset."""


def place_of(record: SinkRecord) -> Place:
    return record.original_topic, record.original_kafka_partition, record.original_kafka_offset


def where(record: SinkRecord) -> str:
    return "record {}-{}@{}".format(*place_of(record))
