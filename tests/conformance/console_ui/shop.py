"""What the console is shown over: topics with records of all kinds, groups, schemas, a connector, users and quotas."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, Self

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.connect import OttlaConnect
from tests.peers.console import Browser, ConsoleProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.registry import RegistryProcess

from ottla.registry.client.registry_client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGAN_MS: Final = 1_764_403_200_000
"""The time of the first record of `orders`: 2025-11-29 08:00 UTC. There is one a second."""
ORDERS: Final = 300
FOREVER: Final = {"retention.ms": "-1"}
"""Their times are long past: retention would take them."""
EVENTS: Final = 100_000
DISHES: Final = ("Svíčková", "Knedlíky", "Goulash", "Palatschinken", "Kolache")
CITIES: Final = ("Praha", "Brno", "Plzeň", "Wien")
TIMEOUT_S: Final = 60.0
APPLICATION: Final = """
import json

from ottla.streams import Consumed, Grouped, Materialized, Produced, Serdes, StreamsBuilder

text, number = Serdes.str(), Serdes.int64()


def topology(config):
    builder = StreamsBuilder()
    orders = builder.stream("orders", Consumed(text, text))
    by_city = orders.group_by(lambda _, order: json.loads(order)["address"]["city"], Grouped(text, text))
    by_city.count(materialized=Materialized.as_("orders-by-city")).to_stream().to("cities", Produced(text, number))
    by_dish = orders.group_by(lambda _, order: json.loads(order)["dish"], Grouped(text, text))
    by_dish.count(materialized=Materialized.as_("orders-by-dish")).to_stream().to("dishes", Produced(text, number))
    return builder
"""


def order_of(number: int) -> dict[str, Any]:
    dish, city = DISHES[number % len(DISHES)], CITIES[number % len(CITIES)]
    return {
        "id": number,
        "customer": f"customer-{number % 40}",
        "dish": dish,
        "amount": 9.5 + number % 23,
        "paid": number % 3 == 0,
        "address": {"city": city, "zip": str(11_000 + number % 90)},
    }


class Shop:
    """Everything, running; `console_url` is where the browser goes."""

    def __init__(self, directory: Path) -> None:
        self.node = OttlaNode(directory / "node", {"offsets.topic.num.partitions": "2", "num.partitions": "1"})
        self._directory = directory
        self._others: list[Any] = []
        self.cluster = ""

    def __enter__(self) -> Self:
        try:
            self.node.start()
            self.registry = self._begin(RegistryProcess(self._directory / "registry", self.node.address))
            self.connect = self._begin(OttlaConnect(self._directory / "connect", self.node.address))
            self._fill()
            options = ["--bootstrap", self.node.address, "--registry", self.registry.url]
            options += ["--connect", f"http://{self.connect.address}"]
            self.console = self._begin(ConsoleProcess(self._directory / "console", *options))
            self.cluster = Browser(self.console.address).get("/api/session")["clusters"][0]["name"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for each in reversed(self._others):
            each.close()
        self.node.close()

    def _begin(self, process: Any) -> Any:
        self._others.append(process)
        process.start()
        return process

    @property
    def console_url(self) -> str:
        return f"http://{self.console.address}"

    def producer(self) -> Producer:
        return Producer({"bootstrap.servers": self.node.address, "linger.ms": 5, "batch.num.messages": 500})

    def _fill(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.node.address})
        topics = [
            NewTopic("orders", 3, 1, config=FOREVER),
            NewTopic("events", 1, 1, config=FOREVER),
            NewTopic("customers", 1, 1, config={"cleanup.policy": "compact"}),
            NewTopic("payments", 2, 1, config={"retention.ms": "86400000"}),
            NewTopic("cities", 3, 1),
            NewTopic("dishes", 3, 1),
        ]
        for made in admin.create_topics(topics).values():
            made.result(TIMEOUT_S)
        producer = self.producer()
        for number in range(ORDERS):
            producer.produce(
                "orders",
                key=f"customer-{number % 40}",
                value=json.dumps(order_of(number), ensure_ascii=False),
                headers=[("trace", f"{number:08x}"), ("source", "shop")],
                partition=number % 3,
                timestamp=BEGAN_MS + 1000 * number,
            )
        for number in range(20):
            producer.produce("customers", key=f"customer-{number}", value=json.dumps({"name": f"Customer {number}"}))
        producer.produce("customers", key="customer-7", value=None)
        for number in range(EVENTS):
            producer.produce(
                "events", key=f"k{number % 100}", value=f'{{"n":{number}}}', partition=0, timestamp=BEGAN_MS + number
            )
            if number % 10_000 == 0:
                producer.poll(0)
        assert producer.flush(TIMEOUT_S) == 0
        self._read("billing", "orders", 120)
        self._read("analytics", "events", 90_000)
        self._register()

    def _read(self, group: str, topic: str, up_to: int) -> None:
        """The group has read so many of each partition."""
        consumer = Consumer({"bootstrap.servers": self.node.address, "group.id": group, "enable.auto.commit": False})
        partitions = consumer.list_topics(topic, TIMEOUT_S).topics[topic].partitions
        offsets = [TopicPartition(topic, partition, up_to // len(partitions)) for partition in partitions]
        consumer.commit(offsets=offsets, asynchronous=False)
        consumer.close()

    def _register(self) -> None:
        client = RegistryClient(self.registry.url)
        fields = [
            {"name": "id", "type": "long"},
            {"name": "customer", "type": "string"},
            {"name": "amount", "type": "double"},
        ]
        for more in ([], [{"name": "dish", "type": ["null", "string"], "default": None}]):
            schema = {"type": "record", "name": "Order", "namespace": "shop", "fields": [*fields, *more]}
            client.call("POST", "/subjects/payments-value/versions", {"schema": json.dumps(schema)})


@contextlib.contextmanager
def application(shop: Shop, directory: Path) -> Iterator[None]:
    """A streams application of two members, whose tasks the broker gives out."""
    (directory / "menu.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "ottla", "streams", "run", "menu:topology", "--set", "application.id=menu"]
    command += ["--set", f"bootstrap.servers={shop.node.address}", "--set", "group.protocol=streams"]
    with contextlib.ExitStack() as running, (directory / "log").open("wb") as log:
        for number in range(2):
            own = [*command, "--set", f"state.dir={directory / str(number)}"]
            process = subprocess.Popen(own, cwd=directory, stdout=log, stderr=log)
            running.callback(process.wait)
            running.callback(process.terminate)
        yield
