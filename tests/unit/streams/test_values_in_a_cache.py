"""What a cache of windows or sessions holds as objects shows as if it held bytes, sizes and evictions included.

The same operations go to two stores: one whose serde is known to write what nobody can change, and one whose serde does
the same and is not known for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.streams.store_context import ListedContext

from ottla.streams import Serde, Serdes, SerializationError, Stores, ValueAndTimestamp, Window, Windowed

if TYPE_CHECKING:
    from ottla.streams.record import Headers

TEXT = Serdes.str()
SERDES: dict[str, tuple[Serde[Any], st.SearchStrategy[Any]]] = {
    "int16": (Serdes.int16(), st.integers(-(1 << 15), (1 << 15) - 1)),
    "int32": (Serdes.int32(), st.integers(-(1 << 31), (1 << 31) - 1)),
    "int64": (Serdes.int64(), st.integers(-(1 << 63), (1 << 63) - 1)),
    "float64": (Serdes.float64(), st.floats(allow_nan=False)),
    "bool": (Serdes.bool(), st.booleans()),
    "str": (TEXT, st.sampled_from(["", "a", "plain", "žluťoučký", "x" * 40])),
    "bytes": (Serdes.bytes(), st.binary(max_size=40)),
}
CACHE_BYTES = 400  # three or four entries


class Watched:
    """A store, and all that can be seen of it."""

    def __init__(self, builder: Any) -> None:
        self.context = ListedContext(CACHE_BYTES)
        self.store = builder.with_caching_enabled().build()
        self.store.open(self.context)
        self.forwarded: list[Any] = []

    def listen(self, send_old_values: bool) -> None:
        def forwarded(key: Any, change: Any, timestamp_ms: int, headers: Headers, /) -> None:
            self.forwarded.append((key, change, timestamp_ms, headers))

        assert self.store.set_flush_listener(forwarded, send_old_values)

    def seen(self) -> Any:
        return self.context.logged, self.forwarded, self.store.cache_size_bytes, self.store.cache_misses


def unknown(serde: Serde[Any]) -> Serde[Any]:
    return Serde(lambda *given: serde.serializer(*given), serde.deserializer)


@pytest.mark.parametrize("kind", SERDES)
def test_windows(kind: str) -> None:
    serde, values = SERDES[kind]
    steps = st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.one_of(values, values, values, st.none()))

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.lists(st.one_of(steps, st.just("flush"), st.just("read")), max_size=25), st.booleans())
    def holds(chosen: list[Any], send_old_values: bool) -> None:
        supplier = Stores.in_memory_window_store("w", 300_000, 10)
        made = [
            Watched(Stores.timestamped_window_store_builder(supplier, TEXT, each)) for each in (serde, unknown(serde))
        ]
        for one in made:
            one.listen(send_old_values)
        for at, step in enumerate(chosen):
            for one in made:
                if step == "flush":
                    one.store.flush()
                    continue
                if step == "read":
                    one.forwarded.append([*one.store.all(), *one.store.fetch("a", 0, 50)])
                    continue
                key, start, value = step
                one.context.process(at, (("h", b"x"),) if at % 5 == 0 else ())
                one.forwarded.append(one.store.get(key, start * 10))
                one.store.put(key, None if value is None else ValueAndTimestamp(value, at), start * 10)
        for one in made:
            one.store.flush()
        assert made[0].seen() == made[1].seen()
        assert list(made[0].store.all()) == list(made[1].store.all())

    holds()


@pytest.mark.parametrize("kind", ["int64", "str"])
def test_sessions(kind: str) -> None:
    serde, values = SERDES[kind]
    steps = st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.integers(0, 3), st.one_of(values, values, st.none()))

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.lists(st.one_of(steps, st.just("flush")), max_size=25), st.booleans())
    def holds(chosen: list[Any], send_old_values: bool) -> None:
        supplier = Stores.persistent_session_store("s", 300_000)
        made = [Watched(Stores.session_store_builder(supplier, TEXT, each)) for each in (serde, unknown(serde))]
        for one in made:
            one.listen(send_old_values)
        for at, step in enumerate(chosen):
            for one in made:
                if step == "flush":
                    one.store.flush()
                    continue
                key, start, length, value = step
                one.context.process(at)
                one.forwarded.append([*one.store.find_sessions(key, start, start + 5)])
                one.store.put(Windowed(key, Window(start, start + length)), value)
        assert made[0].seen() == made[1].seen()
        assert list(made[0].store.all()) == list(made[1].store.all())

    holds()


def test_what_its_serde_cannot_write_fails_when_it_is_put() -> None:
    supplier = Stores.in_memory_window_store("w", 300_000, 10)
    one = Watched(Stores.timestamped_window_store_builder(supplier, TEXT, Serdes.int16()))
    for unfit in (1 << 15, "text", 1.5):
        with pytest.raises(SerializationError):
            one.store.put("a", ValueAndTimestamp(unfit, 1), 0)
    one.store.flush()
    assert one.context.logged == []
