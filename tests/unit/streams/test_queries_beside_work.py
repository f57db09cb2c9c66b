"""Queries of other threads while a task works, commits and fills its cache: each answer lies between two records."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from ottla.streams.application.read_guard import ReadGuard
from ottla.streams.errors import StateStoreMigratedError
from ottla.streams.processor import Processor
from ottla.streams.queries.answering import answer
from ottla.streams.queries.key_query import KeyQuery
from ottla.streams.queries.key_range import FIRST_PAGE, key_range
from ottla.streams.queries.position import UNBOUNDED, Position
from ottla.streams.queries.query_result import FailureReason
from ottla.streams.queries.queryable_store_types import QueryableStoreTypes
from ottla.streams.queries.range_query import RangeQuery
from ottla.streams.queries.readable_store import ReadableStore
from ottla.streams.queries.stored_value import as_it_is
from ottla.streams.record import RawRecord, TopicPartition
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.stores import Stores
from ottla.streams.tasks.stream_task import StreamTask
from ottla.streams.topology.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.streams.processor import ProcessorContext
    from ottla.streams.record import Record

INPUT = TopicPartition("in", 0)
TEXT, NUMBER = Serdes.str(), Serdes.int64()
ROUNDS = 60
BATCH = 40


class CountOnBothSides(Processor[Any, Any]):
    """What is added to one key is taken from another: in between their sum is wrong."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store = context.store("sums")

    def process(self, record: Record[Any, Any]) -> None:
        store, key = self.store, record.key
        store.put(f"plus-{key}", (store.get(f"plus-{key}") or 0) + 1)
        store.put(f"minus-{key}", (store.get(f"minus-{key}") or 0) - 1)


class _NoCollector:
    def send(self, *record: Any) -> None: ...

    def partitions_for(self, topic: str) -> int:
        return 1


def task_with(directory: Path, *, caching: bool) -> StreamTask:
    topology = Topology()
    topology.add_source("in", "in", key_deserializer=TEXT.deserializer, value_deserializer=TEXT.deserializer)
    topology.add_processor("count", CountOnBothSides, "in")
    builder = Stores.key_value_store_builder(Stores.persistent_key_value_store("sums"), TEXT, NUMBER)
    topology.add_state_store(builder.with_caching_enabled() if caching else builder, "count")
    config = {"application.id": "app"}
    built = topology.build(config)
    task = StreamTask(
        built.sub_topologies[0], 0, [INPUT], "app", config, _NoCollector(), directory=str(directory), cache_bytes=4_000
    )
    task.open_stores()
    task.initialize({})
    return task


def readable(task: StreamTask, guard: ReadGuard) -> ReadableStore:
    return ReadableStore(task.stores["sums"], guard, task.task_id, 0, lambda: Position.of(task.position))


@pytest.mark.parametrize("caching", [False, True], ids=["plain", "cached"])
def test_what_is_read_lies_between_two_records(tmp_path: Path, caching: bool) -> None:
    task, guard = task_with(tmp_path, caching=caching), ReadGuard()
    store = readable(task, guard)
    wrong: list[Any] = []
    seen = [0, 0]
    over = threading.Event()

    def read(number: int) -> None:
        offset = -1
        while not over.is_set():
            result = answer(RangeQuery.with_no_bounds(), store, UNBOUNDED)
            rows = dict(result.result)  # fewer than a page, so that they are of one moment
            position = result.position.partition_positions("in").get(0, -1)
            # Both sides of every record up to the position, which only moves on, and of none beyond it.
            if sum(rows.values()) != 0 or sum(map(abs, rows.values())) != 2 * (position + 1) or position < offset:
                wrong.append((position, rows))
                return
            offset = position
            seen[number] += 1

    readers = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for each in readers:
        each.start()
    for at in range(ROUNDS):
        with guard:
            task.add_records(INPUT, [_record(at * BATCH + each) for each in range(BATCH)])
            while task.process(0, 7):
                pass
        with guard:
            task.prepare_commit()
        with guard:
            task.post_commit({"sums": at})
    over.set()
    for each in readers:
        each.join(30)
        assert not each.is_alive()
    assert wrong == []
    assert min(seen) > 0
    assert sum(value for _, value in key_range(store, "plus-", "plus-~", as_it_is)) == ROUNDS * BATCH
    task.close()


def test_a_long_range_is_read_page_by_page(tmp_path: Path) -> None:
    task, guard = task_with(tmp_path, caching=True), ReadGuard()
    store = task.stores["sums"]
    keys = [f"{number:05}" for number in range(3 * FIRST_PAGE)]
    for key in keys:
        store.put(key, 1)  # type: ignore[attr-defined]
    for reverse in (False, True):
        rows = key_range(readable(task, guard), keys[1], keys[-2], as_it_is, reverse=reverse)
        assert [key for key, _ in rows] == (keys[-2:0:-1] if reverse else keys[1:-1])
    rows = key_range(readable(task, guard), None, None, as_it_is)
    first = [next(rows)[0] for _ in range(FIRST_PAGE)]
    store.put(keys[0] + "-late", 2)  # type: ignore[attr-defined]  # behind the reader
    store.put(keys[-1] + "-late", 2)  # type: ignore[attr-defined]  # before him
    assert first + [key for key, _ in rows] == [*keys, keys[-1] + "-late"]


def test_a_store_that_went_away_says_so(tmp_path: Path) -> None:
    task, guard = task_with(tmp_path, caching=True), ReadGuard()
    store = task.stores["sums"]
    for number in range(2 * FIRST_PAGE):
        store.put(f"{number:05}", 1)  # type: ignore[attr-defined]
    here = readable(task, guard)
    rows = key_range(here, None, None, as_it_is)
    with guard:
        task.close()
    with pytest.raises(StateStoreMigratedError, match="the store sums of task 0_0 is not open"):
        list(rows)
    result = answer(RangeQuery.with_no_bounds(), here, UNBOUNDED)
    assert result.failure_reason is FailureReason.STORE_EXCEPTION
    assert "may have migrated" in result.failure_message


@pytest.mark.parametrize("version", [1, 2])
def test_a_copy_shows_what_was_restored_since_it_was_asked(tmp_path: Path, version: int) -> None:
    """And the task that it becomes works with that: a query leaves nothing in the cache."""
    task, guard = task_with(tmp_path, caching=True), ReadGuard()
    store: Any = task.stores["sums"]
    here = readable(task, guard)

    def ask() -> Any:
        if version == 1:
            return QueryableStoreTypes.key_value_store().create(lambda: [here]).get("plus-1")
        return answer(KeyQuery.with_key("plus-1"), here, UNBOUNDED).result

    for count in (3, 4):
        with guard:
            store.restore([(b"plus-1", count.to_bytes(8, "big"), 0, ())])
        assert ask() == count
    assert len(store._clean) == 0
    assert store.get("plus-1") == 4
    with guard:  # a copy again
        store.restore([(b"plus-1", (5).to_bytes(8, "big"), 0, ())])
    assert (ask(), store.get("plus-1")) == (5, 5)


def _record(offset: int) -> RawRecord:
    return RawRecord("in", 0, offset, offset, f"{offset % 11}".encode(), b"")
