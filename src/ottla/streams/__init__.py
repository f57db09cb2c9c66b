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
    from ottla.streams.application.metrics_listener import MetricsListener as MetricsListener
    from ottla.streams.application.restore_listener import StandbyUpdateListener as StandbyUpdateListener
    from ottla.streams.application.restore_listener import StateRestoreListener as StateRestoreListener
    from ottla.streams.application.restore_listener import SuspendReason as SuspendReason
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
    from ottla.streams.errors import InvalidStateStorePartitionError as InvalidStateStorePartitionError
    from ottla.streams.errors import SerializationError as SerializationError
    from ottla.streams.errors import StateStoreMigratedError as StateStoreMigratedError
    from ottla.streams.errors import StateStoreNotAvailableError as StateStoreNotAvailableError
    from ottla.streams.errors import StreamsError as StreamsError
    from ottla.streams.errors import StreamsRebalancingError as StreamsRebalancingError
    from ottla.streams.errors import TopologyError as TopologyError
    from ottla.streams.errors import UnknownStateStoreError as UnknownStateStoreError
    from ottla.streams.expressions.aggregations import Aggregation as Aggregation
    from ottla.streams.expressions.aggregations import avg_ as avg_
    from ottla.streams.expressions.aggregations import collect_ as collect_
    from ottla.streams.expressions.aggregations import count_ as count_
    from ottla.streams.expressions.aggregations import first_ as first_
    from ottla.streams.expressions.aggregations import last_ as last_
    from ottla.streams.expressions.aggregations import max_ as max_
    from ottla.streams.expressions.aggregations import min_ as min_
    from ottla.streams.expressions.aggregations import sum_ as sum_
    from ottla.streams.expressions.expression import Expression as Expression
    from ottla.streams.expressions.expression import ExpressionError as ExpressionError
    from ottla.streams.expressions.functions import array as array
    from ottla.streams.expressions.functions import coalesce as coalesce
    from ottla.streams.expressions.functions import col as col
    from ottla.streams.expressions.functions import explode as explode
    from ottla.streams.expressions.functions import key as key
    from ottla.streams.expressions.functions import lit as lit
    from ottla.streams.expressions.functions import make as make
    from ottla.streams.expressions.functions import pair as pair
    from ottla.streams.expressions.functions import struct as struct
    from ottla.streams.expressions.functions import value as value
    from ottla.streams.expressions.functions import when as when
    from ottla.streams.expressions.functions import with_fields as with_fields
    from ottla.streams.expressions.sides import left as left
    from ottla.streams.expressions.sides import right as right
    from ottla.streams.membership.assignment import HostInfo as HostInfo
    from ottla.streams.metrics.recording_level import RecordingLevel as RecordingLevel
    from ottla.streams.metrics.registry import Metric as Metric
    from ottla.streams.metrics.registry import MetricName as MetricName
    from ottla.streams.metrics.registry import Statistic as Statistic
    from ottla.streams.metrics.streams_metrics import StreamsMetrics as StreamsMetrics
    from ottla.streams.processor import Processor as Processor
    from ottla.streams.processor import ProcessorContext as ProcessorContext
    from ottla.streams.processor import PunctuationType as PunctuationType
    from ottla.streams.queries.key_query import KeyQuery as KeyQuery
    from ottla.streams.queries.key_query import TimestampedKeyQuery as TimestampedKeyQuery
    from ottla.streams.queries.position import Position as Position
    from ottla.streams.queries.position import PositionBound as PositionBound
    from ottla.streams.queries.query_result import FailureReason as FailureReason
    from ottla.streams.queries.queryable_store_types import QueryableStoreTypes as QueryableStoreTypes
    from ottla.streams.queries.range_query import RangeQuery as RangeQuery
    from ottla.streams.queries.range_query import TimestampedRangeQuery as TimestampedRangeQuery
    from ottla.streams.queries.state_query_request import StateQueryRequest as StateQueryRequest
    from ottla.streams.queries.store_query_parameters import StoreQueryParameters as StoreQueryParameters
    from ottla.streams.queries.versioned_query import MultiVersionedKeyQuery as MultiVersionedKeyQuery
    from ottla.streams.queries.versioned_query import VersionedKeyQuery as VersionedKeyQuery
    from ottla.streams.queries.window_query import WindowKeyQuery as WindowKeyQuery
    from ottla.streams.queries.window_query import WindowRangeQuery as WindowRangeQuery
    from ottla.streams.record import Record as Record
    from ottla.streams.record import RecordMetadata as RecordMetadata
    from ottla.streams.serdes.serde import Serde as Serde
    from ottla.streams.serdes.serdes import Serdes as Serdes
    from ottla.streams.state.store import AggregationWithHeaders as AggregationWithHeaders
    from ottla.streams.state.store import ValueAndTimestamp as ValueAndTimestamp
    from ottla.streams.state.store import ValueTimestampHeaders as ValueTimestampHeaders
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
    "Aggregation": "expressions.aggregations",
    "AggregationWithHeaders": "state.store",
    "Branched": "dsl.branched",
    "BufferConfig": "dsl.suppressed",
    "Consumed": "dsl.consumed",
    "EmitStrategy": "windows",
    "Expression": "expressions.expression",
    "ExpressionError": "expressions.expression",
    "FailureReason": "queries.query_result",
    "GlobalKTable": "dsl.global_ktable",
    "Grouped": "dsl.grouped",
    "HostInfo": "membership.assignment",
    "InvalidStateStoreError": "errors",
    "InvalidStateStorePartitionError": "errors",
    "JoinWindows": "windows",
    "Joined": "dsl.joined",
    "KGroupedStream": "dsl.kgrouped_stream",
    "KGroupedTable": "dsl.kgrouped_table",
    "KStream": "dsl.kstream",
    "KTable": "dsl.ktable",
    "KafkaStreams": "application.kafka_streams",
    "KeyQuery": "queries.key_query",
    "Materialized": "dsl.materialized",
    "Metric": "metrics.registry",
    "MetricName": "metrics.registry",
    "MetricsListener": "application.metrics_listener",
    "MultiVersionedKeyQuery": "queries.versioned_query",
    "Named": "dsl.named",
    "Position": "queries.position",
    "PositionBound": "queries.position",
    "Printed": "dsl.printed",
    "Processor": "processor",
    "ProcessorContext": "processor",
    "Produced": "dsl.produced",
    "PunctuationType": "processor",
    "QueryableStoreTypes": "queries.queryable_store_types",
    "RangeQuery": "queries.range_query",
    "Record": "record",
    "RecordMetadata": "record",
    "RecordingLevel": "metrics.recording_level",
    "Repartitioned": "dsl.repartitioned",
    "Serde": "serdes.serde",
    "Serdes": "serdes.serdes",
    "SerializationError": "errors",
    "SessionWindows": "windows",
    "SlidingWindows": "windows",
    "StandbyUpdateListener": "application.restore_listener",
    "StateQueryRequest": "queries.state_query_request",
    "StateRestoreListener": "application.restore_listener",
    "StateStoreMigratedError": "errors",
    "StateStoreNotAvailableError": "errors",
    "StoreQueryParameters": "queries.store_query_parameters",
    "Statistic": "metrics.registry",
    "Stores": "state.stores",
    "StreamJoined": "dsl.stream_joined",
    "StreamsBuilder": "dsl.streams_builder",
    "StreamsConfig": "config",
    "StreamsError": "errors",
    "StreamsMetrics": "metrics.streams_metrics",
    "StreamsRebalancingError": "errors",
    "Suppressed": "dsl.suppressed",
    "SuspendReason": "application.restore_listener",
    "TableJoined": "dsl.table_joined",
    "TimeWindows": "windows",
    "TimestampedKeyQuery": "queries.key_query",
    "TimestampedRangeQuery": "queries.range_query",
    "Topology": "topology.topology",
    "TopologyError": "errors",
    "TopologyTestDriver": "testing.topology_test_driver",
    "UnknownStateStoreError": "errors",
    "UnlimitedWindows": "windows",
    "ValueAndTimestamp": "state.store",
    "ValueTimestampHeaders": "state.store",
    "VersionedKeyQuery": "queries.versioned_query",
    "VersionedRecord": "state.store",
    "Window": "windows",
    "WindowKeyQuery": "queries.window_query",
    "WindowRangeQuery": "queries.window_query",
    "Windowed": "windows",
    "array": "expressions.functions",
    "avg_": "expressions.aggregations",
    "coalesce": "expressions.functions",
    "col": "expressions.functions",
    "collect_": "expressions.aggregations",
    "count_": "expressions.aggregations",
    "explode": "expressions.functions",
    "first_": "expressions.aggregations",
    "key": "expressions.functions",
    "last_": "expressions.aggregations",
    "left": "expressions.sides",
    "lit": "expressions.functions",
    "make": "expressions.functions",
    "max_": "expressions.aggregations",
    "min_": "expressions.aggregations",
    "pair": "expressions.functions",
    "right": "expressions.sides",
    "struct": "expressions.functions",
    "sum_": "expressions.aggregations",
    "value": "expressions.functions",
    "when": "expressions.functions",
    "with_fields": "expressions.functions",
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
