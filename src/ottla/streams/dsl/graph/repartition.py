"""The nodes that send a stream, or the changes of a table, through a repartition topic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.dsl.graph.node import GraphNode
from ottla.streams.dsl.graph.serde_part import deserializer_of, serializer_of
from ottla.streams.topology.defaults import Deferred
from ottla.streams.topology.timestamp_extractor import fail_on_invalid_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.named import NameProvider
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.topology.stream_partitioner import StreamPartitioner
    from ottla.streams.topology.topology import Topology

SUFFIX: Final = "-repartition"
SINK: Final = "KSTREAM-SINK-"
FILTER: Final = "KSTREAM-FILTER-"
SOURCE: Final = "KSTREAM-SOURCE-"

_COUNTED: Final = re.compile(r"KSTREAM.*-[0-9]{10}")


@dataclass(frozen=True, slots=True)
class RepartitionNames:
    topic: str
    sink: str
    filter: str
    source: str

    @classmethod
    def of(cls, prefix: str, provider: NameProvider) -> RepartitionNames:
        """Three indexes are used up; the nodes have counted names only where the topic has one."""
        topic = prefix if prefix.endswith(SUFFIX) else prefix + SUFFIX
        counted = cls(topic, *(provider.new_processor_name(name) for name in (SINK, FILTER, SOURCE)))
        if _COUNTED.fullmatch(prefix):
            return counted
        return cls(topic, f"{topic}-sink", f"{topic}-filter", f"{topic}-source")


class RepartitionNode(GraphNode):
    """Drops records without keys, unless a join below needs them; then a sink and a source.

    One that is `mergeable` may be replaced by one for all that follow the same change of keys.
    """

    def __init__(
        self,
        names: RepartitionNames,
        key_serde: Serde[Any] | None,
        value_serde: Serde[Any] | None,
        *,
        mergeable: bool,
        partitioner: StreamPartitioner | None = None,
        partitions: int | None = None,
    ) -> None:
        super().__init__(names.source)
        self.names = names
        self.key_serde = key_serde
        self.value_serde = value_serde
        self.mergeable = mergeable
        self.drops_null_keys = False
        self._partitioner = partitioner
        self._partitions = partitions

    def write(self, topology: Topology) -> None:
        names, key, value = self.names, self.key_serde, self.value_serde
        topology.add_internal_topic(names.topic, self._partitions)
        topology.add_processor(names.filter, _filter(drops_null_keys=self.drops_null_keys), *self.parent_names)
        topology.add_sink(
            names.sink,
            names.topic,
            names.filter,
            key_serializer=serializer_of(key),
            value_serializer=serializer_of(value),
            partitioner=self._partitioner,
        )
        topology.add_source(
            names.source,
            names.topic,
            timestamp_extractor=fail_on_invalid_timestamp,
            key_deserializer=deserializer_of(key),
            value_deserializer=deserializer_of(value),
        )


def _filter(*, drops_null_keys: bool) -> Callable[[], Any]:
    def make() -> Any:
        from ottla.streams.operators.stateless import Filter, PassThrough

        return Filter(lambda key, _: key is not None) if drops_null_keys else PassThrough()

    return make


class TableRepartitionNode(GraphNode):
    """For grouped tables: old and new values travel together."""

    def __init__(
        self, topic: str, sink: str, source: str, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> None:
        super().__init__(source)
        self._topic = topic
        self._sink = sink
        self._key_serde = key_serde
        self._value_serde = value_serde

    def write(self, topology: Topology) -> None:
        from ottla.streams.serdes.change import ChangeDeserializer, change_serde

        key, value = self._key_serde, self._value_serde
        topology.add_internal_topic(self._topic)
        topology.add_sink(
            self._sink,
            self._topic,
            *self.parent_names,
            key_serializer=serializer_of(key),
            value_serializer=Deferred(
                lambda defaults: (
                    change_serde(value or defaults.value_serde, upgrade=sends_two_records(defaults.config)).serializer
                )
            ),
        )
        topology.add_source(
            self.name,
            self._topic,
            timestamp_extractor=fail_on_invalid_timestamp,
            key_deserializer=deserializer_of(key),
            value_deserializer=Deferred(
                lambda defaults: ChangeDeserializer((value or defaults.value_serde).deserializer)
            ),
        )


def sends_two_records(config: Any) -> bool:
    """Whether other members may still be older than 3.5, which cannot read a change of old and new value (KIP-904)."""
    upgrade_from = config.get("upgrade.from")
    return upgrade_from in {"2.4", "2.5", "2.6", "2.7", "2.8", "3.0", "3.1", "3.2", "3.3", "3.4"}
