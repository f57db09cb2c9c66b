"""`ottla acls|users|quotas|tokens|features|log-dirs|producers|transactions`: on Ottla, and on Apache Kafka."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.security_scenarios import SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_cli import InProcessCli
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.clients.security import client_security
from ottla.clients.transaction import Transaction
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.record import RecordBatchBuilder
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

LOGIN = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="admin" password="admin-secret";',
}
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required"
NODE = {
    **SETTINGS,
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.plaintext.scram-sha-256.sasl.jaas.config": f"{SCRAM_MODULE};",
    "listener.name.plaintext.scram-sha-512.sasl.jaas.config": f"{SCRAM_MODULE};",
    "transaction.partition.verification.enable": "false",
    "transaction.state.log.num.partitions": "2",
    "offsets.topic.num.partitions": "2",
}
KINDS = ["ottla", pytest.param("apache-kafka", marks=[pytest.mark.java, pytest.mark.long])]


@pytest.fixture(scope="module", params=KINDS)
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    kind = OttlaNode if request.param == "ottla" else KafkaNode
    with kind(tmp_path_factory.mktemp("secured"), NODE) as node:
        yield node


@pytest.fixture(scope="module")
def ottla(secured: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> InProcessCli:
    return as_user(secured, tmp_path_factory.mktemp("client"), LOGIN)


def as_user(node: NodeProcess, directory: Path, login: dict[str, str]) -> InProcessCli:
    file = directory / "client.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in login.items()))
    return InProcessCli(("--bootstrap", node.address, "--command-config", str(file)))


def on_client(node: NodeProcess, do: Callable[[KafkaClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        network = SocketNetwork(asyncio.get_running_loop())
        try:
            async with KafkaClient(network, node.address, security=client_security(LOGIN)) as client:
                return await do(client)
        finally:
            network.close()

    return asyncio.run(run())


def test_acls(ottla: InProcessCli) -> None:
    ottla.works(
        "acls", "add", "--principal", "User:ann", "--operation", "read", "--topic", "orders", "--host", "10.0.0.1"
    )
    produce = ("--principal", "User:loader", "--producer", "--topic", "load-", "--prefixed", "--transactional-id", "t")
    assert ottla.works("acls", "add", *produce).err == "Added 5 ACLs.\n"
    ottla.works("acls", "add", "--principal", "User:ann", "--deny", "--operation", "AlterConfigs", "--cluster")
    listed = ottla.json("acls", "list", "--principal", "User:ann")
    assert listed == [
        acl("CLUSTER", "kafka-cluster", "LITERAL", "User:ann", "*", "ALTER_CONFIGS", "DENY"),
        acl("TOPIC", "orders", "LITERAL", "User:ann", "10.0.0.1", "READ", "ALLOW"),
    ]
    assert {each["operation"] for each in ottla.json("acls", "list", "--topic", "load-", "--pattern", "prefixed")} == {
        "WRITE", "DESCRIBE", "CREATE",
    }  # fmt: skip
    assert len(ottla.json("acls", "list", "--topic", "load-of-today", "--pattern", "match")) == 3
    assert "load-…" in ottla.works("acls", "list").out

    shown = ottla.works("acls", "remove", "--principal", "User:ann")
    assert "Nothing was changed" in shown.err
    assert ottla.json("acls", "list", "--principal", "User:ann") == listed
    assert ottla.works("acls", "remove", "--principal", "User:ann", "--execute").err == "Removed 2 ACLs.\n"
    assert ottla.json("acls", "list", "--principal", "User:ann") == []
    assert len(ottla.json("acls", "remove", "--all", "--execute")) == 5


def acl(*values: str) -> dict[str, str]:
    names = ("resource_type", "resource_name", "pattern_type", "principal", "host", "operation", "permission")
    return dict(zip(names, values, strict=True))


def test_errors_of_acls_say_what_to_write(ottla: InProcessCli) -> None:
    near = ottla("acls", "add", "--principal", "User:ann", "--operation", "reed", "--topic", "t")
    assert (near.code, "Did you mean 'READ'" in near.err) == (2, True)
    bare = ottla("acls", "add", "--principal", "ann", "--operation", "read", "--topic", "t")
    assert (bare.code, "write User:ann" in bare.err) == (2, True)
    assert ottla("acls", "add", "--principal", "User:ann", "--topic", "t").code == 2
    assert ottla("acls", "add", "--principal", "User:ann", "--consumer", "--topic", "t").code == 2
    assert ottla("acls", "remove", "--execute").code == 2
    assert ottla("acls", "add", "--principal", "User:ann", "--operation", "commit", "--topic", "t").code == 2


def test_a_user_logs_in_with_the_password_that_was_set(
    ottla: InProcessCli, secured: NodeProcess, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("carol's secret\n")
    ottla.works("users", "set", "carol", "--password-file", str(secret))
    ottla.works("users", "set", "carol", "--mechanism", "SCRAM-SHA-256", "--password-file", "-", stdin="another\n")
    assert ottla.json("users", "list", "carol") == [
        {"user": "carol", "mechanism": "SCRAM-SHA-256", "iterations": 8192},
        {"user": "carol", "mechanism": "SCRAM-SHA-512", "iterations": 8192},
    ]
    for mechanism, password, code in (
        ("SCRAM-SHA-512", "carol's secret", 0),
        ("SCRAM-SHA-256", "another", 0),
        ("SCRAM-SHA-256", "carol's secret", 1),
    ):
        login = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": f'{SCRAM_MODULE} username="carol" password="{password}";',
        }
        carol = as_user(secured, tmp_path, login)
        assert carol("features", "describe").code == code
    ottla.works("users", "delete", "carol", "--mechanism", "SCRAM-SHA-256")
    assert [each["mechanism"] for each in ottla.json("users", "list", "carol")] == ["SCRAM-SHA-512"]
    missing = ottla("users", "list", "carrol")
    assert (missing.code, "Did you mean 'carol'?" in missing.err) == (1, True)
    assert ottla("users", "set", "carol", "--password-file", "-").code == 2
    assert ottla("users", "set", "carol").code == 2
    ottla.works("users", "delete", "carol")
    assert ottla("users", "delete", "carol").code == 1


def test_quotas(ottla: InProcessCli) -> None:
    ottla.works("quotas", "alter", "--user", "ann", "--client-id", "", "--set", "producer_byte_rate=10M")
    ottla.works(
        "quotas", "alter", "--user", "ann", "--set", "request_percentage=12.5", "--set", "consumer_byte_rate=2K"
    )
    ottla.works("quotas", "alter", "--ip", "", "--set", "connection_creation_rate=50")
    assert ottla.json("quotas", "list", "--user", "ann") == [
        {"entity": {"client-id": "", "user": "ann"}, "values": {"producer_byte_rate": 10485760.0}},
        {"entity": {"user": "ann"}, "values": {"consumer_byte_rate": 2048.0, "request_percentage": 12.5}},
    ]
    ottla.works("quotas", "alter", "--user", "ann", "--delete", "consumer_byte_rate", "--validate-only")
    ottla.works("quotas", "alter", "--user", "ann", "--delete", "request_percentage")
    assert "(default)" in ottla.works("quotas", "list", "--ip", "").out
    assert ottla.json("quotas", "list", "--user", "ann")[1]["values"] == {"consumer_byte_rate": 2048.0}
    near = ottla("quotas", "alter", "--user", "ann", "--set", "producer_byte_rat=1")
    assert (near.code, "Did you mean 'producer_byte_rate'" in near.err) == (2, True)
    assert ottla("quotas", "alter", "--set", "producer_byte_rate=1").code == 2
    assert ottla("quotas", "alter", "--user", "ann", "--ip", "::1", "--set", "producer_byte_rate=1").code == 2
    assert ottla("quotas", "alter", "--user", "ann", "--set", "request_percentage=nan").code == 2


def test_delegation_tokens(ottla: InProcessCli) -> None:
    (made,) = ottla.json("tokens", "create", "--renewer", "User:ann", "--max-lifetime", "2h")
    assert (made["owner"], made["renewers"]) == ("User:admin", ["User:ann"])
    assert made["max_ms"] - made["issued_ms"] == 7_200_000
    wait_for(lambda: ottla.json("tokens", "list", "--owner", "User:admin") == [made], "the broker to know the token")
    assert ottla.json("tokens", "renew", made["hmac"], "--for", "1h")["expires_ms"] <= made["max_ms"]
    ottla.works("tokens", "expire", made["hmac"])
    wait_for(lambda: ottla.json("tokens", "list") == [], "the broker to forget the token")
    gone = ottla("tokens", "renew", made["hmac"])
    assert (gone.code, "tokens list" in gone.err) == (1, True)
    assert ottla("tokens", "renew", "no base64").code == 2
    assert ottla("tokens", "create", "--max-lifetime", "soon").code == 2


def test_features(ottla: InProcessCli) -> None:
    described = {each["name"]: each for each in ottla.json("features", "describe")["features"]}
    metadata = described["metadata.version"]
    assert metadata["oldest"] <= metadata["level"] <= metadata["latest"]
    ottla.works("features", "upgrade", "--latest", "--validate-only")
    assert ottla.json("features", "downgrade", "share.version=0", "--validate-only") == {"share.version": 0}
    refused = ottla("features", "upgrade", "metadata.version=999")
    assert (refused.code, "metadata.version" in refused.err) == (1, True)
    near = ottla("features", "upgrade", "metadata.verson=1")
    assert (near.code, "Did you mean 'metadata.version'" in near.err) == (2, True)
    assert ottla("features", "upgrade").code == 2


def test_log_directories_and_producers(ottla: InProcessCli, secured: NodeProcess) -> None:
    ottla.works("topics", "create", "stored", "--partitions", "2")
    ottla.works("produce", "stored", "--partition", "1", "--file", __file__)
    found = ottla.json("log-dirs", "describe", "stored", "--broker", "1")
    assert [(each["partition"], each["size_bytes"] > 0, each["future"]) for each in found["replicas"]] == [
        (0, False, False),
        (1, True, False),
    ]
    assert found["replicas"][0]["log_dir"] == str(secured.directory / "data")
    assert "LOG DIRECTORY" in ottla.works("log-dirs", "describe").out
    assert ottla("log-dirs", "describe", "--broker", "77").code == 1
    assert "Did you mean 'stored'?" in ottla("log-dirs", "describe", "storde").err

    (producer,) = ottla.json("producers", "list", "stored")
    assert (producer["partition"], producer["producer_epoch"], producer["transaction_start_offset"]) == (1, 0, None)
    assert str(producer["producer_id"]) in ottla.works("producers", "list", "stored").out
    assert ottla("producers", "list", "stored", "--partition", "5").code == 1


def batch(producer_id: int, epoch: int) -> bytearray:
    builder = RecordBatchBuilder(
        producer_id=producer_id, producer_epoch=epoch, base_sequence=0, transactional=True, max_bytes=10_000
    )
    assert builder.append(None, b"in a transaction", (), timestamp_ms=int(time.time() * 1000) - 3_600_000)
    return builder.build()


async def write(client: KafkaClient, topic: str, records: bytearray, transactional_id: str) -> None:
    """By a version of Produce that does not enlist the partition with the coordinator."""
    leader = (await client.topic(topic)).partitions[0].leader
    data = TopicProduceData(name=topic, partition_data=[PartitionProduceData(index=0, records=memoryview(records))])
    request = ProduceRequest(transactional_id=transactional_id, acks=-1, timeout_ms=30_000, topic_data=[data])
    connection = await client.connection_to(leader)
    response = await connection.send(request, ProduceResponse, timeout_ms=30_000, version=9)
    assert response.responses[0].partition_responses[0].error_code == 0


def test_transactions(ottla: InProcessCli, secured: NodeProcess) -> None:
    ottla.works("topics", "create", "paid", "--partitions", "1")

    async def leave_one_open(client: KafkaClient) -> None:
        transaction = Transaction(client, "payments")
        await transaction.begin_again()
        await transaction.add(TopicPartition("paid", 0))

    on_client(secured, leave_one_open)
    (listed,) = ottla.json("transactions", "list", "--state", "ongoing", "--pattern", "pay.*")
    assert (listed["transactional_id"], listed["state"]) == ("payments", "Ongoing")
    (described,) = ottla.json("transactions", "describe", "payments")
    assert described["partitions"] == [{"topic": "paid", "partition": 0}]
    assert "open since" in ottla.works("transactions", "describe", "payments").out
    near = ottla("transactions", "describe", "payment")
    assert (near.code, "Did you mean 'payments'?" in near.err) == (1, True)
    ottla.works("transactions", "terminate", "payments")
    (after,) = ottla.json("transactions", "describe", "payments")
    assert after["producer_epoch"] > described["producer_epoch"]
    assert after["partitions"] == []
    assert ottla("transactions", "list", "--state", "ongoin").code == 2


def test_a_hanging_transaction_is_found_and_ended(ottla: InProcessCli, secured: NodeProcess) -> None:
    ottla.works("topics", "create", "hangs", "--partitions", "1")

    async def hang(client: KafkaClient) -> None:
        transaction = Transaction(client, "forgotten")
        await transaction.begin_again()
        await write(client, "hangs", batch(*transaction.producer), "forgotten")

    on_client(secured, hang)
    assert ottla.works("consume", "hangs", "--from", "beginning", "--until-end").lines == ["in a transaction"]
    (found,) = ottla.json("transactions", "hanging", "hangs", "--longer-than", "30m")
    assert found["producer"]["transaction_start_offset"] == 0
    assert ottla.json("transactions", "hanging", "hangs", "--longer-than", "2h") == []
    wrong = ottla("transactions", "abort", "hangs", "--partition", "0", "--start-offset", "7")
    assert (wrong.code, "at 0" in wrong.err) == (1, True)
    ottla.works("transactions", "abort", "hangs", "--partition", "0", "--start-offset", "0")
    assert ottla.json("transactions", "hanging", "--longer-than", "0s") == []
    (producer,) = ottla.json("producers", "list", "hangs")
    assert producer["transaction_start_offset"] is None
    read = ottla.works("consume", "hangs", "--from", "beginning", "--until-end", "--read-committed")
    assert read.lines == []
