"""Records that do not simply go over: of transactions, too large for the target, gone before they were copied; and a
target that wants a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import confluent_kafka as ck
import pytest
from tests.conformance.client import Record
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.interop.test_mirror import contents, records_of, values
from tests.peers.mirror import MirrorProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

FLOW: Final = {"a->b.enabled": "true", "a->b.consumer.isolation.level": "read_committed"}


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("clusters")
    with OttlaNode(folder / "a", TEST_SETTINGS) as a, OttlaNode(folder / "b", TEST_SETTINGS) as b:
        yield {"a": a.address, "b": b.address}


def test_of_transactions_only_what_was_committed(tmp_path: Path, clusters: dict[str, str]) -> None:
    source, target = Librdkafka(clusters["a"]), Librdkafka(clusters["b"])
    source.create_topic("payments")
    producer = ck.Producer({"bootstrap.servers": clusters["a"], "transactional.id": "payer"})
    producer.init_transactions()

    def transaction(*numbers: int) -> None:
        producer.begin_transaction()
        for number in numbers:
            producer.produce("payments", b"%d" % number, partition=0)
        producer.flush()

    with MirrorProcess(tmp_path / "mirror", clusters, FLOW | {"topics": "payments"}) as mirror:
        transaction(1, 2)
        producer.commit_transaction()
        transaction(3)
        producer.abort_transaction()
        source.produce("payments", [Record(b"4")])
        transaction(5)
        source.produce("payments", [Record(b"6")])
        wait_for(lambda: values(target, "a.payments") == [b"1", b"2", b"4"], "what is before the open transaction")
        producer.commit_transaction()
        wait_for(lambda: values(target, "a.payments") == [b"1", b"2", b"4", b"5", b"6"], "what followed")
        member = source.join("accounting", "payments")
        seen: list[Record] = []
        while len(seen) < 5:
            seen += member.poll()
        member.commit()
        member.close()
        # The source has three markers more: behind its last record nobody knows what of them was copied.
        wait_for(lambda: target.committed("accounting", "a.payments") == 5, "the group at the end of the target")
        assert mirror.stop() == 0


def test_what_is_too_large_for_the_target_goes_in_parts(tmp_path: Path, clusters: dict[str, str]) -> None:
    source, target = Librdkafka(clusters["a"]), Librdkafka(clusters["b"])
    source.create_topic("letters", 2)
    target.create_topic("a.letters", 2, {"max.message.bytes": "20000"})
    settings = FLOW | {"topics": "letters", "config.properties.exclude": "max\\\\.message\\\\.bytes"}
    source.produce("letters", [each for each in records_of(0, 600) if each.value])
    with MirrorProcess(tmp_path / "mirror", clusters, settings) as mirror:
        wait_for(lambda: len(values(target, "a.letters")) >= 600, "every letter")
        for partition in (0, 1):
            assert contents(target, "a.letters", partition) == contents(source, "letters", partition)
        source.produce("letters", [Record(b"x" * 50_000), Record(b"behind it")])
        wait_for(lambda: "a->b: partition letters-0:" in mirror.output, "word of the one that is too large for itself")
        source.produce("letters", [Record(b"of the other partition", partition=1)])
        wait_for(lambda: b"of the other partition" in values(target, "a.letters"), "what has nothing to do with it")
        assert b"behind it" not in values(target, "a.letters")  # nothing is skipped in silence
        target.alter_topic_config("a.letters", "max.message.bytes", "100000")
        wait_for(lambda: b"behind it" in values(target, "a.letters"), "all of it, once the target takes it")
        assert contents(target, "a.letters", 0) == contents(source, "letters", 0)
        assert mirror.stop() == 0


def test_records_that_went_before_they_were_copied(tmp_path: Path, clusters: dict[str, str]) -> None:
    source, target = Librdkafka(clusters["a"]), Librdkafka(clusters["b"])
    source.create_topic("short")
    settings = FLOW | {"topics": "short"}
    source.produce("short", [Record(b"%d" % number) for number in range(10)])
    with MirrorProcess(tmp_path / "mirror", clusters, settings) as mirror:
        wait_for(lambda: len(values(target, "a.short")) == 10, "the first ten")
        assert mirror.stop() == 0
        source.produce("short", [Record(b"%d" % number) for number in range(10, 30)])
        source.delete_records("short", 0, 20)
        mirror.start()
        wait_for(
            lambda: [int(value) for value in values(target, "a.short")] == [*range(10), *range(20, 30)],
            "what is left, and nothing twice",
        )
        source.delete_topic("short")
        source.create_topic("short")
        source.produce("short", [Record(b"of another topic of that name")])
        wait_for(lambda: b"of another topic of that name" in values(target, "a.short"), "the new topic's first record")
        assert mirror.stop() == 0


def test_a_target_that_wants_a_password(tmp_path: Path, clusters: dict[str, str]) -> None:
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    secured = TEST_SETTINGS | {
        "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": f'{module} user_mirror="mirror-secret";',
    }
    source = Librdkafka(clusters["a"])
    source.produce("secrets", [Record(b"%d" % number) for number in range(10)])
    with OttlaNode(tmp_path / "c", secured) as target:
        client = {
            "c.security.protocol": "SASL_PLAINTEXT",
            "c.sasl.mechanism": "PLAIN",
            "c.sasl.jaas.config": f'{module} username="mirror" password="mirror-secret";',
            "a->c.enabled": "true",
            "topics": "secrets",
        }
        addresses = {"a": clusters["a"], "c": target.address}
        with MirrorProcess(tmp_path / "mirror", addresses, client) as mirror:
            consumer = ck.Consumer(
                {
                    "bootstrap.servers": target.address,
                    "group.id": "none",
                    "security.protocol": "SASL_PLAINTEXT",
                    "sasl.mechanism": "PLAIN",
                    "sasl.username": "mirror",
                    "sasl.password": "mirror-secret",
                }
            )
            wait_for(lambda: "a.secrets" in consumer.list_topics(timeout=10).topics, "the topic")
            consumer.assign([ck.TopicPartition("a.secrets", 0, 0)])
            found = []
            for _ in range(600):
                found += [each.value() for each in consumer.consume(10, 0.1)]
                if len(found) == 10:
                    break
            consumer.close()
            assert found == [b"%d" % number for number in range(10)]
            assert mirror.stop() == 0
            assert "mirror-secret" not in mirror.output
