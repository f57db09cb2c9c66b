"""A range of windows or sessions of all keys, read page by page while it is taken.

As `key_range.py` has it: the store is free between two pages. Stores in memory, and of what is final, are read at once:
their order, by time, is no order of what lies there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from ottla.streams.state.segmented_store import SegmentedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.queries.readable_store import ReadableStore

PAGE: Final = 2048
"""Stored entries that are looked at in one go, whether they are of that time or not."""


class SegmentScan:
    """An iterator of windowed keys and values."""

    def __init__(
        self,
        readable: ReadableStore,
        from_ms: int,
        to_ms: int,
        value_of: Callable[[Any], Any],
        keeps: Callable[[bytes], bool] | None = None,
        *,
        reverse: bool = False,
        live: bool = False,
    ) -> None:
        self._readable = readable
        self._from_ms = from_ms
        self._to_ms = to_ms
        self._value_of = value_of
        self._keeps = keeps
        self._reverse = reverse
        self._live = live
        self._after: bytes | None = None
        with readable.held() as store:
            self._segments: list[int] = store.segment_ids(from_ms, to_ms, reverse=reverse)
            self._segments.reverse()  # the next one is the last
            self._page: Iterator[tuple[Any, Any]] = self._read_page() if self._segments else iter(())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, Any]:
        while True:
            row = next(self._page, None)
            if row is not None:
                return row[0], self._value_of(row[1])
            if not self._segments:
                raise StopIteration
            self._page = self._read_page()

    def _read_page(self) -> Iterator[tuple[Any, Any]]:
        with self._readable.held() as store:
            rows, self._after = store.page(
                self._segments[-1],
                self._from_ms,
                self._to_ms,
                self._after,
                PAGE,
                reverse=self._reverse,
                live=self._live,
            )
        if self._after is None:
            self._segments.pop()
        keeps = self._keeps
        typed: Iterator[tuple[Any, Any]] = store.typed(
            rows if keeps is None else [row for row in rows if keeps(row[0])]
        )
        return typed


def is_paged(readable: ReadableStore) -> bool:
    return isinstance(readable.store, SegmentedStore) and not readable.store.is_time_ordered
