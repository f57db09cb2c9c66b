"""The application that the tests run: lines of `lines` become words, and `counts` has how many there were of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.processor import Processor
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.stores import Stores
from ottla.streams.topology.topology import Topology

if TYPE_CHECKING:
    from ottla.streams.processor import ProcessorContext
    from ottla.streams.record import Record


class Split(Processor[Any, Any]):
    def process(self, record: Record[Any, Any]) -> None:
        for word in record.value.split():
            self.context.forward(record.with_key(word).with_value(word))


class Count(Processor[Any, Any]):
    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.counts = context.store("counts")

    def process(self, record: Record[Any, Any]) -> None:
        count = (self.counts.get(record.key) or 0) + 1
        self.counts.put(record.key, count)
        self.context.forward(record.with_value(count))


def topology() -> Topology:
    text, number = Serdes.str(), Serdes.int64()
    made = Topology()
    made.add_source("lines", "lines", key_deserializer=text.deserializer, value_deserializer=text.deserializer)
    made.add_processor("split", Split, "lines")
    made.add_sink("to-words", "words", "split", key_serializer=text.serializer, value_serializer=text.serializer)
    made.add_source("words", "words", key_deserializer=text.deserializer, value_deserializer=text.deserializer)
    made.add_processor("count", Count, "words")
    store = Stores.key_value_store_builder(Stores.persistent_key_value_store("counts"), text, number)
    made.add_state_store(store, "count")
    made.add_sink("to-counts", "counts", "count", key_serializer=text.serializer, value_serializer=number.serializer)
    return made
