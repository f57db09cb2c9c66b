"""Stores of windows and of sessions that keep headers: their bytes, changelogs, restoration, caches and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.streams.queries import NoThreads
from tests.unit.streams.store_context import ListedContext

from ottla.streams import (
    AggregationWithHeaders,
    QueryableStoreTypes,
    Serdes,
    Stores,
    ValueAndTimestamp,
    ValueTimestampHeaders,
    Window,
    Windowed,
    WindowKeyQuery,
    WindowRangeQuery,
)
from ottla.streams.queries.answering import answer
from ottla.streams.queries.position import UNBOUNDED, Position
from ottla.streams.queries.readable_store import ReadableStore

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.streams.record import Headers

TEXT, NUMBER = Serdes.str(), Serdes.int64()
HEADERS: Headers = (("h", b"x"), ("n", None))
OF_RECORD: Headers = (("of", b"record"),)
HEADED = bytes.fromhex("100402680278026e01")
"""As Kafka Streams' serializer writes these headers."""


@pytest.fixture(params=["memory", "disk"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return str(tmp_path) if request.param == "disk" else None


def opened(builder: Any, directory: str | None, *, cached: bool) -> tuple[Any, ListedContext]:
    context = ListedContext()
    context.directory = directory  # type: ignore[assignment]
    store = (builder.with_caching_enabled() if cached else builder).build()
    store.open(context)
    return store, context


@pytest.mark.parametrize("cached", [False, True])
def test_windows(cached: bool, directory: str | None) -> None:
    supplier = Stores.persistent_timestamped_window_store_with_headers("w", "5m", "10s")
    builder = Stores.timestamped_window_store_with_headers_builder(supplier, TEXT, NUMBER)
    store, context = opened(builder, directory, cached=cached)
    one, two = ValueTimestampHeaders(1, 5, HEADERS), ValueTimestampHeaders(2, 10_006)
    context.process(10_009, OF_RECORD)
    store.put("a", one, 0)
    store.put("b", two, 10_000)
    store.flush()
    assert store.get("a", 0) == one
    assert list(store.fetch("a", 0, 20_000)) == [(0, one)]
    store.put("b", None, 10_000)
    store.flush()
    rows = [(Windowed("a", Window(0, 10_000)), one)]
    assert list(store.all()) == rows
    key_a, key_b = b"a" + bytes(12), b"b" + (10_000).to_bytes(8, "big") + bytes(4)
    assert store._stored(key_a) == HEADED + bytes(7) + b"\x05" + bytes(7) + b"\x01"
    assert context.logged == [
        (key_a, bytes(7) + b"\x01", 5, HEADERS),
        (key_b, bytes(7) + b"\x02", 10_006, ()),
        (key_b, None, 10_009, OF_RECORD),
    ]
    readable = ReadableStore(store, NoThreads(), "0_0", 0, lambda: Position({}))
    types = QueryableStoreTypes
    assert list(types.timestamped_window_store_with_headers().create(lambda: [readable]).all()) == rows
    timed = types.timestamped_window_store().create(lambda: [readable])
    assert timed.get("a", 0) == ValueAndTimestamp(1, 5)
    assert types.window_store().create(lambda: [readable]).get("a", 0) == 1
    found = answer(WindowKeyQuery.with_key_and_window_start_range("a", 0, 99), readable, UNBOUNDED)
    assert list(found.result) == [(0, ValueAndTimestamp(1, 5))]
    found = answer(WindowRangeQuery.with_window_start_range(0, 99), readable, UNBOUNDED)
    assert list(found.result) == [(Windowed("a", Window(0, 10_000)), ValueAndTimestamp(1, 5))]
    logged = context.logged
    store.commit(3)
    store.close()
    restored, _ = opened(builder, directory and f"{directory}/restored", cached=False)
    restored.restore(logged)
    assert list(restored.all()) == rows
    restored.close()


@pytest.mark.parametrize("cached", [False, True])
def test_sessions(cached: bool, directory: str | None) -> None:
    supplier = Stores.persistent_session_store_with_headers("s", "5m")
    builder = Stores.session_store_with_headers_builder(supplier, TEXT, NUMBER)
    store, context = opened(builder, directory, cached=cached)
    one, two = AggregationWithHeaders(1, HEADERS), AggregationWithHeaders(2)
    first, second = Windowed("a", Window(3, 5)), Windowed("a", Window(20, 30))
    context.process(31, OF_RECORD)
    store.put(first, one)
    store.put(second, two)
    store.flush()
    assert store.fetch_session("a", 3, 5) == one
    assert list(store.fetch("a")) == [(first, one), (second, two)]
    store.remove(second)
    store.flush()
    assert list(store.all()) == [(first, one)]
    key_one = b"a" + (5).to_bytes(8, "big") + (3).to_bytes(8, "big")
    key_two = b"a" + (30).to_bytes(8, "big") + (20).to_bytes(8, "big")
    assert store._stored(key_one) == HEADED + bytes(7) + b"\x01"
    assert context.logged == [
        (key_one, bytes(7) + b"\x01", 31, HEADERS),
        (key_two, bytes(7) + b"\x02", 31, ()),
        (key_two, None, 31, OF_RECORD),
    ]
    readable = ReadableStore(store, NoThreads(), "0_0", 0, lambda: Position({}))
    types = QueryableStoreTypes
    with_headers = types.session_store_with_headers().create(lambda: [readable])
    assert list(with_headers.fetch("a")) == [(first, one)]
    assert with_headers.fetch_session("a", 3, 5) == one
    plain = types.session_store().create(lambda: [readable])
    assert list(plain.find_sessions_range("a", "b", 0, 99)) == [(first, 1)]
    assert plain.fetch_session("a", 3, 5) == 1
    assert list(answer(WindowRangeQuery.with_key("a"), readable, UNBOUNDED).result) == [(first, 1)]
    logged = context.logged
    store.commit(3)
    store.close()
    restored, _ = opened(builder, directory and f"{directory}/restored", cached=False)
    restored.restore(logged)
    assert list(restored.all()) == [(first, one)]
    restored.close()


def test_kinds() -> None:
    types = QueryableStoreTypes
    window = Stores.timestamped_window_store_builder(Stores.in_memory_window_store("w", 10, 10), TEXT, TEXT).build()
    session = Stores.session_store_builder(Stores.in_memory_session_store("s", 10), TEXT, TEXT).build()
    assert not types.timestamped_window_store_with_headers().accepts(window)
    assert not types.session_store_with_headers().accepts(session)
    assert types.session_store().accepts(session)
