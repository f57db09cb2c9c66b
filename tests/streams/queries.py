"""Random interactive queries of stores, and what Ottla's stores answer: in the form of the oracle's `Queries.java`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests.streams.lambdas import text

from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.queries.answering import answer
from ottla.streams.queries.key_query import KeyQuery, TimestampedKeyQuery
from ottla.streams.queries.position import Position, PositionBound
from ottla.streams.queries.queryable_store_types import QueryableStoreType, QueryableStoreTypes
from ottla.streams.queries.range_query import RangeQuery, TimestampedRangeQuery
from ottla.streams.queries.readable_store import ReadableStore
from ottla.streams.queries.versioned_query import MultiVersionedKeyQuery, VersionedKeyQuery
from ottla.streams.queries.window_query import WindowKeyQuery, WindowRangeQuery
from ottla.streams.state.store import (
    KeyValueStore,
    SessionStore,
    StateStore,
    ValueAndTimestamp,
    VersionedKeyValueStore,
    VersionedRecord,
    WindowStore,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from ottla.streams.queries.query import Query

Asked = dict[str, Any]
KEYS: Final = ("a", "b", "bb", "c", "z", "")
KINDS: Final = (
    *("key", "timestamped_key", "range", "timestamped_range"),
    *("window_key", "window_range", "versioned_key", "versions"),
)
PREFIXES: Final = ("a", "b", "zz")  # Java's stores in memory fail for an empty one
TYPES: Final[dict[str, QueryableStoreType[Any]]] = {
    "key_value": QueryableStoreTypes.key_value_store(),
    "timestamped_key_value": QueryableStoreTypes.timestamped_key_value_store(),
    "window": QueryableStoreTypes.window_store(),
    "timestamped_window": QueryableStoreTypes.timestamped_window_store(),
    "session": QueryableStoreTypes.session_store(),
}


class NoThreads:
    """A guard where nobody else is."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        with self.lock:
            yield


def readable(store: StateStore, position: Position) -> ReadableStore:
    return ReadableStore(store, NoThreads(), "0_0", 0, lambda: position)


# What is asked


def some_queries(random: Random, stores: dict[str, StateStore], times_ms: list[int], topics: list[str]) -> list[Asked]:
    """Of every store some that it knows, some that it does not."""
    asked: list[Asked] = []
    for name, store in sorted(stores.items()):
        if not isinstance(store, KeyValueStore | WindowStore | SessionStore | VersionedKeyValueStore):
            continue
        if "SUBSCRIPTION" in name or not _has_text_keys(store):
            continue
        asked += [{"store": name, **_query(random, store, times_ms, topics)} for _ in range(12)]
    return asked


def _has_text_keys(store: Any) -> bool:
    if isinstance(store, KeyValueStore):
        return all(isinstance(key, str) for key, _ in store.all())
    if isinstance(store, VersionedKeyValueStore):
        return True
    rows = store.all()
    return all(isinstance(windowed.key, str) for windowed, _ in rows)


def _query(random: Random, store: StateStore, times_ms: list[int], topics: list[str]) -> Asked:
    if random.random() < 0.5:
        return _version_2(random, _kinds(random, store), times_ms, topics)
    kind = random.choice(list(TYPES))
    if random.random() < 0.8:
        if isinstance(store, KeyValueStore):
            kind = random.choice(("key_value", "timestamped_key_value"))
        elif isinstance(store, WindowStore):
            kind = random.choice(("window", "timestamped_window"))
        elif isinstance(store, SessionStore):
            kind = "session"
    call, arguments = random.choice(_CALLS[kind.removeprefix("timestamped_")])
    return {"type": kind, "call": call, "args": [each(random, times_ms) for each in arguments]}


def _kinds(random: Random, store: StateStore) -> tuple[str, ...]:
    """Mostly what the store knows."""
    if random.random() < 0.2:
        return KINDS
    if isinstance(store, KeyValueStore):
        return KINDS[:4]
    return KINDS[6:] if isinstance(store, VersionedKeyValueStore) else KINDS[4:6]


def _version_2(random: Random, kinds: tuple[str, ...], times_ms: list[int], topics: list[str]) -> Asked:
    kind = random.choice(kinds)
    asked: Asked = {"query": kind}
    if kind.endswith("key") or kind == "versions" or (kind == "window_range" and random.random() < 0.5):
        asked["key"] = _key(random, times_ms)
    if kind == "key" and random.random() < 0.3:
        asked["skip_cache"] = True
    if kind.endswith("range") and not kind.startswith("window"):
        asked |= {"lower": _bound(random, times_ms), "upper": _bound(random, times_ms)}
    if (kind.startswith("window") and ("key" not in asked or kind == "window_key")) or (
        kind == "versions" and random.random() < 0.7
    ):
        asked["from"], asked["to"] = _time(random, times_ms), _time(random, times_ms)
        if kind == "versions":  # others are refused
            asked["from"], asked["to"] = sorted((asked["from"], asked["to"]))
    if kind == "versioned_key" and random.random() < 0.7:
        asked["as_of"] = _time(random, times_ms)
    if kind in ("range", "timestamped_range", "versions"):
        asked["order"] = random.choice(("any", "ascending", "descending"))
    if random.random() < 0.2:
        asked["bound"] = {random.choice([*topics, "other"]): {str(random.randint(0, 1)): random.randint(0, 30)}}
    return asked


