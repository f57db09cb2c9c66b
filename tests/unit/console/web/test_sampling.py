"""What is kept of samples, and what is made of two of them."""

from __future__ import annotations

from ottla.clients.client import PartitionMetadata, TopicMetadata
from ottla.clients.consumer import TopicPartition
from ottla.console.operations.lag_snapshot import GroupProgress, LagSnapshot
from ottla.console.web.sampling.rates import values_of
from ottla.console.web.sampling.ring import Ring
from ottla.console.web.sampling.scrape import rates, wanted_of

A, B = TopicPartition("a", 0), TopicPartition("a", 1)


def test_a_ring_keeps_the_last_samples() -> None:
    ring = Ring(3, 2)
    for number in range(5):
        ring.record(number, {("x",): number, **({("y",): 1.0} if number == 3 else {})})
    assert ring.times_ms == [2, 3, 4]
    assert ring.read(("x",)) == [2, 3, 4]
    assert ring.read(("y",)) == [None, 1, None]
    assert ring.last(("x",)) == 4
    assert ring.read(("z",)) == [None, None, None]


def test_a_ring_forgets_what_nobody_records_and_takes_no_more_than_it_may() -> None:
    ring = Ring(2, 1)
    ring.record(0, {("x",): 1, ("y",): 1})
    assert (ring.left_out, ("y",) in ring) == (1, False)
    for number in range(1, 4):
        ring.record(number, {})
    assert ("x",) not in ring
    ring.record(4, {("y",): 7})
    assert ring.read(("y",)) == [None, 7]


def snapshot(ends: dict[TopicPartition, int], committed: dict[TopicPartition, int]) -> LagSnapshot:
    partitions = {index: PartitionMetadata(index, 1, 0, (1, 2), (1,)) for index in (0, 1)}
    topic = TopicMetadata("a", bytes(16), False, partitions)
    return LagSnapshot({}, {"a": topic}, {}, ends, {"g": GroupProgress(1, committed)})


def test_rates_are_of_what_grew() -> None:
    before, now = snapshot({A: 10, B: 10}, {A: 5}), snapshot({A: 30, B: 4}, {A: 15, B: 1})
    values = values_of(now, before, 2.0, {"a": 100})
    assert values["topic", "a", "records_per_s"] == 10  # a partition that went back has not grown
    assert values["topic", "a", "consumed_per_s"] == values["group", "g", "consumed_per_s"] == 5
    assert values["group", "g", "lag"] == values["group", "g", "lag", "a"] == values["cluster", "lag"] == 18
    assert values["cluster", "under_replicated"] == 2
    assert values["topic", "a", "size_bytes"] == values["cluster", "size_bytes"] == 100
    first = values_of(now, None, 2.0, None)
    assert ("topic", "a", "records_per_s") not in first
    assert first["topic", "a", "lag"] == 18


def test_a_broker_is_scraped() -> None:
    text = (
        "# TYPE x counter\n"
        "kafka_server_brokertopicmetrics_bytesin_total 500\n"
        'kafka_server_brokertopicmetrics_bytesin_total{topic="a"} 300\n'
        'kafka_server_brokertopicmetrics_bytesout_total{topic="a"} 30\n'
        'kafka_server_brokertopicmetrics_bytesout_total{topic="b"} 3\n'
        "process_resident_memory_bytes 1e6\n"
        "other 1\n"
        "kafka_network_requestmetrics_requests_total NaNs\n"
    )
    assert wanted_of(text) == {"bytes_in_per_s": 500, "bytes_out_per_s": 33, "memory_bytes": 1e6}
    found = rates(wanted_of(text), {"bytes_in_per_s": 400, "bytes_out_per_s": 99}, 2.0)
    assert found == {"bytes_in_per_s": 50, "bytes_out_per_s": 0, "memory_bytes": 1e6}
