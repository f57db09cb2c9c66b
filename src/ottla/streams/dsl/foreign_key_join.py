"""How a join of tables by a foreign key is written: two topics, five processors and a store (KIP-213).

this table ─► send ═registration topic═► receive ─► join ──┐
other table ─────────────────────────────► join foreign ───┴═response topic═► resolve ─► result
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.graph.node import ProcessorNode, SinkNode, StreamSourceNode, VersionedProcessorNode
from ottla.streams.dsl.graph.table_supplier import TableSourceSupplier
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import NodeName
from ottla.streams.dsl.produced import Produced
from ottla.streams.dsl.store_suppliers import configured_suppliers
from ottla.streams.dsl.table_joined import TableJoined
from ottla.streams.topology.defaults import Deferred
from ottla.streams.topology.store_factory import StoreFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.defaults import Defaults
    from ottla.streams.topology.stream_partitioner import StreamPartitioner

REGISTRATION = "KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-"
RESPONSE = "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-"
PROCESSOR = "KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-"
STORE = "KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-"
RESOLVER = "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-"
OUTPUT = "KTABLE-FK-JOIN-OUTPUT-"
TOPIC_SUFFIX = "-topic"
SINK = "KTABLE-SINK-"
SOURCE = "KTABLE-SOURCE-"


def join_by_foreign_key(
    this: KTable[Any, Any],
    other: KTable[Any, Any],
    foreign_key: Callable[[Any, Any], Any],
    joiner: Callable[[Any, Any], Any],
    table_joined: TableJoined[Any, Any] | None,
    materialized: Materialized[Any, Any] | None,
    *,
    is_left: bool,
) -> KTable[Any, Any]:
    other.enable_sending_old_values(force=True)
    this.enable_sending_old_values(force=True)
    join = _ForeignKeyJoin(this, other, table_joined or TableJoined(), is_left=is_left)
    join.subscribe(foreign_key)
    join.receive()
    join.respond()
    join.resolve(joiner)
    return join.result(materialized or Materialized())


class _ForeignKeyJoin:
    """Its methods are called in the order in which Java adds the nodes, and so counts their names."""

    def __init__(
        self, this: KTable[Any, Any], other: KTable[Any, Any], joined: TableJoined[Any, Any], *, is_left: bool
    ) -> None:
        self._this = this
        self._other = other
        self._joined = joined
        self._is_left = is_left
        self._builder = this._builder
        self._named = NodeName.of(joined.name)
        self._registration_topic = self._name("-subscription-registration", REGISTRATION) + TOPIC_SUFFIX
        self._builder.topology.add_internal_topic(self._registration_topic)
        self._key_serde = this._key_serde
        self._foreign_key_serde = other._key_serde

    def _name(self, suffix: str, prefix: str) -> str:
        return self._named.suffixed_or_generated(suffix, self._builder, prefix)

    def _names(self, defaults: Defaults) -> Any:
        from ottla.streams.operators.foreign_key_join import ForeignKeyNames

        return ForeignKeyNames(defaults.topic(self._registration_topic))

    def _serdes(self) -> Any:
        from ottla.streams.operators.foreign_key_join import ForeignKeySerdes

        other = self._other
        return ForeignKeySerdes(self._key_serde, self._foreign_key_serde, self._this._value_serde, other._value_serde)

    def subscribe(self, foreign_key: Callable[[Any, Any], Any]) -> None:
        def supplier(names: Any) -> Any:
            from ottla.streams.operators.foreign_key_join import SubscriptionSend

            return lambda: SubscriptionSend(foreign_key, names, self._serdes(), self._is_left, send.versioned)

        send = _DeferredSupplier(self._names, supplier)
        name = self._name("-subscription-registration-processor", REGISTRATION)
        send_node = VersionedProcessorNode(name, send)
        self._builder.add(send_node, self._this._node)
        serializers = self._serde_parts(self._foreign_key_serde, self._subscription_serde, "serializer")
        sink = SinkNode(
            self._name("-subscription-registration-sink", SINK),
            self._registration_topic,
            Produced(),
            serializers,
            _by_key_only(self._joined.other_partitioner),
        )
        self._builder.add(sink, send_node)
        self._source = StreamSourceNode(
            self._name("-subscription-registration-source", SOURCE),
            (self._registration_topic,),
            None,
            Consumed(),
            self._serde_parts(self._foreign_key_serde, self._subscription_serde, "deserializer"),
        )
        self._builder.add(self._source, sink)
        self._builder.topology.copartition_sources(self._other._origin.sources | {self._source.name})

    def receive(self) -> None:
        self._store = self._store_factory(self._name("-subscription-store", STORE))

        def receive(names: Any) -> Any:
            from ottla.streams.operators.foreign_key_join import SubscriptionReceive

            return lambda: SubscriptionReceive(self._store.name, names, self._serdes())

        name = self._name("-subscription-receive", PROCESSOR)
        receive_node = ProcessorNode(name, _DeferredSupplier(self._names, receive, (self._store,)))
        self._builder.add(receive_node, self._source)

        view = self._other.view()

        def join() -> Any:
            from ottla.streams.operators.foreign_key_join import SubscriptionJoin

            return SubscriptionJoin(view)

        self._join_node = ProcessorNode(self._name("-subscription-join-foreign", PROCESSOR), join, view.store_names)
        self._builder.add(self._join_node, receive_node)

        def join_foreign(names: Any) -> Any:
            from ottla.streams.operators.foreign_key_join import ForeignTableJoin

            return lambda: ForeignTableJoin(self._store.name, names, self._serdes(), foreign.versioned)

        foreign = _DeferredSupplier(self._names, join_foreign, (self._store,))
        self._foreign_node = VersionedProcessorNode(self._name("-foreign-join-subscription", PROCESSOR), foreign)
        self._builder.add(self._foreign_node, self._other._node)

    def respond(self) -> None:
        topic = self._name("-subscription-response", RESPONSE) + TOPIC_SUFFIX
        self._builder.topology.add_internal_topic(topic)
        sink = SinkNode(
            self._name("-subscription-response-sink", SINK),
            topic,
            Produced(),
            self._serde_parts(self._key_serde, self._response_serde, "serializer"),
            _by_key_only(self._joined.partitioner) or _primary_partition,
        )
        self._builder.add(sink, self._join_node)
        self._builder.add(sink, self._foreign_node)
        self._response = StreamSourceNode(
            self._name("-subscription-response-source", SOURCE),
            (topic,),
            None,
            Consumed(),
            self._serde_parts(self._key_serde, self._response_serde, "deserializer"),
        )
        self._builder.add(self._response, sink)
        self._sources = self._this._origin.sources | {self._response.name}
        self._builder.topology.copartition_sources(self._sources)

    def resolve(self, joiner: Callable[[Any, Any], Any]) -> None:
        view = self._this.view()

        def supplier(names: Any) -> Any:
            from ottla.streams.operators.foreign_key_join import ResponseJoin

            return lambda: ResponseJoin(view, joiner, names, self._serdes(), self._is_left)

        name = self._name("-subscription-response-resolver", RESOLVER)
        self._resolve_node = ProcessorNode(name, _DeferredSupplier(self._names, supplier), view.store_names)
        self._builder.add(self._resolve_node, self._response)

    def result(self, materialized: Materialized[Any, Any]) -> KTable[Any, Any]:
        from ottla.streams.dsl.ktable import KTable

        name = self._name("-result", OUTPUT)
        store = MaterializedStore.of(materialized, self._builder, OUTPUT).with_default_serdes(self._key_serde)
        supplier = TableSourceSupplier(store.key_value_factory(), materialized=store.queryable_name is not None)
        node = ProcessorNode(name, supplier)
        node.output_versioned = store.is_versioned
        self._builder.add(node, self._resolve_node)
        origin = Origin(self._builder, node, name, self._sources)
        return KTable(origin, self._key_serde, store.value_serde, supplier, store.name)

    def _subscription_serde(self, defaults: Defaults) -> Serde[Any]:
        from ottla.streams.serdes.subscription import subscription_serde

        topic = defaults.topic(f"{self._registration_topic}-pk")
        upgrade_from_v0 = defaults.config.get("upgrade.from") in _BEFORE_PRIMARY_PARTITIONS
        return subscription_serde(self._key_serde or defaults.key_serde, topic, upgrade_from_v0=upgrade_from_v0)

    def _response_serde(self, defaults: Defaults) -> Serde[Any]:
        from ottla.streams.serdes.subscription import subscription_response_serde

        return subscription_response_serde(self._other._value_serde or defaults.value_serde)

    @staticmethod
    def _serde_parts(key: Serde[Any] | None, value: Callable[[Defaults], Serde[Any]], part: str) -> tuple[Any, Any]:
        return key and getattr(key, part), Deferred(lambda defaults: getattr(value(defaults), part))

    def _store_factory(self, name: str) -> StoreFactory:
        def make(defaults: Defaults) -> StoreBuilder:
            from ottla.streams.serdes.primitive import BYTES
            from ottla.streams.state.stores import Stores

            supplier = configured_suppliers(None, defaults.config).key_value_store(name)
            serde = self._subscription_serde(defaults)
            return Stores.timestamped_key_value_store_builder(supplier, BYTES, serde).with_headers_logged("always")

        return StoreFactory(name, make, object())


class _DeferredSupplier(Deferred[Any]):
    """A supplier that needs the application's prefix, with the stores that it brings along."""

    def __init__(
        self, names: Callable[[Defaults], Any], make: Callable[[Any], Any], factories: Sequence[StoreFactory] = ()
    ) -> None:
        super().__init__(lambda defaults: make(names(defaults)))
        self._factories = factories
        self.versioned = False

    def stores(self) -> Sequence[StoreFactory]:
        return self._factories


_BEFORE_PRIMARY_PARTITIONS = frozenset({"2.4", "2.5", "2.6", "2.7", "2.8", "3.0", "3.1", "3.2", "3.3"})


def _by_key_only(partitioner: StreamPartitioner | None) -> StreamPartitioner | None:
    """Java calls it without the value, and allows one partition only."""
    if partitioner is None:
        return None

    def partition(topic: str, key: Any, value: Any, partitions: int, /) -> Collection[int] | None:
        chosen = partitioner(topic, key, None, partitions)
        if chosen is not None and len(chosen) != 1:
            raise ValueError("a partitioner of a foreign-key join must choose one partition, or none")
        return chosen

    return partition


def _primary_partition(topic: str, key: Any, value: Any, partitions: int, /) -> Collection[int] | None:
    """An answer goes back to where the question came from."""
    return None if value is None or value.primary_partition is None else (value.primary_partition,)
