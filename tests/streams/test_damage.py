"""A task whose state is damaged, or whose records could not be written, starts over; nothing is lost or doubled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.peers.process import wait_for
from tests.streams.conftest import AT_LEAST_ONCE, EXACTLY_ONCE, QUICK
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines
from tests.streams.dsl_word_count import topology

from ottla.streams.application.confluent_clients import ConfluentClients, ConfluentProducer, SendError
from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.state.rocksdb import RocksDatabase

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.streams.application.client_supplier import BatchProducer, Failed, Send
    from ottla.streams.config import StreamsConfig

pytestmark = pytest.mark.timeout(120)


def make(tmp_path: Path, bootstrap: str, settings: dict[str, str], **options: Any) -> KafkaStreams:
    needed = {"application.id": "word-count", "bootstrap.servers": bootstrap, "state.dir": str(tmp_path / "state")}
    config = needed | QUICK | {"statestore.cache.max.bytes": "0"} | settings
    return KafkaStreams(topology({}).build(config), config, **options)


def test_state_that_is_ahead_of_its_changelog_is_restored_from_nothing(
    tmp_path: Path, ottla: NodeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(300, 1))
    with make(tmp_path, ottla.address, EXACTLY_ONCE) as app:
        app.wait_until_running()
        assert_exactly_once(read_counts(ottla.address, words), words)
    database = RocksDatabase(tmp_path / "state" / "word-count" / "1_0" / "rocksdb" / "counts", "counts")
    for key, _ in list(database.families["default"].range()):
        database.families["default"].put(key, b"\0" * 16)
    database.commit(1_000_000)
    database.close()
    words += send_lines(ottla.address, some_lines(300, 2))
    with caplog.at_level(logging.WARNING, "ottla.streams"), make(tmp_path, ottla.address, EXACTLY_ONCE) as app:
        app.wait_until_running()
        assert_exactly_once(read_counts(ottla.address, words), words)
    assert "restores task 1_0 from nothing: store counts is at offset 1000000" in caplog.text


class FailingOnce(ConfluentClients):
    """The first record to the topic `counts` is not written, as if the broker had been away for too long."""

    def __init__(self) -> None:
        self.failures = 0

    def producer(self, config: StreamsConfig, client_id: str, transactional_id: str | None) -> BatchProducer:
        made = super().producer(config, client_id, transactional_id)
        assert isinstance(made, ConfluentProducer)
        sender = made.sender

        def failing(failed: Failed) -> Send:
            send = sender(failed)

            def send_or_fail(
                topic: str, key: Any, value: Any, headers: Any, timestamp_ms: int, partition: Any, /
            ) -> None:
                if topic == "counts" and not self.failures:
                    self.failures += 1
                    failed(
                        SendError("a record to counts could not be written: timed out", retriable=True),
                        topic,
                        key,
                        value,
                    )
                    return
                send(topic, key, value, headers, timestamp_ms, partition)

            return send_or_fail

        made.sender = failing  # type: ignore[method-assign]
        return made


@pytest.mark.long
def test_a_record_that_cannot_be_written_has_its_task_restored_and_tried_again(
    tmp_path: Path, ottla: NodeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(300, 3))
    clients = FailingOnce()
    with (
        caplog.at_level(logging.WARNING, "ottla.streams"),
        make(tmp_path, ottla.address, EXACTLY_ONCE, client_supplier=clients) as app,
    ):
        assert_exactly_once(read_counts(ottla.address, words), words)
        app.wait_until_running()
    assert clients.failures == 1
    assert "restores its tasks: a record to counts could not be written" in caplog.text


@pytest.mark.long
def test_what_was_processed_is_purged_from_repartition_topics(tmp_path: Path, ottla: NodeProcess) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(300, 4))
    settings = AT_LEAST_ONCE | {"commit.interval.ms": "100", "repartition.purge.interval.ms": "100"}
    with make(tmp_path, ottla.address, settings) as app:
        app.wait_until_running()
        read_counts(ottla.address, words)
        consumer = Consumer({"bootstrap.servers": ottla.address, "group.id": "looker"})

        def is_empty() -> bool:
            """Every partition begins where it ends, and together they have had all words."""
            marks = [
                consumer.get_watermark_offsets(TopicPartition("word-count-words-repartition", each), 10)
                for each in range(3)
            ]
            return all(low == high for low, high in marks) and sum(high for _, high in marks) == words.total()

        wait_for(is_empty, "all that was processed is purged")
        words += send_lines(ottla.address, some_lines(100, 5))
        assert_exactly_once(read_counts(ottla.address, words), words)
        consumer.close()
