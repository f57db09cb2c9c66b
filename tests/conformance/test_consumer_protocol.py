"""The consumer protocol (KIP-848) as real clients speak it: librdkafka's and Apache Kafka's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import confluent_kafka as ck
import pytest
from confluent_kafka import admin
from tests.conformance.scenarios import unique
from tests.conftest import make_node
from tests.peers.apache_kafka import run_java

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(400)

# Members hear of a change with their next heartbeat; the default is five seconds.
SETTINGS = {
    "group.consumer.min.heartbeat.interval.ms": "300",
    "group.consumer.heartbeat.interval.ms": "300",
    "group.consumer.assignment.interval.ms": "0",
}
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with make_node(tmp_path_factory.mktemp("consumer-protocol"), SETTINGS) as running:
        yield running


class Group:
    """The consumers of one group in this process, polled together."""

    def __init__(self, node: NodeProcess, name: str) -> None:
        self.node = node
        self.name = name
        self.consumers: list[ck.Consumer] = []
        self.values: list[str] = []

    def add(self, *topics: str, protocol: str = "consumer", **settings: Any) -> ck.Consumer:
        config = {
            "bootstrap.servers": self.node.address,
            "group.id": self.name,
            "group.protocol": protocol,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 500,
            **{key.replace("_", "."): value for key, value in settings.items()},
        }
        if protocol == "classic":
            config |= {"heartbeat.interval.ms": 300, "partition.assignment.strategy": "cooperative-sticky"}
        consumer = ck.Consumer(config)
        consumer.subscribe(list(topics))
        self.consumers.append(consumer)
        return consumer

    def poll_until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, [len(each.assignment()) for each in self.consumers]
            for consumer in self.consumers:
                message = consumer.poll(0.05)
                if message is not None and message.error() is None:
                    self.values.append((message.value() or b"").decode())

    def shares(self) -> list[int]:
        return [len(each.assignment()) for each in self.consumers]

    def leave(self, consumer: ck.Consumer) -> None:
        self.consumers.remove(consumer)
        consumer.close()

    def close(self) -> None:
        for consumer in list(self.consumers):
            self.leave(consumer)


@pytest.fixture
def group(node: NodeProcess) -> Iterator[Group]:
    made = Group(node, unique("consumer-group"))
    yield made
    made.close()


def make_topic(node: NodeProcess, name: str, partitions: int = 4) -> str:
    client = admin.AdminClient({"bootstrap.servers": node.address})
    client.create_topics([admin.NewTopic(name, partitions, 1)])[name].result(60)
    return name


def produce(node: NodeProcess, topic: str, *values: str, partitions: int = 4) -> None:
    producer = ck.Producer({"bootstrap.servers": node.address})
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % partitions)
    assert producer.flush(60) == 0


def described(node: NodeProcess, group: str) -> tuple[str, str, int]:
    client = admin.AdminClient({"bootstrap.servers": node.address})
    found = client.describe_consumer_groups([group])[group].result(60)
    return found.type.name, found.state.name, len(found.members)


def test_members_share_and_hand_over(node: NodeProcess, group: Group) -> None:
    topic = make_topic(node, unique("shared"))
    produce(node, topic, *(f"v{n}" for n in range(20)))
    first = group.add(topic)
    group.poll_until(lambda: len(group.values) == 20)
    first.commit(asynchronous=False)
    second = group.add(topic, group_instance_id="static")
    group.poll_until(lambda: group.shares() == [2, 2])
    assert described(node, group.name) == ("CONSUMER", "STABLE", 2)
    produce(node, topic, *(f"w{n}" for n in range(20)))
    group.poll_until(lambda: len(group.values) == 40)
    assert sorted(group.values) == sorted(f"{letter}{n}" for letter in "vw" for n in range(20))
    first.commit(asynchronous=False)
    second.commit(asynchronous=False)
    group.leave(first)
    group.poll_until(lambda: group.shares() == [4])
    committed = second.committed([ck.TopicPartition(topic, index) for index in range(4)], 60)
    assert [each.offset for each in committed] == [10] * 4


def test_expressions_find_topics_that_come_later(node: NodeProcess, group: Group) -> None:
    prefix = unique("pattern")
    make_topic(node, f"{prefix}-a", 2)
    make_topic(node, f"other-{prefix}", 2)
    group.add(f"^{prefix}-.*")
    group.poll_until(lambda: group.shares() == [2])
    make_topic(node, f"{prefix}-b", 1)
    group.poll_until(lambda: group.shares() == [3])
    assert {each.topic for each in group.consumers[0].assignment()} == {f"{prefix}-a", f"{prefix}-b"}


def test_a_group_goes_from_one_protocol_to_the_other_and_back(node: NodeProcess, group: Group) -> None:
    topic = make_topic(node, unique("migrating"))
    classic = group.add(topic, protocol="classic")
    group.poll_until(lambda: group.shares() == [4])
    assert described(node, group.name) == ("CLASSIC", "STABLE", 1)
    modern = group.add(topic)
    group.poll_until(lambda: group.shares() == [2, 2])
    assert described(node, group.name)[::2] == ("CONSUMER", 2)
    produce(node, topic, *(f"v{n}" for n in range(20)))
    group.poll_until(lambda: len(group.values) == 20)
    classic.commit(asynchronous=False)
    modern.commit(asynchronous=False)
    group.leave(classic)
    group.poll_until(lambda: group.shares() == [4])
    assert described(node, group.name) == ("CONSUMER", "STABLE", 1)
    back = group.add(topic, protocol="classic")
    group.poll_until(lambda: group.shares() == [2, 2])
    group.leave(modern)
    group.poll_until(lambda: group.shares() == [4])
    group.poll_until(lambda: described(node, group.name) == ("CLASSIC", "STABLE", 1))
    committed = back.committed([ck.TopicPartition(topic, index) for index in range(4)], 60)
    assert [each.offset for each in committed] == [5] * 4
    assert sorted(group.values) == sorted(f"v{n}" for n in range(20)), "nothing is read twice or lost"


def test_a_group_goes_on_after_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    with make_node(tmp_path_factory.mktemp("restarted"), SETTINGS) as node:
        topic = make_topic(node, "restarted")
        group = Group(node, "restarted")
        group.add(topic)
        group.add(topic)
        group.poll_until(lambda: group.shares() == [2, 2])
        produce(node, topic, *(f"v{n}" for n in range(8)))
        group.poll_until(lambda: len(group.values) == 8)
        for consumer in group.consumers:
            consumer.commit(asynchronous=False)
        before = [sorted(each.partition for each in consumer.assignment()) for consumer in group.consumers]
        node.stop()
        node.start()
        produce(node, topic, *(f"w{n}" for n in range(8)))
        group.poll_until(lambda: len(group.values) == 16)
        after = [sorted(each.partition for each in consumer.assignment()) for consumer in group.consumers]
        assert after == before
        assert described(node, "restarted") == ("CONSUMER", "STABLE", 2)
        group.close()


@pytest.mark.java
def test_the_java_consumer_and_its_tools(node: NodeProcess) -> None:
    topic, name = make_topic(node, unique("java")), unique("java-group")
    produce(node, topic, *(f"v{n}" for n in range(12)))
    address = ("--bootstrap-server", node.address)
    consume = (
        "--topic", topic, "--group", name, "--from-beginning", "--max-messages", "12", "--timeout-ms", "90000",
        "--command-property", "group.protocol=consumer",
    )  # fmt: skip
    received = run_java("org.apache.kafka.tools.consumer.ConsoleConsumer", *address, *consume).stdout.split()
    assert sorted(received) == sorted(f"v{n}" for n in range(12))
    tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
    listed = run_java(tool, *address, "--list", "--type", "consumer", "--state", "empty").stdout
    assert name in listed
    group = Group(node, name)
    group.add(topic)
    group.poll_until(lambda: group.shares() == [4])
    state = run_java(tool, *address, "--describe", "--group", name, "--state", "--verbose").stdout
    assert "uniform" in state
    assert "Stable" in state
    members = run_java(tool, *address, "--describe", "--group", name, "--members", "--verbose").stdout
    assert f"{topic}:0,1,2,3" in members
    offsets = run_java(tool, *address, "--describe", "--group", name).stdout
    assert offsets.count(topic) == 4
    group.close()
    deleted = run_java(tool, *address, "--delete", "--group", name).stdout
    assert "successful" in deleted
