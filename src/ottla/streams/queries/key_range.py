"""A range of a key-value store, read page by page while it is taken.

The store is free between two pages: whoever reads for long holds up nobody, and need not be closed. A page is as the
store was at one moment; a later one may know of later records. `InvalidStateStoreError`: the store went elsewhere.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from ottla.streams.state.bytes_store import successor
from ottla.streams.state.key_value_store import TypedKeyValueStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.queries.readable_store import ReadableStore

FIRST_PAGE: Final = 128
MAX_PAGE: Final = 4096
"""Entries; each page is twice as long as the one before."""


class KeyRange:
    """An iterator of keys and values."""

    def __init__(
        self,
        readable: ReadableStore,
        first: bytes | None,
        last: bytes | None,
        value_of: Callable[[Any], Any],
        *,
        reverse: bool = False,
        before: bytes | None = None,
    ) -> None:
        """`before`: a bound that is itself outside."""
        self._readable = readable
        self._first = first
        self._last = last if before is None else before
        self._before = before
        self._value_of = value_of
        self._reverse = reverse
        self._reached: bytes | None = None
        self._size = FIRST_PAGE
        self._is_last = False
        self._page = self._read_page()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, Any]:
        while True:
            row = next(self._page, None)
            if row is not None:
                return row[0], self._value_of(row[1])
            if self._is_last:
                raise StopIteration
            self._page = self._read_page()

    def _read_page(self) -> Iterator[tuple[Any, Any]]:
        first, last, reached = self._first, self._last, self._reached
        if reached is not None:
            first, last = (first, reached) if self._reverse else (reached, last)
        with self._readable.held() as store:
            rows = store.range_of_bytes(first, last, reverse=self._reverse)
            page = list(islice((row for row in rows if row[0] not in (reached, self._before)), self._size))
        self._is_last = len(page) < self._size
        self._size = min(MAX_PAGE, self._size * 2)
        if page:
            self._reached = page[-1][0]
        typed: Iterator[tuple[Any, Any]] = store.typed(page)
        return typed


def key_range(
    readable: ReadableStore,
    first: Any | None,
    last: Any | None,
    value_of: Callable[[Any], Any],
    *,
    reverse: bool = False,
) -> Iterator[tuple[Any, Any]]:
    """From one key to another, both inclusive; None is no bound."""
    store = readable.store
    if isinstance(store, TypedKeyValueStore):
        low = None if first is None else store.key_bytes(first)
        high = None if last is None else store.key_bytes(last)
        return KeyRange(readable, low, high, value_of, reverse=reverse)
    rows = readable.read(lambda store: list(store.range(first, last, reverse=reverse)))  # an application's own
    return ((key, value_of(value)) for key, value in rows)


def prefix_range(readable: ReadableStore, prefix: bytes, value_of: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    if isinstance(readable.store, TypedKeyValueStore):
        return KeyRange(readable, prefix, None, value_of, before=successor(prefix))
    rows = readable.read(lambda store: list(store.prefix_scan(prefix)))
    return ((key, value_of(value)) for key, value in rows)
