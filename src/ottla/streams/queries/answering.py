"""How a store answers a `Query`: which kind of store knows which question (Java: the metered stores)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.duration import LONG_MAX
from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.queries.key_query import KeyQuery, TimestampedKeyQuery
from ottla.streams.queries.key_range import key_range
from ottla.streams.queries.query import ResultOrder
from ottla.streams.queries.query_result import FailureReason, QueryResult
from ottla.streams.queries.range_query import RangeQuery, TimestampedRangeQuery
from ottla.streams.queries.segment_scan import SegmentScan, is_paged
from ottla.streams.queries.stored_value import is_key_value, is_timestamped, plain, timestamped
from ottla.streams.queries.versioned_query import MultiVersionedKeyQuery, VersionedKeyQuery
from ottla.streams.queries.window_query import WindowKeyQuery, WindowRangeQuery
from ottla.streams.state.key_value_store import TypedKeyValueStore
from ottla.streams.state.segmented_store import SegmentedStore
from ottla.streams.state.store import SessionStore, VersionedKeyValueStore, WindowStore
from ottla.streams.state.store_of_segments import StoreOfSegments
from ottla.streams.state.versioned_store import SegmentedVersionedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.queries.position import PositionBound
    from ottla.streams.queries.query import Query
    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.state.store import StateStore


def answer(
    query: Query[Any], readable: ReadableStore, bound: PositionBound, clock_ns: Callable[[], int] | None = None
) -> QueryResult[Any]:
    """With a clock the result tells who answered, and how long it took.

    Raises what the key's serializer raises: that is a mistake of the caller, and not of the store.
    """
    began_ns = 0 if clock_ns is None else clock_ns()
    result = _answer(query, readable, bound)
    if clock_ns is not None:
        who = f"{type(readable.store).__name__} {readable.store.name} of task {readable.task_id}"
        result.execution_info.append(f"Handled in {who} in {clock_ns() - began_ns}ns")
    return result


def _answer(query: Query[Any], readable: ReadableStore, bound: PositionBound) -> QueryResult[Any]:
    knows, read = _QUESTIONS.get(type(query), _UNKNOWN)
    known = knows(query, readable.store)
    try:
        if known is True:
            _encode(query, readable.store)
        with readable.held():
            position = readable.position_of()
            if known is not True:
                return QueryResult.for_unknown_query_type(query, readable.store, known or "", position)
            if not bound.permits(position, readable.partition):
                return QueryResult.not_up_to_bound(position, bound, readable.partition)
            try:
                return QueryResult.for_result(read(query, readable), position)
            except Exception as error:
                message = f"the store {readable.store.name} failed to answer {query}: {error!r}"
                return QueryResult.for_failure(FailureReason.STORE_EXCEPTION, message, position)
    except InvalidStateStoreError as error:
        return QueryResult.for_failure(FailureReason.STORE_EXCEPTION, str(error))


def _encode(query: Any, store: StateStore) -> None:
    """A key that cannot be one is found before the store is asked."""
    keys = [getattr(query, name, None) for name in ("key", "lower_bound", "upper_bound")]
    if isinstance(store, TypedKeyValueStore):
        encode: Callable[[Any], bytes] = store.key_bytes
    elif isinstance(store, StoreOfSegments):
        encode = store.encode_key
    else:
        return
    for key in keys:
        if key is not None:
            encode(key)


# Whether a store knows a question: True, or why not, if there is something to say


def _of_keys(query: Query[Any], store: StateStore) -> bool | str:
    return is_key_value(store)


def _of_timestamped_keys(query: Query[Any], store: StateStore) -> bool | str:
    return is_key_value(store) and is_timestamped(store)


def _of_windows(query: Query[Any], store: StateStore) -> bool | str:
    return isinstance(store, WindowStore)


def _of_windows_or_sessions(query: WindowRangeQuery, store: StateStore) -> bool | str:
    if isinstance(store, WindowStore) and (query.time_from_ms is None or query.time_to_ms is None):
        return "a window store knows WindowRangeQuery.with_window_start_range alone"
    if isinstance(store, SessionStore) and query.key is None:
        return "a session store knows WindowRangeQuery.with_key alone"
    return isinstance(store, WindowStore | SessionStore)


def _of_versions(query: Query[Any], store: StateStore) -> bool | str:
    return isinstance(store, VersionedKeyValueStore)


def _of_histories(query: Query[Any], store: StateStore) -> bool | str:
    return isinstance(store, SegmentedVersionedStore)


def _of_nobody(query: Query[Any], store: StateStore) -> bool | str:
    return "there is no such question"


# What it answers, while it stands still


def _key(query: KeyQuery, readable: ReadableStore) -> Any:
    return plain(readable.store)(_get(query, readable.store))


def _timestamped_key(query: TimestampedKeyQuery, readable: ReadableStore) -> Any:
    return timestamped(readable.store)(_get(query, readable.store))


def _get(query: KeyQuery | TimestampedKeyQuery, store: Any) -> Any:
    if not isinstance(store, TypedKeyValueStore):
        return store.get(query.key)
    if not query.is_skip_cache:
        return store.peek(query.key)
    data = store.bytes_store.get(store.key_bytes(query.key))
    return None if data is None else store.value_of(data)


def _range(query: RangeQuery, readable: ReadableStore) -> Iterator[tuple[Any, Any]]:
    return _rows(query, readable, plain(readable.store))


def _timestamped_range(query: TimestampedRangeQuery, readable: ReadableStore) -> Iterator[tuple[Any, Any]]:
    return _rows(query, readable, timestamped(readable.store))


def _rows(
    query: RangeQuery | TimestampedRangeQuery,
    readable: ReadableStore,
    value_of: Callable[[Any], Any],
) -> Iterator[tuple[Any, Any]]:
    reverse = query.result_order is ResultOrder.DESCENDING
    return key_range(readable, query.lower_bound, query.upper_bound, value_of, reverse=reverse)


def _windows(query: WindowKeyQuery, readable: ReadableStore) -> Any:
    store: Any = readable.store
    rows = store.fetch(query.key, query.time_from_ms, query.time_to_ms)
    return _live(store, _of_values(rows, timestamped(store)), lambda start_ms: start_ms)


def _windows_or_sessions(query: WindowRangeQuery, readable: ReadableStore) -> Any:
    store: Any = readable.store
    if isinstance(store, WindowStore):
        from_ms, to_ms = query.time_from_ms or 0, query.time_to_ms or 0
        if is_paged(readable):
            return SegmentScan(readable, from_ms, to_ms, timestamped(store), live=True)
        rows = _of_values(store.fetch_all(from_ms, to_ms), timestamped(store))
        return _live(store, rows, lambda windowed: windowed.window.start_ms)
    rows = _of_values(store.fetch(query.key), plain(store))
    return _live(store, rows, lambda windowed: windowed.window.end_ms)


def _of_values(rows: Iterator[tuple[Any, Any]], value_of: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    return ((key, value_of(value)) for key, value in rows)


def _live(store: Any, rows: Iterator[tuple[Any, Any]], time_of: Callable[[Any], int]) -> Iterator[tuple[Any, Any]]:
    """Without what has expired, and only a cache has still: in version 2 nobody sees that, in version 1 everybody."""
    if not isinstance(store, SegmentedStore):
        return rows
    return iter([row for row in rows if store.is_live(time_of(row[0]))])


def _version(query: VersionedKeyQuery, readable: ReadableStore) -> Any:
    store: Any = readable.store
    return store.get(query.key, query.as_of_timestamp_ms)


def _versions(query: MultiVersionedKeyQuery, readable: ReadableStore) -> Any:
    store: Any = readable.store
    from_ms = 0 if query.from_time_ms is None else query.from_time_ms
    to_ms = LONG_MAX if query.to_time_ms is None else query.to_time_ms
    return store.history(query.key, from_ms, to_ms, reverse=query.result_order is not ResultOrder.ASCENDING)


_Question = tuple["Callable[[Any, StateStore], bool | str]", "Callable[[Any, ReadableStore], Any]"]
_QUESTIONS: Final[dict[type[Query[Any]], _Question]] = {
    KeyQuery: (_of_keys, _key),
    TimestampedKeyQuery: (_of_timestamped_keys, _timestamped_key),
    RangeQuery: (_of_keys, _range),
    TimestampedRangeQuery: (_of_timestamped_keys, _timestamped_range),
    WindowKeyQuery: (_of_windows, _windows),
    WindowRangeQuery: (_of_windows_or_sessions, _windows_or_sessions),
    VersionedKeyQuery: (_of_versions, _version),
    MultiVersionedKeyQuery: (_of_histories, _versions),
}
_UNKNOWN: Final[_Question] = (_of_nobody, _key)
