"""How a windowed table is looked up by others: `TableView`s over stores of windows and of sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.streams.state.store import ValueAndTimestamp

if TYPE_CHECKING:
    from ottla.streams.operator import OperatorContext
    from ottla.streams.operators.table_view import ValueGetter
    from ottla.streams.windows import AnyWindowed


@dataclass(frozen=True, slots=True)
class WindowView:
    store_name: str

    @property
    def store_names(self) -> tuple[str, ...]:
        return (self.store_name,)

    def bind(self, context: OperatorContext) -> ValueGetter:
        return _WindowGetter(context.store(self.store_name))


@dataclass(frozen=True, slots=True)
class SessionView:
    store_name: str

    @property
    def store_names(self) -> tuple[str, ...]:
        return (self.store_name,)

    def bind(self, context: OperatorContext) -> ValueGetter:
        return _SessionGetter(context.store(self.store_name))


class _WindowGetter:
    is_versioned = False

    def __init__(self, store: Any) -> None:
        self._get = store.get

    def get(self, key: AnyWindowed) -> ValueAndTimestamp | None:
        found: ValueAndTimestamp | None = self._get(key.key, key.window.start_ms)
        return found

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        raise TypeError("a windowed table does not know its values of earlier times")


class _SessionGetter:
    is_versioned = False

    def __init__(self, store: Any) -> None:
        self._fetch_session = store.fetch_session

    def get(self, key: AnyWindowed) -> ValueAndTimestamp | None:
        start_ms, end_ms = key.window
        value = self._fetch_session(key.key, start_ms, end_ms)
        return None if value is None else ValueAndTimestamp(value, end_ms)

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        raise TypeError("a windowed table does not know its values of earlier times")
