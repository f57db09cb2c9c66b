"""`ottla acls|users|quotas|tokens|features|log-dirs|producers|transactions`: on Ottla, and on Apache Kafka."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.conformance.conftest import LOGIN, SCRAM_MODULE, as_user
from tests.peers.process import wait_for

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.clients.records import delete_records
from ottla.clients.security import client_security
from ottla.clients.transaction import Transaction
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.record import RecordBatchBuilder
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.peers.ottla_cli import InProcessCli
    from tests.peers.process import NodeProcess


def on_client(node: NodeProcess, do: Callable[[KafkaClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        network = SocketNetwork(asyncio.get_running_loop())
        try:
            async with KafkaClient(network, node.address, security=client_security(LOGIN)) as client:
                return await do(client)
        finally:
            network.close()

    return asyncio.run(run())


def test_acls(admin: InProcessCli) -> None:
    admin.works(
        "acls", "add", "--principal", "User:ann", "--operation", "read", "--topic", "orders", "--host", "10.0.0.1"
    )
    produce = ("--principal", "User:loader", "--producer", "--topic", "load-", "--prefixed", "--transactional-id", "t")
    assert admin.works("acls", "add", *produce).err == "Added 5 ACLs.\n"
    admin.works("acls", "add", "--principal", "User:ann", "--deny", "--operation", "AlterConfigs", "--cluster")
    listed = admin.json("acls", "list", "--principal", "User:ann")
    assert listed == [
        acl("CLUSTER", "kafka-cluster", "LITERAL", "User:ann", "*", "ALTER_CONFIGS", "DENY"),
        acl("TOPIC", "orders", "LITERAL", "User:ann", "10.0.0.1", "READ", "ALLOW"),
    ]
    assert {each["operation"] for each in admin.json("acls", "list", "--topic", "load-", "--pattern", "prefixed")} == {
        "WRITE", "DESCRIBE", "CREATE",
    }  # fmt: skip
    assert len(admin.json("acls", "list", "--topic", "load-of-today", "--pattern", "match")) == 3
    assert "load-…" in admin.works("acls", "list").out

    shown = admin.works("acls", "remove", "--principal", "User:ann")
    assert "Nothing was changed" in shown.err
    assert admin.json("acls", "list", "--principal", "User:ann") == listed
    assert admin.works("acls", "remove", "--principal", "User:ann", "--execute").err == "Removed 2 ACLs.\n"
    assert admin.json("acls", "list", "--principal", "User:ann") == []
    assert len(admin.json("acls", "remove", "--all")) >= 5
    assert len(admin.json("acls", "remove", "--principal", "User:loader", "--execute")) == 5


def acl(*values: str) -> dict[str, str]:
    names = ("resource_type", "resource_name", "pattern_type", "principal", "host", "operation", "permission")
    return dict(zip(names, values, strict=True))


def test_errors_of_acls_say_what_to_write(admin: InProcessCli) -> None:
    near = admin("acls", "add", "--principal", "User:ann", "--operation", "reed", "--topic", "t")
    assert (near.code, "Did you mean 'READ'" in near.err) == (2, True)
    bare = admin("acls", "add", "--principal", "ann", "--operation", "read", "--topic", "t")
    assert (bare.code, "write User:ann" in bare.err) == (2, True)
    assert admin("acls", "add", "--principal", "User:ann", "--topic", "t").code == 2
    assert admin("acls", "add", "--principal", "User:ann", "--consumer", "--topic", "t").code == 2
    assert admin("acls", "remove", "--execute").code == 2
    assert admin("acls", "add", "--principal", "User:ann", "--operation", "commit", "--topic", "t").code == 2


def test_a_user_logs_in_with_the_password_that_was_set(
    admin: InProcessCli, secured: NodeProcess, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("carol's secret\n")
    admin.works("users", "set", "carol", "--password-file", str(secret))
    admin.works("users", "set", "carol", "--mechanism", "SCRAM-SHA-256", "--password-file", "-", stdin="another\n")
    assert admin.json("users", "list", "carol") == [
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
    admin.works("users", "delete", "carol", "--mechanism", "SCRAM-SHA-256")
    assert [each["mechanism"] for each in admin.json("users", "list", "carol")] == ["SCRAM-SHA-512"]
    missing = admin("users", "list", "carrol")
    assert (missing.code, "Did you mean 'carol'?" in missing.err) == (1, True)
    assert admin("users", "set", "carol", "--password-file", "-").code == 2
    assert admin("users", "set", "carol").code == 2
    admin.works("users", "delete", "carol")
    assert admin("users", "delete", "carol").code == 1


def test_quotas(admin: InProcessCli) -> None:
    admin.works("quotas", "alter", "--user", "ann", "--client-id", "", "--set", "producer_byte_rate=10M")
    admin.works(
        "quotas", "alter", "--user", "ann", "--set", "request_percentage=12.5", "--set", "consumer_byte_rate=2K"
    )
    admin.works("quotas", "alter", "--ip", "", "--set", "connection_creation_rate=50")
    assert admin.json("quotas", "list", "--user", "ann") == [
        {"entity": {"client-id": "", "user": "ann"}, "values": {"producer_byte_rate": 10485760.0}},
        {"entity": {"user": "ann"}, "values": {"consumer_byte_rate": 2048.0, "request_percentage": 12.5}},
    ]
    admin.works("quotas", "alter", "--user", "ann", "--delete", "consumer_byte_rate", "--validate-only")
    admin.works("quotas", "alter", "--user", "ann", "--delete", "request_percentage")
    assert "(default)" in admin.works("quotas", "list", "--ip", "").out
    assert admin.json("quotas", "list", "--user", "ann")[1]["values"] == {"consumer_byte_rate": 2048.0}
    near = admin("quotas", "alter", "--user", "ann", "--set", "producer_byte_rat=1")
    assert (near.code, "Did you mean 'producer_byte_rate'" in near.err) == (2, True)
    assert admin("quotas", "alter", "--set", "producer_byte_rate=1").code == 2
    assert admin("quotas", "alter", "--user", "ann", "--ip", "::1", "--set", "producer_byte_rate=1").code == 2
    assert admin("quotas", "alter", "--user", "ann", "--set", "request_percentage=nan").code == 2


def test_delegation_tokens(admin: InProcessCli) -> None:
    (made,) = admin.json("tokens", "create", "--renewer", "User:ann", "--max-lifetime", "2h")
    assert (made["owner"], made["renewers"]) == ("User:admin", ["User:ann"])
    assert made["max_ms"] - made["issued_ms"] == 7_200_000
    wait_for(lambda: admin.json("tokens", "list", "--owner", "User:admin") == [made], "the broker to know the token")
    assert admin.json("tokens", "renew", made["hmac"], "--for", "1h")["expires_ms"] <= made["max_ms"]
    admin.works("tokens", "expire", made["hmac"])
    wait_for(lambda: admin.json("tokens", "list") == [], "the broker to forget the token")
    gone = admin("tokens", "renew", made["hmac"])
    assert (gone.code, "tokens list" in gone.err) == (1, True)
    assert admin("tokens", "renew", "no base64").code == 2
    assert admin("tokens", "create", "--max-lifetime", "soon").code == 2


def test_features(admin: InProcessCli) -> None:
    described = {each["name"]: each for each in admin.json("features", "describe")["features"]}
    metadata = described["metadata.version"]
    assert metadata["oldest"] <= metadata["level"] <= metadata["latest"]
    admin.works("features", "upgrade", "--latest", "--validate-only")
    assert admin.json("features", "downgrade", "share.version=0", "--validate-only") == {"share.version": 0}
    refused = admin("features", "upgrade", "metadata.version=999")
    assert (refused.code, "metadata.version" in refused.err) == (1, True)
    near = admin("features", "upgrade", "metadata.verson=1")
    assert (near.code, "Did you mean 'metadata.version'" in near.err) == (2, True)
    assert admin("features", "upgrade").code == 2


def test_log_directories_and_producers(admin: InProcessCli, secured: NodeProcess) -> None:
    admin.works("topics", "create", "stored", "--partitions", "2")
    admin.works("produce", "stored", "--partition", "1", "--file", __file__)
    found = admin.json("log-dirs", "describe", "stored", "--broker", "1")
    assert [(each["partition"], each["size_bytes"] > 0, each["future"]) for each in found["replicas"]] == [
        (0, False, False),
        (1, True, False),
    ]
    assert found["replicas"][0]["log_dir"] == str(secured.directory / "data")
    assert "LOG DIRECTORY" in admin.works("log-dirs", "describe").out
    assert admin("log-dirs", "describe", "--broker", "77").code == 1
    assert "Did you mean 'stored'?" in admin("log-dirs", "describe", "storde").err

    (producer,) = admin.json("producers", "list", "stored")
    assert (producer["partition"], producer["producer_epoch"], producer["transaction_start_offset"]) == (1, 0, None)
    assert str(producer["producer_id"]) in admin.works("producers", "list", "stored").out
    assert admin("producers", "list", "stored", "--partition", "5").code == 1


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


def test_transactions(admin: InProcessCli, secured: NodeProcess) -> None:
    admin.works("topics", "create", "paid", "--partitions", "1")

    async def leave_one_open(client: KafkaClient) -> None:
        transaction = Transaction(client, "payments")
        await transaction.begin_again()
        await transaction.add(TopicPartition("paid", 0))

    on_client(secured, leave_one_open)
    (listed,) = admin.json("transactions", "list", "--state", "ongoing", "--pattern", "pay.*")
    assert (listed["transactional_id"], listed["state"]) == ("payments", "Ongoing")
    (described,) = admin.json("transactions", "describe", "payments")
    assert described["partitions"] == [{"topic": "paid", "partition": 0}]
    assert "open since" in admin.works("transactions", "describe", "payments").out
    near = admin("transactions", "describe", "payment")
    assert (near.code, "Did you mean 'payments'?" in near.err) == (1, True)
    admin.works("transactions", "terminate", "payments")
    (after,) = admin.json("transactions", "describe", "payments")
    assert after["producer_epoch"] > described["producer_epoch"]
    assert after["partitions"] == []
    assert admin("transactions", "list", "--state", "ongoin").code == 2


def test_a_hanging_transaction_is_found_and_ended(admin: InProcessCli, secured: NodeProcess) -> None:
    admin.works("topics", "create", "hangs", "--partitions", "1")

    async def hang(client: KafkaClient) -> None:
        transaction = Transaction(client, "forgotten")
        await transaction.begin_again()
        await write(client, "hangs", batch(*transaction.producer), "forgotten")

    on_client(secured, hang)
    assert admin.works("consume", "hangs", "--from", "beginning", "--until-end").lines == ["in a transaction"]
    (found,) = admin.json("transactions", "hanging", "hangs", "--longer-than", "30m")
    assert found["producer"]["transaction_start_offset"] == 0
    assert admin.json("transactions", "hanging", "hangs", "--longer-than", "2h") == []
    wrong = admin("transactions", "abort", "hangs", "--partition", "0", "--start-offset", "7")
    assert (wrong.code, "at 0" in wrong.err) == (1, True)
    admin.works("transactions", "abort", "hangs", "--partition", "0", "--start-offset", "0")
    assert admin.json("transactions", "hanging", "--longer-than", "0s") == []
    (producer,) = admin.json("producers", "list", "hangs")
    assert producer["transaction_start_offset"] is None
    read = admin.works("consume", "hangs", "--from", "beginning", "--until-end", "--read-committed")
    assert read.lines == []


def test_the_doctor_finds_what_ails(admin: InProcessCli, secured: NodeProcess) -> None:
    well = admin("doctor", "--json")
    assert [each for each in well.json if each["level"] == "problem"] == []
    assert {"brokers", "quorum", "partitions", "transactions", "groups"} <= {each["subject"] for each in well.json}
    admin.works("topics", "create", "ails", "--partitions", "1")
    admin.works("produce", "ails", stdin="a\nb\nc\n")
    admin.works("groups", "reset-offsets", "ailing", "--topic", "ails", "--to", "beginning", "--execute")
    on_client(secured, lambda client: delete_records(client, {TopicPartition("ails", 0): 2}))
    ill = admin("doctor")
    assert ill.code == 1
    assert "WARNING  groups: group ailing has not read 2 records that are deleted: ails-0" in ill.out
    admin.works("groups", "delete", "ailing")
    assert "PROBLEM  transactions" not in ill.out
