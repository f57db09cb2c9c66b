"""A task by itself: the order of its partitions, waiting for them, what it commits, and what it leaves when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.grouped import Grouped
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.produced import Produced
from ottla.streams.dsl.streams_builder import StreamsBuilder
from ottla.streams.errors import StreamsError
from ottla.streams.processor import Processor
from ottla.streams.record import RawRecord, Record, TopicPartition
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.stores import Stores
from ottla.streams.tasks.exception_handlers import LogAndContinueExceptionHandler
from ottla.streams.tasks.stream_task import StreamTask
from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata, encode_metadata
from ottla.streams.topology.topology import Topology

if TYPE_CHECKING:
    from ottla.streams.record import Headers

STR = Serdes.str()
LEFT, RIGHT = TopicPartition("left", 0), TopicPartition("right", 0)


class Collector:
    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None, int, int | None]] = []

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        partition: int | None,
        /,
    ) -> None:
        self.sent.append((topic, key, value, timestamp_ms, partition))

    def partitions_for(self, topic: str) -> int:
        return 3

    @property
    def values(self) -> list[str]:
        return [(value or b"").decode() for _, _, value, _, _ in self.sent]


def raw(partition: TopicPartition, offset: int, timestamp_ms: int, value: str = "") -> RawRecord:
    return RawRecord(*partition, offset, timestamp_ms, b"k", value.encode())


def started(
    topology: Topology,
    partitions: list[TopicPartition],
    config: dict[str, Any] | None = None,
    committed: dict[TopicPartition, OffsetAndMetadata] | None = None,
) -> tuple[StreamTask, Collector]:
    given_config = {"application.id": "app", "default.key.serde": STR, "default.value.serde": STR, **(config or {})}
    built = topology.build(given_config)
    collector = Collector()
    task = StreamTask(built.sub_topologies[0], 0, partitions, "app", built.config, collector)
    task.open_stores()
    task.initialize(committed or {})
    return task, collector


def merging() -> Topology:
    topology = Topology()
    topology.add_source("l", "left")
    topology.add_source("r", "right")
    topology.add_sink("sink", "out", "l", "r")
    return topology


def test_the_least_timestamp_is_next() -> None:
    task, collector = started(merging(), [LEFT, RIGHT], {"max.task.idle.ms": -1})
    task.add_records(LEFT, [raw(LEFT, 0, 5, "l5"), raw(LEFT, 1, 1, "l1"), raw(LEFT, 2, 9, "l9")])
    task.add_records(RIGHT, [raw(RIGHT, 0, 4, "r4"), raw(RIGHT, 1, 8, "r8")])
    assert task.process(0, 3) == 3
    assert collector.values == ["r4", "l5", "l1"]
    assert (task.stream_time_ms, task.buffered_records, task.buffered_of(RIGHT)) == (5, 2, 1)
    assert task.process(0, 100) == 2
    assert collector.values[3:] == ["r8", "l9"]


def test_a_task_waits_for_what_a_partition_may_still_bring() -> None:
    task, collector = started(merging(), [LEFT, RIGHT], {"max.task.idle.ms": 10})
    task.add_records(LEFT, [raw(LEFT, 0, 5), raw(LEFT, 1, 6)])
    assert task.process(100, 10) == 0  # nobody knows how much the other has
    lags: dict[TopicPartition, int | None] = {LEFT: 0, RIGHT: 2}
    task.update_lags(lags.get)
    assert task.process(100, 10) == 0  # it has more, to be fetched
    lags[RIGHT] = 0
    task.update_lags(lags.get)
    assert task.process(100, 10) == 0  # it has no more; time runs from here
    assert task.process(109, 10) == 0
    assert not task.is_processable(109)
    assert task.process(110, 10) == 2
    assert len(collector.sent) == 2
    assert task.process(200, 10) == 0


def test_what_is_committed() -> None:
    task, _ = started(merging(), [LEFT, RIGHT], {"max.task.idle.ms": -1})
    assert (task.commit_needed, task.prepare_commit()) == (False, {})
    task.add_records(LEFT, [raw(LEFT, 10, 50), raw(LEFT, 11, 40), raw(LEFT, 15, 60)])
    task.process(0, 2)
    assert [task.commit_needed] == [True]
    assert task.prepare_commit() == {LEFT: OffsetAndMetadata(15, encode_metadata(50, {}))}
    task.post_commit()
    assert [task.commit_needed] == [False]
    task.process(0, 2)
    task.note_position(LEFT, 18)  # behind the markers of a transaction
    assert task.prepare_commit() == {LEFT: OffsetAndMetadata(18, encode_metadata(60, {}))}
    task.post_commit()
    task.note_position(LEFT, 20)
    assert [task.commit_needed] == [True]


def test_time_goes_on_where_it_was_committed() -> None:
    committed = {LEFT: OffsetAndMetadata(3, encode_metadata(70, {"kept": 4}))}
    task, _ = started(merging(), [LEFT, RIGHT], {"max.task.idle.ms": -1}, committed)
    assert task.stream_time_ms == 70
    assert task.state.processor_metadata == {"kept": 4}
    task.add_records(LEFT, [raw(LEFT, 3, 10)])
    task.process(0, 1)
    assert task.stream_time_ms == 70
    assert task.prepare_commit() == {LEFT: OffsetAndMetadata(4, encode_metadata(70, {"kept": 4}))}


@pytest.mark.parametrize("partitions", [[LEFT], [LEFT, RIGHT]])
def test_records_that_cannot_be_read_are_committed_over(partitions: list[TopicPartition]) -> None:
    topology = Topology()
    topology.add_source("l", "left", value_deserializer=Serdes.int64().deserializer)
    topology.add_source("r", "right", value_deserializer=Serdes.int64().deserializer)
    topology.add_sink("sink", "out", "l", "r", value_serializer=Serdes.int64().serializer)
    config = {"max.task.idle.ms": -1, "deserialization.exception.handler": LogAndContinueExceptionHandler}
    task, collector = started(topology, partitions, config)
    task.add_records(LEFT, [raw(LEFT, 0, 1), raw(LEFT, 1, 1, "eight by"), raw(LEFT, 2, 1), raw(LEFT, 3, 1)])
    task.process(0, 10)
    assert len(collector.sent) == 1
    assert task.dropped_records == 3
    assert [task.commit_needed] == [True]
    assert task.prepare_commit()[LEFT].offset == 4


class Keeps(Processor[str, str]):
    def process(self, record: Record[str, str]) -> None:
        self.context.store("kept").put(record.key, record.value)
        self.context.commit()

    def close(self) -> None:
        raise RuntimeError("cannot close")


def keeping() -> Topology:
    builder = Stores.key_value_store_builder(Stores.in_memory_key_value_store("kept"), STR, STR)
    topology = Topology()
    topology.add_source("l", "left")
    topology.add_processor("keep", Keeps, "l")
    topology.add_state_store(builder, "keep")
    return topology


def test_stores_log_to_the_partition_of_the_task_and_outlive_a_failing_end() -> None:
    built = keeping().build({"application.id": "app", "default.key.serde": STR, "default.value.serde": STR})
    collector = Collector()
    task = StreamTask(built.sub_topologies[0], 2, [TopicPartition("left", 2)], "app", built.config, collector)
    task.open_stores()
    assert task.task_id == "0_2"
    task.initialize({})
    task.add_records(TopicPartition("left", 2), [raw(TopicPartition("left", 2), 0, 7, "v")])
    task.process(0, 1)
    assert [task.commit_requested] == [True]
    assert collector.sent == [("app-kept-changelog", b"k", b"v", 7, 2)]
    task.prepare_commit()
    task.post_commit({"kept": 1})
    assert [task.commit_requested] == [False]
    assert task.stores["kept"].committed_offset == 1
    with pytest.raises(RuntimeError, match="cannot close"):
        task.close()
    assert not task.stores["kept"].is_open
    task.close()


@pytest.mark.parametrize("cache_bytes", [0, 100_000])
def test_a_task_that_became_a_copy_runs_again_on_what_it_has_read_meanwhile(cache_bytes: int) -> None:
    builder = StreamsBuilder()
    number = Serdes.int64()
    grouped = builder.stream("left", Consumed(STR, STR)).group_by_key(Grouped(STR, STR))
    counts = grouped.count(materialized=Materialized.as_("counts"))
    counts.to_stream().to("out", Produced(STR, number))
    built = builder.build().build({"application.id": "app"})
    collector = Collector()
    task = StreamTask(built.sub_topologies[0], 0, [LEFT], "app", built.config, collector, cache_bytes=cache_bytes)
    task.open_stores()
    store: Any = task.stores["counts"]
    task.initialize({})
    task.add_records(LEFT, [raw(LEFT, offset, 100 + offset) for offset in range(3)])
    task.process(0, 2)  # of three
    assert task.prepare_commit()[LEFT].offset == 2
    task.post_commit({"counts": 1})
    task.recycle()
    assert (task.buffered_records, task.commit_needed, task.prepare_commit()) == (0, False, {})
    assert store.is_open
    assert store.get("k").value == 2
    store.restore([(b"k", number.serializer("", 5), 200, ()), (b"other", number.serializer("", 1), 200, ())])
    task.initialize({LEFT: OffsetAndMetadata(5, encode_metadata(200, {}))})
    assert task.stream_time_ms == 200
    collector.sent.clear()
    task.add_records(LEFT, [raw(LEFT, 5, 150)])
    assert task.process(0, 10) == 1
    assert task.prepare_commit()[LEFT].offset == 6
    assert (b"k", number.serializer("", 6)) in [
        (key, value) for topic, key, value, *_ in collector.sent if topic == "out"
    ]
    assert store.get("other").value == 1
    task.close()


def test_a_store_that_is_not_connected() -> None:
    class Reaches(Processor[str, str]):
        def process(self, record: Record[str, str]) -> None:
            self.context.store("kept")

    topology = keeping()
    topology.add_processor("reach", Reaches, "l")
    task, _ = started(topology, [LEFT])
    task.add_records(LEFT, [raw(LEFT, 0, 7, "v")])
    with pytest.raises(StreamsError, match="reach has no access to the store kept"):
        task.process(0, 1)


def test_partitioners_choose_and_drop() -> None:
    chosen: dict[str, Any] = {"both": {2, 0}, "none": set(), "hash": None, "one": [1], "wrong": [3]}
    topology = Topology()
    topology.add_source("l", "left")
    topology.add_sink("sink", "out", "l", partitioner=lambda topic, key, value, count: chosen[value])
    task, collector = started(topology, [LEFT])
    task.add_records(LEFT, [raw(LEFT, at, 0, value) for at, value in enumerate(chosen)])
    assert task.process(0, 4) == 4
    assert [(value, partition) for _, _, value, _, partition in collector.sent] == [
        (b"both", 0),
        (b"both", 2),
        (b"hash", None),
        (b"one", 1),
    ]
    assert task.dropped_records == 1
    with pytest.raises(StreamsError, match="chose partition 3 of out, of 3"):
        task.process(0, 1)


batches = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.lists(st.integers(0, 9), max_size=4)), max_size=8)


@given(batches, st.integers(1, 5))
def test_the_heap_gives_what_a_search_would(batch_list: list[tuple[int, list[int]]], limit: int) -> None:
    topology = Topology()
    names = ["a", "b", "c"]
    for name in names:
        topology.add_source(name, name)
    topology.add_sink("sink", "out", *names)
    partitions = [TopicPartition(name, 0) for name in names]
    task, collector = started(topology, partitions, {"max.task.idle.ms": -1})
    queues: list[list[tuple[int, str]]] = [[], [], []]
    seen = 0
    for at, times in batch_list:
        records = [raw(partitions[at], seen + more, time_ms, f"{at}:{time_ms}") for more, time_ms in enumerate(times)]
        seen += len(times)
        queues[at] += [(time_ms, f"{at}:{time_ms}") for time_ms in times]
        task.add_records(partitions[at], records)
        for _ in range(limit):
            heads = [queue[0][0] for queue in queues if queue]
            before = len(collector.sent)
            assert task.process(0, 1) == (1 if heads else 0)
            if heads:
                value = collector.values[before]
                queue = queues[int(value[0])]
                assert queue.pop(0) == (min(heads), value)
