"""A store of one task, or of all instances, as a query has it: named, guarded against the thread that changes it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ottla.streams.errors import StateStoreMigratedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from ottla.streams.queries.position import Position
    from ottla.streams.state.store import StateStore

T = TypeVar("T")


class Guard(Protocol):
    def reading(self, what: str) -> AbstractContextManager[None]:
        """Nobody changes the stores within; raises `StateStoreNotAvailableError` where that takes too long."""


@dataclass(frozen=True, slots=True)
class ReadableStore:
    store: StateStore
    guard: Guard
    task_id: str
    partition: int | None
    """None for a global store."""

    position_of: Callable[[], Position]

    @contextmanager
    def held(self) -> Iterator[Any]:
        """The store, which stands still within. Raises `InvalidStateStoreError` where it is closed by now."""
        what = f"the store {self.store.name} of task {self.task_id}"
        with self.guard.reading(what):
            if not self.store.is_open:
                raise StateStoreMigratedError(f"{what} is not open: it may have migrated to another instance")
            yield self.store

    def read(self, function: Callable[[Any], T]) -> T:
        with self.held() as store:
            return function(store)
