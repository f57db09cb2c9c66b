"""What goes into and out of partitions, whoever leads them, and after they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import Replicas, at, batch, fetch_request, fetch_topic

from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.broker.replica.traffic import Traffic

OTHER_NODE = 2


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    return Replicas(tmp_path)


def of(replicas: Replicas, topic: str) -> Traffic:
    return replicas.manager.by_name[topic].traffic()


async def test_what_is_produced_and_fetched_is_counted(replicas: Replicas) -> None:
    replicas.create_topic("t", 2)
    first, second = batch(b"1", b"2", b"3"), batch(b"4")
    replicas.produce("t", first)
    replicas.produce("t", second, index=1)
    traffic = of(replicas, "t")
    assert (traffic.records_in, traffic.appends, traffic.bytes_in) == (4, 2, len(first) + len(second))
    replicas.fetch_now(fetch_request(fetch_topic("t", at(0), at(0, 1))))
    traffic = of(replicas, "t")
    assert (traffic.fetches, traffic.bytes_out) == (2, len(first) + len(second))
    assert (traffic.replication_bytes_out, traffic.failed_appends) == (0, 0)


async def test_what_is_refused_is_no_record(replicas: Replicas) -> None:
    replicas.create_topic("t", configs={"max.message.bytes": "200"})
    small, large = batch(b"1"), batch(b"1" * 500)
    for records in (small, large, small[:-1] + b"?"):
        replicas.produce("t", records)
    traffic = of(replicas, "t")
    assert (traffic.records_in, traffic.bytes_in, traffic.bytes_rejected) == (1, len(small), len(large))
    assert traffic.failed_appends == 0  # too large, and broken on its way: Kafka counts neither as failed
    replicas.produce("t", small, acks=7)
    assert of(replicas, "t").failed_appends == 1


async def test_records_count_for_those_who_led_when_they_were_appended(replicas: Replicas) -> None:
    topic_id = replicas.create_topic("t", replicas=(1, OTHER_NODE), isr=(1,))
    replicas.append("t", b"1", b"2")
    assert of(replicas, "t").records_in == 2
    replicas.change(topic_id, leader=OTHER_NODE)
    partition = replicas.partition("t")
    fetched = bytearray(batch(b"3", b"4", b"5"))
    fetched[:8] = (2).to_bytes(8, "big")
    partition.append_fetched(bytes(fetched), replicas.clock.now_ms())
    traffic = of(replicas, "t")
    assert (traffic.records_in, traffic.replication_bytes_in) == (2, len(fetched))
    replicas.change(topic_id, leader=1)
    replicas.append("t", b"6")
    assert of(replicas, "t").records_in == of(replicas, "t").records_in == 3  # to look changes nothing


async def test_what_is_gone_stays_counted(replicas: Replicas) -> None:
    topic_id = replicas.create_topic("t")
    replicas.append("t", b"1", b"2")
    replicas.delete_topic(topic_id)
    assert replicas.manager.past.records_in == 2
    replicas.create_topic("t")
    assert of(replicas, "t").records_in == 0
    replicas.append("t", b"3")
    assert of(replicas, "t").records_in == 1

    replicas.create_topic("two", 2)
    replicas.append("two", b"4", index=1)
    replicas.manager.disk_failed(replicas.partition("two", 1), OSError("the disk failed"))
    assert of(replicas, "two").records_in == 1
    assert replicas.manager.offline_count == 1


async def test_a_follower_that_lags_says_by_how_much(replicas: Replicas) -> None:
    replicas.create_topic("t", replicas=(OTHER_NODE, 1), isr=(OTHER_NODE,), leader=OTHER_NODE)
    partition = replicas.partition("t")
    partition.take_bounds(7, 0)
    assert partition.lag == 7
    partition.append_fetched(batch(b"1", b"2"), replicas.clock.now_ms())
    partition.take_bounds(7, 0)
    assert partition.lag == 5


def test_every_error_has_a_name() -> None:
    from ottla.broker.metrics.requests import _error_name

    assert _error_name(ErrorCode.OFFSET_OUT_OF_RANGE) == "OFFSET_OUT_OF_RANGE"
    assert _error_name(12345) == "12345"
