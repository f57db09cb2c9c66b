"""A cluster in which everybody has to say who they are, nodes too, and which any of its nodes serves.

Administration goes to nodes of which two are not the active controller; what they forward is decided there as if the
client had come itself. Transactions span partitions of all nodes, which ask each other as brokers may.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from tests.peers.cluster import LISTENER
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import wait_for

from ottla.runtime.config.jaas import PLAIN_LOGIN_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

Settings: TypeAlias = "dict[str, str | int | float | bool]"
WAIT_S: Final = 60.0
PARTITIONS: Final = 6
TRANSACTIONS: Final = 12
USERS: Final = {"node": "of-nodes", "admin": "of-admin", "alice": "of-alice"}


def settings() -> dict[str, str]:
    known = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    login = f'{PLAIN_LOGIN_MODULE} required username="node" password="{USERS["node"]}" {known};'
    return {
        "listener.security.protocol.map": f"{LISTENER}:SASL_PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        f"listener.name.{LISTENER.lower()}.plain.sasl.jaas.config": login,
        "listener.name.plaintext.plain.sasl.jaas.config": login,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:node;User:admin",
        "min.insync.replicas": "2",
    }


def client(bootstrap: str, user: str, password: str | None = None, mechanism: str = "PLAIN") -> Settings:
    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.username": user,
        "sasl.password": password or USERS[user],
        "log_level": "0",
    }


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[OttlaCluster]:
    made = OttlaCluster(tmp_path, settings=settings())
    try:
        for node in made:
            node.begin()
        for node in made:
            node.wait_until_ready()
        admin = AdminClient(client(made.bootstrap, "admin"))
        wait_for(lambda: len(admin.list_topics(timeout=WAIT_S).brokers) == len(made.nodes), "all brokers are there")
        yield made
    finally:
        made.close()


def done(futures: Mapping[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result(WAIT_S)


def refusal(futures: Mapping[Any, Future[Any]]) -> int:
    [future] = futures.values()
    with pytest.raises(KafkaException) as raised:
        future.result(WAIT_S)
    error = raised.value.args[0]
    assert isinstance(error, KafkaError)
    return error.code()


def allowed(kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    return AclBinding(kind, name, ResourcePatternType.PREFIXED, "User:alice", "*", operation, AclPermissionType.ALLOW)


@pytest.mark.timeout(240)
def test_every_node_serves_all(cluster: OttlaCluster) -> None:
    for node_id, node in cluster.nodes.items():
        topic = f"made-by-{node_id}"
        alice, admin = (AdminClient(client(node.address, user)) for user in ("alice", "admin"))
        assert refusal(alice.create_topics([NewTopic(topic, 1, 3)])) == KafkaError.TOPIC_AUTHORIZATION_FAILED
        done(admin.create_topics([NewTopic(topic, 1, 3)]))
        assert refusal(admin.create_topics([NewTopic(topic, 1, 3)])) == KafkaError.TOPIC_ALREADY_EXISTS
        done(admin.create_partitions([NewPartitions(topic, 3)]))
        entry = ConfigEntry("retention.ms", "12345", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        done(admin.incremental_alter_configs([resource]))
        done(admin.create_acls([allowed(ResourceType.TOPIC, topic, AclOperation.DESCRIBE)]))
        user = f"user-{node_id}"
        credential = UserScramCredentialUpsertion(user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"pw")
        done(admin.alter_user_scram_credentials([credential]))
        for other in cluster.nodes.values():
            seen = AdminClient(client(other.address, "alice"))
            wait_for(partial(_has_partitions, seen, topic, 3), f"{other.address} knows {topic}")
            _wait_until_known(other.address, user)
    for node_id, node in cluster.nodes.items():
        admin = AdminClient(client(node.address, "admin"))
        done(admin.delete_topics([f"made-by-{node_id}"]))


def _has_partitions(admin: AdminClient, topic: str, count: int) -> bool:
    found = admin.list_topics(timeout=WAIT_S).topics.get(topic)
    return found is not None and len(found.partitions) == count


def _wait_until_known(address: str, user: str) -> None:
    """Who has a SCRAM credential may come in, and sees nothing."""

    def comes_in() -> bool:
        with contextlib.suppress(KafkaException):
            admin = AdminClient(client(address, user, "pw", "SCRAM-SHA-256"))
            return admin.list_topics(timeout=5).topics == {}
        return False

    wait_for(comes_in, f"{user} comes in at {address}")


@pytest.mark.timeout(240)
def test_transactions_over_partitions_of_all_nodes(cluster: OttlaCluster) -> None:
    admin = AdminClient(client(cluster.bootstrap, "admin"))
    done(admin.create_topics([NewTopic("alices", PARTITIONS, 3)]))
    needed = [
        (ResourceType.TOPIC, AclOperation.READ),
        (ResourceType.TOPIC, AclOperation.WRITE),
        (ResourceType.GROUP, AclOperation.READ),
        (ResourceType.TRANSACTIONAL_ID, AclOperation.WRITE),
    ]
    done(admin.create_acls([allowed(kind, "alices", operation) for kind, operation in needed]))
    leaders = {one.leader for one in admin.list_topics("alices", timeout=WAIT_S).topics["alices"].partitions.values()}
    assert leaders == set(cluster.nodes)

    common = client(cluster.bootstrap, "alice")
    for number in range(3):  # coordinated by different nodes
        producer = Producer(common | {"transactional.id": f"alices-{number}"})
        wait_for(partial(_begun, producer), f"producer {number} is let in")
        for transaction in range(TRANSACTIONS):
            producer.begin_transaction()
            for partition in range(PARTITIONS):
                producer.produce("alices", b"%d:%d" % (number, transaction), partition=partition)
            offsets = [TopicPartition("alices", partition, transaction) for partition in range(PARTITIONS)]
            consumer = Consumer(common | {"group.id": f"alices-{number}"})
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), WAIT_S)
            consumer.close()
            if transaction % 2:
                producer.abort_transaction(WAIT_S)
            else:
                producer.commit_transaction(WAIT_S)

    reader = Consumer(
        common | {"group.id": "alices-reader", "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
    )
    reader.subscribe(["alices"])
    wanted = 3 * PARTITIONS * TRANSACTIONS // 2
    read: list[bytes] = []

    def all_read() -> bool:
        for message in reader.consume(wanted, 0.5):
            assert message.error() is None, message.error()
            value = message.value()
            assert isinstance(value, bytes)
            read.append(value)
        return len(read) >= wanted

    wait_for(all_read, "all that was committed is read")
    committed = [b"%d:%d" % (number, transaction) for number in range(3) for transaction in range(0, TRANSACTIONS, 2)]
    assert sorted(read) == sorted(committed * PARTITIONS)
    reader.close()
    for number in range(3):
        consumer = Consumer(common | {"group.id": f"alices-{number}"})
        found = consumer.committed([TopicPartition("alices", 0)], timeout=WAIT_S)
        assert [one.offset for one in found] == [TRANSACTIONS - 2]
        consumer.close()


def _begun(producer: Producer) -> bool:
    """The rules may not have reached every node yet."""
    try:
        producer.init_transactions(WAIT_S)
    except KafkaException as error:
        assert error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        return False
    return True
