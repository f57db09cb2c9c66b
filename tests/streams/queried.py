"""An application with a store of every kind: words counted for ever, by windows and sessions; prices with a past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.grouped import Grouped
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.streams_builder import StreamsBuilder
from ottla.streams.queries.position import Position
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.stores import Stores
from ottla.streams.windows import SessionWindows, TimeWindows

if TYPE_CHECKING:
    from collections.abc import Iterable

PARTITIONS = 3
TEXT = Serdes.str()
LONG = "1h"
"""Nothing expires: otherwise it would depend on the commits what a window of before has still."""


def topology() -> StreamsBuilder:
    builder = StreamsBuilder()
    words = builder.stream("words", Consumed(TEXT, TEXT)).group_by_key(Grouped(TEXT, TEXT))
    words.count(materialized=Materialized.as_("counts"))
    windows, sessions = TimeWindows.of_size_with_no_grace("10s"), SessionWindows.of_inactivity_gap_with_no_grace("10s")
    words.windowed_by(windows).count(materialized=Materialized.as_("windows").with_retention(LONG))
    words.windowed_by(sessions).count(materialized=Materialized.as_("sessions").with_retention(LONG))
    versioned = Stores.persistent_versioned_key_value_store("prices", LONG)
    builder.table("prices", Consumed(TEXT, TEXT), materialized=Materialized.as_(versioned))
    builder.global_table("names", Consumed(TEXT, TEXT), materialized=Materialized.as_("names"))
    return builder


def make_topics(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(
        [NewTopic(name, PARTITIONS, 1) for name in ("words", "prices", "names")]
    ).values():
        future.result(30)


def send(bootstrap: str, topic: str, records: Iterable[tuple[str, str, int]]) -> Position:
    """Keys, values and times; the position of who has seen them all."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    found: list[Position] = []
    for key, value, time_ms in records:
        producer.produce(
            topic,
            value,
            key,
            timestamp=time_ms,
            on_delivery=lambda error, message: found.append(
                Position().with_component(message.topic() or "", message.partition() or 0, message.offset() or 0)
            ),
        )
        producer.poll(0)
    assert producer.flush(60) == 0
    position = Position()
    for each in found:
        position = position.merge(each)
    return position