def _key(random: Random, times_ms: list[int]) -> Any:
    return random.choice(KEYS)


def _bound(random: Random, times_ms: list[int]) -> Any:
    return random.choice((*KEYS, None, None))


def _prefix(random: Random, times_ms: list[int]) -> Any:
    return random.choice(PREFIXES)


def _time(random: Random, times_ms: list[int]) -> Any:
    return max(0, random.choice(times_ms) + random.choice((-1, 0, 0, 1)))


_CALLS: Final[dict[str, list[tuple[str, list[Callable[[Random, list[int]], Any]]]]]] = {
    "key_value": [
        ("get", [_key]),
        ("range", [_bound, _bound]),
        ("reverse_range", [_bound, _bound]),
        ("all", []),
        ("reverse_all", []),
        ("prefix_scan", [_prefix]),
    ],
    "window": [
        ("get", [_key, _time]),
        ("fetch", [_key, _time, _time]),
        ("backward_fetch", [_key, _time, _time]),
        ("fetch_range", [_bound, _bound, _time, _time]),
        ("backward_fetch_range", [_bound, _bound, _time, _time]),
        ("fetch_all", [_time, _time]),
        ("backward_fetch_all", [_time, _time]),
        ("all", []),
        ("backward_all", []),
    ],
    "session": [
        ("find_sessions", [_key, _time, _time]),
        ("backward_find_sessions", [_key, _time, _time]),
        ("find_sessions_range", [_bound, _bound, _time, _time]),
        ("fetch_session", [_key, _time, _time]),
        ("fetch", [_key]),
        ("backward_fetch", [_key]),
        ("fetch_range", [_bound, _bound]),
    ],
}


# What is answered


def answers(asked: list[Asked], stores: dict[str, StateStore], position: Position) -> list[dict[str, Any]]:
    found = []
    for each in asked:
        store = readable(stores[each["store"]], position)
        found.append(_view(each, store) if "call" in each else _answer(each, store))
    return found


def _view(asked: Asked, store: ReadableStore) -> dict[str, Any]:
    kind = TYPES[asked["type"]]
    if not kind.accepts(store.store):
        return {"error": "InvalidStateStoreException"}
    view: Any = kind.create(lambda: [store])
    call = str(asked["call"])
    reverse = call.startswith(("reverse_", "backward_"))
    name = call.removeprefix("reverse_").removeprefix("backward_")
    arguments = [each.encode() for each in asked["args"]] if name == "prefix_scan" else asked["args"]
    try:
        result = getattr(view, name)(*arguments, **({"reverse": True} if reverse else {}))
    except InvalidStateStoreError:
        return {"error": "InvalidStateStoreException"}
    return shown(result)


def _answer(asked: Asked, store: ReadableStore) -> dict[str, Any]:
    bound = PositionBound.at(Position.from_map(asked.get("bound", {})))
    result = answer(query_of(asked), store, bound)
    made = {"failure": result.failure_reason.value} if result.failure_reason else shown(result.result)
    return made | {"position": result.position}


def query_of(asked: Asked) -> Query[Any]:
    key, lower, upper = asked.get("key"), asked.get("lower"), asked.get("upper")
    from_ms, to_ms, order = asked.get("from"), asked.get("to"), asked.get("order", "any")
    match asked["query"]:
        case "key":
            one = KeyQuery.with_key(key)
            return one.skip_cache() if asked.get("skip_cache") else one
        case "timestamped_key":
            return TimestampedKeyQuery.with_key(key)
        case "range":
            return _ordered(RangeQuery.with_range(lower, upper), order, "keys")
        case "timestamped_range":
            return _ordered(TimestampedRangeQuery.with_range(lower, upper), order, "keys")
        case "window_key":
            return WindowKeyQuery.with_key_and_window_start_range(key, from_ms or 0, to_ms or 0)
        case "window_range" if key is not None:
            return WindowRangeQuery.with_key(key)
        case "window_range":
            return WindowRangeQuery.with_window_start_range(from_ms or 0, to_ms or 0)
        case "versioned_key":
            versioned = VersionedKeyQuery.with_key(key)
            return versioned.as_of(asked["as_of"]) if "as_of" in asked else versioned
        case _:
            versions = MultiVersionedKeyQuery.with_key(key).from_time(from_ms).to_time(to_ms)
            return _ordered(versions, order, "timestamps")


def _ordered(query: Any, order: str, what: str) -> Query[Any]:
    made: Query[Any] = query if order == "any" else getattr(query, f"with_{order}_{what}")()
    return made


def shown(result: Any) -> dict[str, Any]:
    if result is None:
        return {"value": None}
    if isinstance(result, tuple) or not hasattr(result, "__next__"):
        return {"value": _value(result)}
    return {"rows": [_row(each) for each in result]}


def _row(row: Any) -> list[Any]:
    return _value(row) if isinstance(row, VersionedRecord) else [text(row[0]), *_value(row[1])]


def _value(value: Any) -> list[Any]:
    if isinstance(value, ValueAndTimestamp):
        return [text(value.value), value.timestamp_ms]
    if isinstance(value, VersionedRecord):
        return [text(value.value), value.timestamp_ms, value.valid_to_ms]
    return [text(value)]
