"""Global stores in a running application: whole on every instance, followed while it runs, kept over a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.process import wait_for
from tests.streams.conftest import AT_LEAST_ONCE, QUICK

from ottla.streams import Consumed, Materialized, Produced, Serdes, StreamsBuilder
from ottla.streams.application.instance_state import State
from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.errors import StreamsError
from ottla.streams.queries.queryable_store_types import QueryableStoreTypes
from ottla.streams.queries.store_query_parameters import StoreQueryParameters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.streams import Topology

pytestmark = pytest.mark.timeout(120)
TEXT = Serdes.str()


def topology() -> Topology:
    builder = StreamsBuilder()
    prices = builder.global_table("prices", Consumed(TEXT, TEXT), materialized=Materialized.as_("prices"))
    orders = builder.stream("orders", Consumed(TEXT, TEXT))
    priced = orders.join(prices, lambda item, price: f"{item} for {price}", key_selector=lambda _, item: item)
    priced.to("priced", Produced(TEXT, TEXT))
    return builder.build()


class Restorations:
    def __init__(self) -> None:
        self.started: dict[int, tuple[int, int]] = {}
        self.ended: dict[int, int] = {}

    def on_restore_start(self, partition: Any, store: str, start_offset: int, end_offset: int) -> None:
        self.started[partition.partition] = start_offset, end_offset

    def on_batch_restored(self, partition: Any, store: str, batch_end_offset: int, records: int) -> None: ...

    def on_restore_end(self, partition: Any, store: str, total_restored: int) -> None:
        self.ended[partition.partition] = total_restored

    def on_restore_suspended(self, partition: Any, store: str, total_restored: int) -> None: ...


def start(tmp_path: Path, bootstrap: str, listener: Restorations) -> KafkaStreams:
    settings: dict[str, Any] = {
        "application.id": "pricing",
        "bootstrap.servers": bootstrap,
        "state.dir": str(tmp_path / "state"),
    }
    app = KafkaStreams(topology(), settings | QUICK | AT_LEAST_ONCE, state_restore_listener=listener)
    app.start()
    return app


def send(bootstrap: str, topic: str, *records: tuple[str, str]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for key, value in records:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def priced(bootstrap: str, count: int) -> list[str]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition("priced", 0, 0)])
    found: list[str] = []

    def all_there() -> bool:
        found.extend((message.value() or b"").decode() for message in consumer.consume(100, 0.1))
        return len(found) >= count

    try:
        wait_for(all_there, f"{count} orders are priced")
    finally:
        consumer.close()
    return found


def test_it_is_filled_followed_and_gone_on_with(tmp_path: Path, ottla: NodeProcess) -> None:
    bootstrap = ottla.address
    first = Restorations()
    with pytest.raises(StreamsError, match="prices"):
        start(tmp_path, bootstrap, first)
    topics = [NewTopic("prices", 2, 1), NewTopic("orders", 1, 1), NewTopic("priced", 1, 1)]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(topics).values():
        future.result(30)
    send(bootstrap, "prices", *((f"item{number}", "1") for number in range(20)))
    app = start(tmp_path, bootstrap, first)
    try:
        app.wait_until_running()
        assert sum(first.ended.values()) == 20
        assert {start for start, _ in first.started.values()} == {0}
        send(bootstrap, "orders", ("a", "item3"))
        assert priced(bootstrap, 1) == ["item3 for 1"]
        send(bootstrap, "prices", ("item3", "2"), ("new", "9"))
        store = app.store(StoreQueryParameters.from_name_and_type("prices", QueryableStoreTypes.key_value_store()))
        wait_for(lambda: store.get("new") == "9" and store.get("item3") == "2", "the prices are known")
        send(bootstrap, "orders", ("b", "item3"), ("c", "new"), ("d", "nothing"))
        assert priced(bootstrap, 3) == ["item3 for 1", "item3 for 2", "new for 9"]
    finally:
        assert app.close()
    send(bootstrap, "prices", ("item4", "7"))
    again = Restorations()
    app = start(tmp_path, bootstrap, again)
    try:
        app.wait_until_running()
        assert sum(again.ended.values()) == 1  # the rest lies on the disk, and its checkpoint says so
        assert sum(start for start, _ in again.started.values()) == 22
        send(bootstrap, "orders", ("e", "item4"), ("f", "item5"))
        assert priced(bootstrap, 5)[3:] == ["item4 for 7", "item5 for 1"]
    finally:
        assert app.close()
    assert app.state is State.NOT_RUNNING
