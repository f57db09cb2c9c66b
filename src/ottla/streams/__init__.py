"""Ottla Streams: Kafka Streams as a light Python library, on any Kafka. See docs/adr/0007-streams.md for its rooms.

    from ottla.streams import Consumed, Serdes, StreamsBuilder

What an application writes with is here, under Kafka Streams' names; each is imported when it is first asked for, so
that a topology in a test does not load clients.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ottla.streams.application.kafka_streams import KafkaStreams as KafkaStreams
    from ottla.streams.config import StreamsConfig as StreamsConfig
    from ottla.streams.dsl.branched import Branched as Branched
    from ottla.streams.dsl.consumed import Consumed as Consumed
    from ottla.streams.dsl.global_ktable import GlobalKTable as GlobalKTable
    from ottla.streams.dsl.grouped import Grouped as Grouped
    from ottla.streams.dsl.joined import Joined as Joined
    from ottla.streams.dsl.kgrouped_stream import KGroupedStream as KGroupedStream
    from ottla.streams.dsl.kgrouped_table import KGroupedTable as KGroupedTable
    from ottla.streams.dsl.kstream import KStream as KStream
    from ottla.streams.dsl.ktable import KTable as KTable
    from ottla.streams.dsl.materialized import Materialized as Materialized
    from ottla.streams.dsl.named import Named as Named
    from ottla.streams.dsl.printed import Printed as Printed
    from ottla.streams.dsl.produced import Produced as Produced
    from ottla.streams.dsl.repartitioned import Repartitioned as Repartitioned
    from ottla.streams.dsl.stream_joined import StreamJoined as StreamJoined
    from ottla.streams.dsl.streams_builder import StreamsBuilder as StreamsBuilder
    from ottla.streams.dsl.suppressed import BufferConfig as BufferConfig
    from ottla.streams.dsl.suppressed import Suppressed as Suppressed
    from ottla.streams.dsl.table_joined import TableJoined as TableJoined
    from ottla.streams.errors import InvalidStateStoreError as InvalidStateStoreError
    from ottla.streams.errors import SerializationError as SerializationError
    from ottla.streams.errors import StreamsError as StreamsError
    from ottla.streams.errors import TopologyError as TopologyError
    from ottla.streams.processor import Processor as Processor
    from ottla.streams.processor import ProcessorContext as ProcessorContext
    from ottla.streams.processor import PunctuationType as PunctuationType
    from ottla.streams.record import Record as Record
    from ottla.streams.record import RecordMetadata as RecordMetadata
    from ottla.streams.serdes.serde import Serde as Serde
    from ottla.streams.serdes.serdes import Serdes as Serdes
    from ottla.streams.state.store import ValueAndTimestamp as ValueAndTimestamp
    from ottla.streams.state.store import VersionedRecord as VersionedRecord
    from ottla.streams.state.stores import Stores as Stores
    from ottla.streams.testing.topology_test_driver import TopologyTestDriver as TopologyTestDriver
    from ottla.streams.topology.topology import Topology as Topology
    from ottla.streams.windows import EmitStrategy as EmitStrategy
    from ottla.streams.windows import JoinWindows as JoinWindows
    from ottla.streams.windows import SessionWindows as SessionWindows
    from ottla.streams.windows import SlidingWindows as SlidingWindows
    from ottla.streams.windows import TimeWindows as TimeWindows
    from ottla.streams.windows import UnlimitedWindows as UnlimitedWindows
    from ottla.streams.windows import Window as Window
    from ottla.streams.windows import Windowed as Windowed

PLACES: Final = {
    "Branched": "dsl.branched",
    "BufferConfig": "dsl.suppressed",
    "Consumed": "dsl.consumed",
    "EmitStrategy": "windows",
    "GlobalKTable": "dsl.global_ktable",
    "Grouped": "dsl.grouped",
    "InvalidStateStoreError": "errors",
    "JoinWindows": "windows",
    "Joined": "dsl.joined",
    "KGroupedStream": "dsl.kgrouped_stream",
    "KGroupedTable": "dsl.kgrouped_table",
    "KStream": "dsl.kstream",
    "KTable": "dsl.ktable",
    "KafkaStreams": "application.kafka_streams",
    "Materialized": "dsl.materialized",
    "Named": "dsl.named",
    "Printed": "dsl.printed",
    "Processor": "processor",
    "ProcessorContext": "processor",
    "Produced": "dsl.produced",
    "PunctuationType": "processor",
    "Record": "record",
    "RecordMetadata": "record",
    "Repartitioned": "dsl.repartitioned",
    "Serde": "serdes.serde",
    "Serdes": "serdes.serdes",
    "SerializationError": "errors",
    "SessionWindows": "windows",
    "SlidingWindows": "windows",
    "Stores": "state.stores",
    "StreamJoined": "dsl.stream_joined",
    "StreamsBuilder": "dsl.streams_builder",
    "StreamsConfig": "config",
    "StreamsError": "errors",
    "Suppressed": "dsl.suppressed",
    "TableJoined": "dsl.table_joined",
    "TimeWindows": "windows",
    "Topology": "topology.topology",
    "TopologyError": "errors",
    "TopologyTestDriver": "testing.topology_test_driver",
    "UnlimitedWindows": "windows",
    "ValueAndTimestamp": "state.store",
    "VersionedRecord": "state.store",
    "Window": "windows",
    "Windowed": "windows",
}
"""Name -> the file of it."""

__all__ = sorted(PLACES)


def __getattr__(name: str) -> Any:
    place = PLACES.get(name)
    if place is None:
        raise AttributeError(f"ottla.streams has no {name}")
    return getattr(import_module(f"ottla.streams.{place}"), name)


def __dir__() -> list[str]:
    return sorted(PLACES)
