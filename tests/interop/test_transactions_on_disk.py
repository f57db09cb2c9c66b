"""Transactions on one disk, both ways: Apache Kafka goes on where Ottla stopped, and the reverse; its tools read ours.

The data directory holds transactions that were committed, that were aborted, and one that is open, with records and
with offsets of a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import confluent_kafka as ck
import pytest
from tests.conformance.client import CALL_TIMEOUT_S
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conformance.test_transactions import committed, producer, send, texts
from tests.conftest import TEST_SETTINGS
from tests.interop.mixed_use import files
from tests.interop.test_dump_log_segments import complaints, dump
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

TOPIC = "transactions"
SETTINGS = TEST_SETTINGS | {"transaction.state.log.num.partitions": "4"}
GROUP = "group"


class Use:
    """What one node after the other does, and what must be there by now."""

    def __init__(self) -> None:
        self.expected: list[str] = []
        self.offset: int | None = None
        self.rounds = 0

    def run(self, node: NodeProcess) -> None:
        self.rounds += 1
        if self.rounds == 1:
            Librdkafka(node.address).create_topic(TOPIC, 2)
        else:
            self.check(node)
        writer = producer(node, "writer")  # aborts what the last node left open
        for commit in (True, False, True):
            values = texts(f"round{self.rounds}-{commit}-{len(self.expected)}", 10)
            offset = len(self.expected) + 1
            self.transaction(writer, node, values, offset)
            if commit:
                writer.commit_transaction(CALL_TIMEOUT_S)
                self.expected += values
                self.offset = offset
            else:
                writer.flush(CALL_TIMEOUT_S)
                writer.abort_transaction(CALL_TIMEOUT_S)
        self.check(node)
        self.transaction(writer, node, texts("open", 4), 1_000_000)
        writer.flush(CALL_TIMEOUT_S)

    def transaction(self, writer: ck.Producer, node: NodeProcess, values: list[str], offset: int) -> None:
        writer.begin_transaction()
        send(writer, TOPIC, values, 2)
        reader = ck.Consumer({"bootstrap.servers": node.address, "group.id": GROUP})
        position = [ck.TopicPartition(TOPIC, 0, offset)]
        writer.send_offsets_to_transaction(position, reader.consumer_group_metadata(), CALL_TIMEOUT_S)
        reader.close()

    def check(self, node: NodeProcess) -> None:
        assert sorted(committed(node, TOPIC, 2)) == sorted(self.expected)
        client = Librdkafka(node.address)
        assert client.committed(GROUP, TOPIC) == self.offset


@pytest.mark.long
def test_transactions_go_on_under_the_other_node(tmp_path: Path) -> None:
    use = Use()
    ottla = OttlaNode(tmp_path / "ottla", SETTINGS)
    with ottla:
        use.run(ottla)
    kafka = KafkaNode(tmp_path / "kafka", SETTINGS, data=ottla.data)
    with kafka:
        use.run(kafka)
    ottla.start()
    use.run(ottla)
    ottla.kill()
    with kafka:
        use.run(kafka)
    with ottla:
        use.run(ottla)
    assert len(use.expected) == 100
    assert kafka.errors == []
    _check_files(ottla.data)


def _check_files(data: Path) -> None:
    logs = [path for path in files(data, ".log") if path.parent.name.startswith("__transaction_state-")]
    written = dump(*logs, options=["--deep-iteration", "--transaction-log-decoder"])
    assert complaints(written) == []
    assert '"transactionalId":"writer"' in written or "transactionalId=writer" in written
    aborted = dump(*files(data, ".txnindex"))
    assert complaints(aborted) == []
    assert "producerId: " in aborted
    assert complaints(dump(*files(data, ".snapshot"))) == []
    offsets = [path for path in files(data, ".log") if path.parent.name.startswith("__consumer_offsets-")]
    assert complaints(dump(*offsets, options=["--deep-iteration", "--offsets-decoder"])) == []
