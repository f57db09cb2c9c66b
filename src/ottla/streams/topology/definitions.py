"""The nodes of a topology as they were added: what is not given is None, internal topics have no prefix yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from ottla.streams.operator import Operator
    from ottla.streams.processor import Processor
    from ottla.streams.serdes.serde import Deserializer, Serializer
    from ottla.streams.topology.auto_offset_reset import AutoOffsetReset
    from ottla.streams.topology.defaults import Deferred
    from ottla.streams.topology.store_factory import StoreFactory
    from ottla.streams.topology.stream_partitioner import StreamPartitioner
    from ottla.streams.topology.timestamp_extractor import TimestampExtractor
    from ottla.streams.topology.topic_name_extractor import TopicNameExtractor

    AnyDeserializer = Deserializer[Any] | Deferred[Deserializer[Any]] | None
    AnySerializer = Serializer[Any] | Deferred[Serializer[Any]] | None
    Supplier = Callable[[], Operator | Processor[Any, Any]]


@dataclass(slots=True)
class SourceDefinition:
    name: str
    topics: tuple[str, ...]
    pattern: re.Pattern[str] | None
    key_deserializer: AnyDeserializer
    value_deserializer: AnyDeserializer
    timestamp_extractor: TimestampExtractor | None
    offset_reset: AutoOffsetReset | None
    parents: tuple[str, ...] = ()


@dataclass(slots=True)
class ProcessorDefinition:
    name: str
    supplier: Supplier | Deferred[Supplier]
    parents: tuple[str, ...]
    fixed_key: bool
    stores: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class SinkDefinition:
    name: str
    topic: str | TopicNameExtractor
    key_serializer: AnySerializer
    value_serializer: AnySerializer
    partitioner: StreamPartitioner | Deferred[StreamPartitioner | None] | None
    parents: tuple[str, ...]


NodeDefinition = SourceDefinition | ProcessorDefinition | SinkDefinition


@dataclass(slots=True)
class GlobalStoreDefinition:
    source: str
    processor: str
    store: StoreFactory
    reprocess: bool
