"""`ottla mirror` between Ottla and Apache Kafka, either way, and between two of Ottla: every record is counted."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import confluent_kafka as ck
import pytest
from confluent_kafka import admin
from tests.conformance.client import COMPRESSIONS, Record
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.mirror import MirrorProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(240)

AUTHORIZER: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
IDENTITY: Final = {"replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"}
Acl = tuple[str, str, str]


@contextmanager
def running(directory: Path, kind: str) -> Iterator[NodeProcess]:
    settings = TEST_SETTINGS | AUTHORIZER
    made = KafkaNode(directory, settings) if kind == "kafka" else OttlaNode(directory, settings)
    with made as node:
        yield node


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running(tmp_path_factory.mktemp("kafka"), "kafka") as node:
        yield node


def records_of(first: int, count: int) -> list[Record]:
    """Of three partitions, with and without keys, values and headers."""
    return [
        Record(
            b"value-%06d" % number + b"." * (number % 400),
            None if number % 3 == 0 else b"key-%d" % (number % 17),
            (("number", b"%d" % number), ("empty", b"")) if number % 5 == 0 else (),
            1_700_000_000_000 + number,
            number % 2,
        )
        for number in range(first, first + count)
    ]


def contents(client: Librdkafka, topic: str, partition: int) -> list[tuple[object, ...]]:
    try:
        first, following = client.offsets(topic, partition)
    except ck.KafkaException as error:
        if error.args[0].code() != ck.KafkaError.NOT_LEADER_FOR_PARTITION:
            raise
        return []  # of a topic that has just been made
    found = client.consume(topic, following - first, first, partition) if following > first else []
    return [(each.key, each.value, each.headers, each.timestamp_ms) for each in found]


def values(client: Librdkafka, topic: str) -> list[bytes]:
    partitions = range(client.topics().get(topic, 0))
    return [bytes(value) for index in partitions for _, value, _, _ in contents(client, topic, index) if value]  # type: ignore[call-overload]


def acls(client: Librdkafka, topic: str) -> set[Acl]:
    any_one: Any = None  # of principals and hosts; the stub knows of no such thing
    pattern = admin.AclBindingFilter(
        admin.ResourceType.TOPIC,
        topic,
        admin.ResourcePatternType.LITERAL,
        any_one,
        any_one,
        admin.AclOperation.ANY,
        admin.AclPermissionType.ANY,
    )
    found = client.admin.describe_acls(pattern).result(60)
    return {(each.principal, each.operation.name, each.permission_type.name) for each in found}


def allow(client: Librdkafka, topic: str, principal: str, operation: str, permission: str = "ALLOW") -> None:
    binding = admin.AclBinding(
        admin.ResourceType.TOPIC,
        topic,
        admin.ResourcePatternType.LITERAL,
        principal,
        "*",
        admin.AclOperation[operation],
        admin.AclPermissionType[permission],
    )
    client.admin.create_acls([binding])[binding].result(60)


@pytest.mark.parametrize(
    ("source_kind", "target_kind", "policy"),
    [
        pytest.param("ottla", "ottla", {}, id="ottla to ottla"),
        pytest.param("ottla", "kafka", {}, id="ottla to Apache Kafka", marks=pytest.mark.java),
        pytest.param("kafka", "ottla", IDENTITY, id="Apache Kafka to ottla, identity", marks=pytest.mark.java),
    ],
)
def test_topics_configs_acls_and_groups_arrive(
    tmp_path: Path, request: pytest.FixtureRequest, source_kind: str, target_kind: str, policy: dict[str, str]
) -> None:
    topic = f"orders-{source_kind}-{target_kind}"
    with ExitStack() as stack:

        def node(kind: str, name: str) -> NodeProcess:
            if kind == "kafka":
                shared: NodeProcess = request.getfixturevalue("kafka")
                return shared
            return stack.enter_context(running(tmp_path / name, kind))

        alias = f"from-{source_kind}"  # Apache Kafka is shared: internal topics of this flow alone
        other = f"to-{target_kind}"
        clusters = {alias: node(source_kind, "source").address, other: node(target_kind, "target").address}
        source, target = Librdkafka(clusters[alias]), Librdkafka(clusters[other])
        remote = topic if policy else f"{alias}.{topic}"
        settings = {f"{alias}->{other}.enabled": "true", "topics": f"{topic}, unborn.*", **policy}

        source.create_topic(topic, 2, {"retention.ms": "-1", "min.insync.replicas": "1", "max.message.bytes": "800000"})
        for number, codec in enumerate(COMPRESSIONS):
            source.produce(topic, records_of(100 * number, 100), codec, idempotent=number % 2 == 0)
        for principal, operation in (("User:alice", "ALL"), ("User:bob", "READ"), ("User:carol", "WRITE")):
            allow(source, topic, principal, operation)
        allow(source, topic, "User:dave", "WRITE", "DENY")
        member = source.join("billing", topic)
        seen: list[Record] = []
        while len(seen) < 300:
            seen += member.poll()
        member.commit()
        member.close()
        left = {(each.partition, each.value) for each in records_of(0, 500)} - {
            (each.partition, each.value) for each in seen
        }

        mirror = stack.enter_context(MirrorProcess(tmp_path / "mirror", clusters, settings))
        wait_for(lambda: len(values(target, remote)) >= 500, "500 records in the target")
        for partition in (0, 1):
            assert contents(target, remote, partition) == contents(source, topic, partition)
        assert target.topic_config(remote, "max.message.bytes") == "800000"
        wait_for(
            lambda: (
                acls(target, remote)
                == {("User:alice", "READ", "ALLOW"), ("User:bob", "READ", "ALLOW"), ("User:dave", "WRITE", "DENY")}
            ),
            "the ACLs, but for the right to write",
        )
        check_the_group(source, target, topic, remote, left)

        source.alter_topic_config(topic, "max.message.bytes", "700000")
        source.add_partitions(topic, 3)
        source = Librdkafka(source.address)  # one that has not seen the topic with two
        source.create_topic(f"unborn-{topic}")
        source.produce(topic, [Record(b"new", partition=2)])
        wait_for(lambda: target.topics().get(remote) == 3, "the third partition")
        target = Librdkafka(target.address)
        wait_for(lambda: target.topic_config(remote, "max.message.bytes") == "700000", "the changed config")
        wait_for(lambda: target.offsets(remote, 2) == (0, 1), "its record")
        wait_for(lambda: any(name.endswith(f"unborn-{topic}") for name in target.topics()), "the new topic")

        assert mirror.stop() == 0
        source.produce(topic, records_of(500, 50), "lz4")
        mirror.start()
        wait_for(lambda: len(values(target, remote)) >= 551, "what came while the mirror was away")
        for partition in range(3):
            assert contents(target, remote, partition) == contents(source, topic, partition)  # and nothing twice
        wait_for(lambda: target.offsets(f"{alias}.heartbeats")[1] > 0, "heartbeats")
        assert mirror.stop() == 0
        assert "Traceback" not in mirror.output


def check_the_group(
    source: Librdkafka, target: Librdkafka, topic: str, remote: str, left: set[tuple[int, bytes | None]]
) -> None:
    """Nobody who goes on in the target misses a record, and few are read again."""

    def moved() -> bool:
        return all(
            (target.committed("billing", remote, index) is None) == (source.committed("billing", topic, index) is None)
            for index in (0, 1)
        )

    wait_for(moved, "the group's offsets in the target")
    again: set[tuple[int, bytes | None]] = set()
    for index in (0, 1):
        committed, original = target.committed("billing", remote, index), source.committed("billing", topic, index)
        if committed is None or original is None:
            continue
        assert committed <= original
        end = target.offsets(remote, index)[1]
        again |= {(index, each.value) for each in target.consume(remote, end - committed, committed, index)}
    read_again = again - left
    assert left - again == set()
    assert len(read_again) <= 2 * 101  # offset.lag.max in each partition
