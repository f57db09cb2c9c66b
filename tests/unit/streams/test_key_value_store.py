"""Key-value stores: order, bytes, changelogs and caches, each kind against a plain dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.streams.store_context import ListedContext

from ottla.streams.change import Change
from ottla.streams.errors import StreamsError
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.bytes_store import successor
from ottla.streams.state.memory_bytes_store import MemoryBytesStore
from ottla.streams.state.store import ValueAndTimestamp, ValueTimestampHeaders
from ottla.streams.state.stores import Stores

if TYPE_CHECKING:
    from ottla.streams.record import Headers
    from ottla.streams.state.key_value_builder import KeyValueStoreBuilder
    from ottla.streams.state.key_value_store import TypedKeyValueStore


def opened(builder: KeyValueStoreBuilder, context: ListedContext | None = None) -> TypedKeyValueStore:
    store = builder.build()
    store.open(context or ListedContext())
    return store


def strings(*, timestamped: bool = False) -> KeyValueStoreBuilder:
    supplier = Stores.in_memory_key_value_store("s")
    build = Stores.timestamped_key_value_store_builder if timestamped else Stores.key_value_store_builder
    return build(supplier, Serdes.str(), Serdes.int64())


def test_bytes_and_changelog() -> None:
    context = ListedContext()
    store = opened(strings(timestamped=True), context)
    context.record.timestamp_ms = 7
    store.put("a", ValueAndTimestamp(1, 5))
    store.put("b", ValueAndTimestamp(2, 6))
    assert store.delete("a") == ValueAndTimestamp(1, 5)
    assert context.logged == [(b"a", bytes(7) + b"\x01", 5, ()), (b"b", bytes(7) + b"\x02", 6, ()), (b"a", None, 7, ())]
    assert store.bytes_store.get(b"b") == bytes(7) + b"\x06" + bytes(7) + b"\x02"
    assert store.get("a") is None
    assert store.get("b") == ValueAndTimestamp(2, 6)
    restored = opened(strings(timestamped=True))
    restored.restore(context.logged)
    assert list(restored.all()) == [("b", ValueAndTimestamp(2, 6))]


def test_a_store_without_timestamps_logs_the_records_own() -> None:
    context = ListedContext()
    store = opened(strings(), context)
    context.record.timestamp_ms = 9
    assert store.put_if_absent("a", 1) is None
    assert store.put_if_absent("a", 2) == 1
    assert context.logged == [(b"a", bytes(7) + b"\x01", 9, ())]


def test_none_is_no_key() -> None:
    for builder in (strings(), strings().with_caching_enabled()):
        with pytest.raises(StreamsError):
            opened(builder).put(None, 1)


def test_a_cache_forwards_the_last_of_several_writes() -> None:
    context = ListedContext()
    store = opened(strings(timestamped=True).with_caching_enabled(), context)
    seen: list[Any] = []
    assert store.set_flush_listener(lambda *forwarded: seen.append((*forwarded, context.record.timestamp_ms)), True)
    for timestamp_ms, (key, value) in enumerate([("a", 1), ("b", 2), ("a", 3)]):
        context.record.timestamp_ms = timestamp_ms
        store.put(key, ValueAndTimestamp(value, timestamp_ms))
    assert (seen, context.logged) == ([], [])
    assert store.get("a") == ValueAndTimestamp(3, 2)
    store.flush()
    assert seen == [
        ("b", Change(ValueAndTimestamp(2, 1), None), 1, (), 1),
        ("a", Change(ValueAndTimestamp(3, 2), None), 2, (), 2),
    ]
    assert [key for key, *_ in context.logged] == [b"b", b"a"]
    seen.clear()
    context.record.timestamp_ms = 10
    store.put("a", None)
    store.put("c", None)
    store.flush()
    assert seen == [("a", Change(None, ValueAndTimestamp(3, 2)), 10, (), 10)]
    assert store.get("a") is None


def test_a_cache_of_no_bytes_forwards_at_once() -> None:
    context = ListedContext(cache_bytes=0)
    store = opened(strings(timestamped=True).with_caching_enabled(), context)
    seen: list[Any] = []
    store.set_flush_listener(lambda *forwarded: seen.append(forwarded[1]), False)
    store.put("a", ValueAndTimestamp(1, 0))
    store.put("a", ValueAndTimestamp(2, 0))
    store.put("a", None)
    store.put("a", None)
    assert seen == [Change(ValueAndTimestamp(1, 0), None), Change(ValueAndTimestamp(2, 0), None), Change(None, None)]


def test_a_cached_list_is_no_list_of_the_application() -> None:
    supplier = Stores.in_memory_key_value_store("s")
    builder = Stores.key_value_store_builder(supplier, Serdes.str(), Serdes.json()).with_caching_enabled()
    store = opened(builder)
    value = [1]
    store.put("a", value)
    value.append(2)
    assert store.get("a") == [1]
    store.get("a").append(3)  # type: ignore[union-attr]
    assert store.get("a") == [1]


def test_an_lru_map_logs_what_it_drops() -> None:
    context = ListedContext()
    builder = Stores.key_value_store_builder(Stores.lru_map("s", 2), Serdes.str(), Serdes.str())
    store = opened(builder, context)
    store.put("a", "1")
    store.put("b", "2")
    assert store.get("a") == "1"
    store.put("c", "3")
    assert [(key, value) for key, value, *_ in context.logged] == [
        (b"a", b"1"),
        (b"b", b"2"),
        (b"b", None),
        (b"c", b"3"),
    ]
    assert list(store.all()) == [("a", "1"), ("c", "3")]


def test_successor() -> None:
    assert successor(b"a") == b"b"
    assert successor(b"a\xff\xff") == b"b"
    assert successor(b"\xff") is None
    assert successor(b"") is None


keys = st.sampled_from(["", "a", "aa", "ab", "b", "bä", "c"])
step = st.one_of(
    st.tuples(st.just("put"), keys, st.none() | st.integers(-3, 3)),
    st.tuples(st.just("absent"), keys, st.integers(0, 3)),
    st.tuples(st.just("delete"), keys, st.none()),
    st.tuples(st.just("flush"), st.none(), st.none()),
    st.tuples(st.just("range"), st.none() | keys, st.none() | keys),
    st.tuples(st.just("prefix"), keys, st.none()),
)


@pytest.mark.parametrize("json_values", [False, True])
@pytest.mark.parametrize("cache_bytes", [None, 0, 200, 1 << 20])
@given(st.lists(step, max_size=40))
@settings(deadline=None)
def test_every_kind_is_a_sorted_dict(cache_bytes: int | None, json_values: bool, steps: list[Any]) -> None:
    context = ListedContext(cache_bytes or 0)
    supplier = Stores.in_memory_key_value_store("s")
    builder = Stores.key_value_store_builder(supplier, Serdes.str(), Serdes.json() if json_values else Serdes.int64())
    store = opened(builder if cache_bytes is None else builder.with_caching_enabled(), context)
    model: dict[str, Any] = {}
    forwarded: dict[str, Any] = {}
    store.set_flush_listener(lambda key, change, *_: forwarded.update({key: change.new}), True)
    for kind, first, second in steps:
        if kind == "put":
            store.put(first, second)
            model[first] = second
        elif kind == "absent":
            assert store.put_if_absent(first, second) == model.get(first)
            if model.get(first) is None:
                model[first] = second
        elif kind == "delete":
            assert store.delete(first) == model.pop(first, None)
        elif kind == "flush":
            store.flush()
        else:
            expected = sorted((key, each) for key, each in model.items() if each is not None)
            if kind == "range":
                expected = [
                    (key, each)
                    for key, each in expected
                    if (first is None or key >= first) and (second is None or key <= second)
                ]
                assert list(store.range(first, second)) == expected
                assert list(store.range(first, second, reverse=True)) == expected[::-1]
            else:
                assert list(store.prefix_scan(first.encode())) == [
                    each for each in expected if each[0].startswith(first)
                ]
        for key in ("", "a", "b"):
            assert store.get(key) == model.get(key)
    store.flush()
    live = {key.encode(): each for key, each in model.items() if each is not None}
    assert {key for key, _ in store.bytes_store.range(None, None)} == set(live)
    logged = {key: value for key, value, *_ in context.logged}
    assert {key for key, value in logged.items() if value is not None} == set(live)
    if cache_bytes is not None:
        assert {key.encode(): each for key, each in forwarded.items() if each is not None} == live


@given(st.lists(st.tuples(st.binary(max_size=2), st.none() | st.binary(max_size=1))), st.integers(1, 5))
def test_memory_keeps_order(writes: list[tuple[bytes, bytes | None]], every: int) -> None:
    store = MemoryBytesStore()
    model: dict[bytes, bytes] = {}
    for at, (key, value) in enumerate(writes):
        store.put(key, value)
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value
        if at % every == 0:
            assert list(store.range(b"\x01", b"\xf0")) == sorted(
                (each, model[each]) for each in model if b"\x01" <= each <= b"\xf0"
            )
    assert list(store.range(None, None, reverse=True)) == sorted(model.items(), reverse=True)


@pytest.mark.parametrize("cached", [False, True])
def test_headers_are_kept_and_logged(cached: bool) -> None:
    context = ListedContext()
    supplier = Stores.in_memory_key_value_store("s")
    builder = Stores.timestamped_key_value_store_with_headers_builder(supplier, Serdes.str(), Serdes.int64())
    store = builder.with_caching_enabled().build() if cached else builder.build()
    store.open(context)
    headers: Headers = (("h", b"x"), ("n", None))
    context.process(9, (("of", b"record"),))
    store.put("a", ValueTimestampHeaders(1, 5, headers))
    store.put("b", ValueTimestampHeaders(2, 6))
    store.flush()
    assert store.delete("b") == ValueTimestampHeaders(2, 6)
    store.flush()
    assert list(store.all()) == [("a", ValueTimestampHeaders(1, 5, headers))]
    assert store.bytes_store.get(b"a") == bytes.fromhex("100402680278026e01") + bytes(7) + b"\x05" + bytes(7) + b"\x01"
    assert context.logged == [
        (b"a", bytes(7) + b"\x01", 5, headers),
        (b"b", bytes(7) + b"\x02", 6, ()),
        (b"b", None, 9, (("of", b"record"),)),
    ]
    restored = builder.build()
    restored.open(ListedContext())
    restored.restore(context.logged)
    assert list(restored.all()) == [("a", ValueTimestampHeaders(1, 5, headers))]
