"""Joins of two tables by their key: each side looks up the other, and a merger takes what both find.

    left ─► InnerJoin │ LeftJoin │ OuterJoin ──┐
                                              JoinMerger ─► Change
    right ─► InnerJoin │ RightJoin │ OuterJoin ─┘

A result is as late as the later of the two values that went into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ottla.streams.change import Change
from ottla.streams.operator import Operator
from ottla.streams.operators.table import TableOperator
from ottla.streams.state.store import ValueAndTimestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.operators.table_view import TableView, ValueGetter
    from ottla.streams.record import Headers

    Joiner = Callable[[Any, Any], Any]


class _JoinSide(Operator):
    """`versioned`: of this side's table, whose late records are dropped then (KIP-914)."""

    __slots__ = ("_get", "_joiner", "_send_old_values", "_versioned", "_view")

    def __init__(self, view: TableView, joiner: Joiner, send_old_values: bool, versioned: bool) -> None:
        self._view = view
        self._joiner = joiner
        self._send_old_values = send_old_values
        self._versioned = versioned

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._get = self._view.bind(context).get

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            self.context.drop("the key is null")
            return
        new, old, is_latest = value
        if self._versioned and not is_latest:
            self.context.drop("a later value of the versioned table is known")
            return
        found = self._get(key)
        if found is None:
            joined = self._alone(new, old)
        else:
            other, other_ms = found
            joined = self._both(new, old, other)
            if other_ms > timestamp_ms:
                timestamp_ms = other_ms
        if joined is not None:
            self.forward(key, Change(*joined, is_latest), timestamp_ms, headers)

    def _alone(self, new: Any, old: Any) -> tuple[Any, Any] | None:
        """The results, new and old, without a value on the other side; None when there is nothing to say."""
        return None

    def _both(self, new: Any, old: Any, other: Any) -> tuple[Any, Any]:
        join = self._joiner
        return (
            None if new is None else join(new, other),
            None if old is None or not self._send_old_values else join(old, other),
        )


class InnerJoin(_JoinSide):
    __slots__ = ()


class LeftJoin(_JoinSide):
    """The left side of a left join."""

    __slots__ = ()

    def _alone(self, new: Any, old: Any) -> tuple[Any, Any] | None:
        return None if new is None and old is None else self._both(new, old, None)


class RightJoin(_JoinSide):
    """The right side of a left join: with a value on the left there is a result always."""

    __slots__ = ()

    def _both(self, new: Any, old: Any, other: Any) -> tuple[Any, Any]:
        join = self._joiner
        return join(new, other), join(old, other) if self._send_old_values else None


class OuterJoin(_JoinSide):
    """Both sides of an outer join."""

    __slots__ = ()

    def _alone(self, new: Any, old: Any) -> tuple[Any, Any] | None:
        return None if new is None and old is None else super()._both(new, old, None)

    def _both(self, new: Any, old: Any, other: Any) -> tuple[Any, Any]:
        join = self._joiner
        return join(new, other), join(old, other) if self._send_old_values else None


class JoinMerger(TableOperator):
    """The table of the results."""

    __slots__ = ()

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if self._store is not None:
            self._store.put_and_forward(key, value[0], value[1], timestamp_ms, headers)
        elif self._send_old_values or value[1] is None:
            self.forward(key, value, timestamp_ms, headers)
        else:
            self.forward(key, Change(value[0], None, value[2]), timestamp_ms, headers)


@dataclass(frozen=True, slots=True)
class JoinView:
    """Looks a result up that no store holds, by joining what both sides have now.

    It is never versioned, even where both sides are (KIP-914).
    """

    kind: Literal["inner", "left", "right", "outer"]
    this: TableView
    other: TableView
    joiner: Joiner

    @property
    def store_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.this.store_names, *self.other.store_names)))

    def bind(self, context: OperatorContext) -> ValueGetter:
        this, other = self.this.bind(context), self.other.bind(context)
        return _JoinGetter(this, other, self.joiner, self.kind in ("inner", "left"), self.kind in ("inner", "right"))


class _JoinGetter:
    is_versioned = False

    def __init__(
        self, this: ValueGetter, other: ValueGetter, joiner: Joiner, needs_this: bool, needs_other: bool
    ) -> None:
        self._this = this.get
        self._other = other.get
        self._joiner = joiner
        self._needs_this = needs_this
        self._needs_other = needs_other

    def get(self, key: Any) -> ValueAndTimestamp | None:
        this = self._this(key)
        if this is None and self._needs_this:
            return None
        other = self._other(key)
        if other is None and (self._needs_other or this is None):
            return None
        value = self._joiner(None if this is None else this.value, None if other is None else other.value)
        times = [each.timestamp_ms for each in (this, other) if each is not None]
        return None if value is None else ValueAndTimestamp(value, max(times))

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        raise TypeError("a join of tables knows no values of earlier times")
