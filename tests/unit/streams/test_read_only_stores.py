"""Views of several partitions as one, requests, results and positions: what queries are made of."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.streams.queries import NoThreads
from tests.unit.streams.store_context import ListedContext

from ottla.streams.errors import StreamsError
from ottla.streams.queries import segment_scan
from ottla.streams.queries.answering import answer
from ottla.streams.queries.key_query import KeyQuery, TimestampedKeyQuery
from ottla.streams.queries.position import UNBOUNDED, Position, PositionBound
from ottla.streams.queries.query import Query
from ottla.streams.queries.query_result import FailureReason, QueryResult, StateQueryResult
from ottla.streams.queries.queryable_store_types import QueryableStoreTypes
from ottla.streams.queries.readable_store import ReadableStore
from ottla.streams.queries.state_query_request import StateQueryRequest
from ottla.streams.queries.versioned_query import MultiVersionedKeyQuery
from ottla.streams.serdes.serde import Serde
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.store import KeyValueStore, ValueAndTimestamp, ValueTimestampHeaders
from ottla.streams.state.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = Serdes.str()
AT = Position({"in": {0: 5, 1: 7}})


def partition(number: int, build: Callable[[], Any], **entries: Any) -> ReadableStore:
    store = build()
    store.open(ListedContext())
    for key, value in entries.items():
        store.put(key, value)
    return ReadableStore(store, NoThreads(), f"0_{number}", number, lambda: AT)


def plain() -> Any:
    return Stores.key_value_store_builder(Stores.in_memory_key_value_store("s"), TEXT, TEXT).build()


def timestamped() -> Any:
    return Stores.timestamped_key_value_store_builder(Stores.in_memory_key_value_store("s"), TEXT, TEXT).build()


def with_headers() -> Any:
    supplier = Stores.in_memory_key_value_store("s")
    return Stores.timestamped_key_value_store_with_headers_builder(supplier, TEXT, TEXT).build()


def test_partitions_are_read_as_one() -> None:
    some = [partition(0, plain, a="1", c="3"), partition(1, plain, b="2", cc="4")]
    view = QueryableStoreTypes.key_value_store().create(lambda: some)
    assert [view.get(key) for key in ("a", "b", "nothing")] == ["1", "2", None]
    assert list(view.all()) == [("a", "1"), ("c", "3"), ("b", "2"), ("cc", "4")]
    assert list(view.range("b", "c", reverse=True)) == [("c", "3"), ("b", "2")]
    assert list(view.prefix_scan(b"c")) == [("c", "3"), ("cc", "4")]
    assert list(view.prefix_scan(b"\xff")) == []
    assert view.approximate_num_entries() == 4


def test_values_come_with_what_was_asked_for() -> None:
    types = QueryableStoreTypes
    timed = [partition(0, timestamped, a=ValueAndTimestamp("1", 5))]
    assert types.key_value_store().create(lambda: timed).get("a") == "1"
    assert list(types.timestamped_key_value_store().create(lambda: timed).all()) == [("a", ValueAndTimestamp("1", 5))]
    stored = ValueTimestampHeaders("1", 5, (("h", b"x"),))
    headed = [partition(0, with_headers, a=stored)]
    assert types.key_value_store().create(lambda: headed).get("a") == "1"
    assert types.timestamped_key_value_store().create(lambda: headed).get("a") == ValueAndTimestamp("1", 5)
    assert types.timestamped_key_value_store_with_headers().create(lambda: headed).get("a") == stored
    accepting = [types.key_value_store(), types.timestamped_key_value_store(), types.session_store()]
    assert [each.accepts(plain()) for each in accepting] == [True, False, False]


@pytest.mark.parametrize("caching", [False, True], ids=["plain", "cached"])
def test_windows_on_disk_are_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caching: bool) -> None:
    monkeypatch.setattr(segment_scan, "PAGE", 3)
    supplier = Stores.persistent_timestamped_window_store("w", "5m", "10s")
    builder = Stores.timestamped_window_store_builder(supplier, TEXT, TEXT)
    store = (builder.with_caching_enabled() if caching else builder).build()
    context = ListedContext()
    context.directory = str(tmp_path)  # type: ignore[assignment]
    store.open(context)
    chance = random.Random(1)
    for step in range(200):
        time_ms = chance.randrange(max(0, step * 3_000 - 200_000), step * 3_000 + 1)
        value = None if chance.random() < 0.2 else ValueAndTimestamp(str(step), time_ms)
        store.put(chance.choice("ab") * chance.randint(1, 3), value, time_ms // 10_000 * 10_000)
        if step == 120:
            store.flush()
            store.commit(1)
    readable = ReadableStore(store, NoThreads(), "0_0", 0, lambda: AT)
    view = QueryableStoreTypes.timestamped_window_store().create(lambda: [readable])
    for reverse in (False, True):
        assert list(view.all(reverse=reverse)) == list(store.all(reverse=reverse))
        for _ in range(30):
            first, last = sorted(chance.choices(["a", "aa", "b", "bb"], k=2))
            from_ms, to_ms = sorted((chance.randrange(600_000), chance.randrange(600_000)))
            assert list(view.fetch_all(from_ms, to_ms, reverse=reverse)) == list(
                store.fetch_all(from_ms, to_ms, reverse=reverse)
            )
            assert list(view.fetch_range(first, last, from_ms, to_ms, reverse=reverse)) == list(
                store.fetch_range(first, last, from_ms, to_ms, reverse=reverse)
            )
    assert len(list(view.all())) > 20
    store.close()


def test_a_store_of_ones_own_is_asked_by_a_type_of_ones_own() -> None:
    class Size:
        def accepts(self, store: Any, /) -> bool:
            return isinstance(store, KeyValueStore)

        def create(self, stores: Callable[[], Any], /) -> Callable[[], int]:
            return lambda: sum(each.read(lambda store: len(list(store.all()))) for each in stores())

    size = Size().create(lambda: [partition(0, plain, a="1"), partition(1, plain, b="2")])
    assert size() == 2


def test_what_fails_in_a_store_is_a_failure_and_what_the_caller_gets_wrong_is_raised() -> None:
    def fail(topic: str, data: Any, headers: Any = ()) -> Any:
        raise ValueError("unreadable")

    broken = Serde(TEXT.serializer, fail)
    builder = Stores.key_value_store_builder(Stores.in_memory_key_value_store("s"), TEXT, broken)
    result = answer(KeyQuery.with_key("a"), partition(0, builder.build, a="1"), UNBOUNDED)
    assert result.failure_reason is FailureReason.STORE_EXCEPTION
    assert "unreadable" in result.failure_message
    assert result.position == AT
    with pytest.raises(StreamsError, match="a query that failed has no result"):
        result.result  # noqa: B018
    with pytest.raises(StreamsError, match="a value of type int"):
        answer(KeyQuery.with_key(5), partition(0, plain), UNBOUNDED)
    with pytest.raises(ValueError, match="cannot be None"):
        TimestampedKeyQuery.with_key(None)
    with pytest.raises(ValueError, match="later than"):
        MultiVersionedKeyQuery.with_key("a").from_time(2).to_time(1)


def test_a_question_of_ones_own_is_not_known() -> None:
    class Own(Query[int]):
        pass

    result: QueryResult[Any] = answer(Own(), partition(0, plain), UNBOUNDED)
    assert result.failure_reason is FailureReason.UNKNOWN_QUERY_TYPE
    unknown = answer(TimestampedKeyQuery.with_key("a"), partition(0, plain), UNBOUNDED)
    assert "cannot answer TimestampedKeyQuery(key='a'" in unknown.failure_message


def test_a_bound_is_of_the_partition() -> None:
    store = partition(1, plain, a="1")
    bounds: list[tuple[dict[int, int], bool]] = [({0: 100}, True), ({1: 7}, True), ({1: 8}, False), ({2: 1}, True)]
    for bound, met in bounds:
        result = answer(KeyQuery.with_key("a"), store, PositionBound.at(Position({"in": bound})))
        assert result.is_success is met
        assert result.failure_reason is (None if met else FailureReason.NOT_UP_TO_BOUND)
    behind = answer(KeyQuery.with_key("a"), store, PositionBound.at(Position({"other": {1: 0}})))
    assert behind.failure_message == "partition 1 is at in-0 at 5, in-1 at 7, and not yet up to the bound: other-1 at 0"


def test_positions_only_move_on() -> None:
    position = (
        Position.from_map(json.loads('{"in": {"0": 5}}')).with_component("in", 0, 3).merge(Position({"in": {1: 1}}))
    )
    assert position == Position({"in": {0: 5, 1: 1}})
    assert position.topics == {"in"}
    assert Position.empty_position().is_empty
    assert PositionBound.unbounded().is_unbounded


def test_results_of_partitions() -> None:
    results: StateQueryResult[str] = StateQueryResult()
    results.partition_results[0] = QueryResult.for_result("", Position({"in": {0: 1}}))
    results.partition_results[1] = QueryResult.for_failure(FailureReason.NOT_PRESENT, "elsewhere")
    results.partition_results[2] = QueryResult(position=Position({"in": {2: 3}}))
    only = results.only_partition_result
    assert only is not None
    assert only.result == ""
    assert results.position == Position({"in": {0: 1, 2: 3}})
    results.partition_results[3] = QueryResult.for_result("too")
    with pytest.raises(StreamsError, match="2 partitions have a result"):
        results.only_partition_result  # noqa: B018


def test_a_request_is_made_step_by_step() -> None:
    request = StateQueryRequest.in_store("s").with_query(KeyQuery.with_key("a").skip_cache())
    assert (request.partitions, request.is_require_active) == (None, False)
    whole = request.with_partitions([1, 1, 2]).require_active().enable_execution_info()
    assert whole.partitions == frozenset({1, 2})
    assert whole.is_require_active
    assert whole.is_execution_info_enabled
    assert whole.with_all_partitions().partitions is None
