"""Operators that keep nothing: each record by itself. Timestamps and headers go on as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.operator import Operator
from ottla.streams.operators.fused import Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ottla.streams.operator import OperatorContext, Push
    from ottla.streams.record import Headers


class _Stateless(Operator):
    __slots__ = ()
    forwards_unchanged = True


class PassThrough(_Stateless):
    __slots__ = ()

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(key, value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.PASS)


class Filter(_Stateless):
    __slots__ = ("_negate", "_predicate")

    def __init__(self, predicate: Callable[[Any, Any], bool], negate: bool = False) -> None:
        self._predicate = predicate
        self._negate = negate

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if self._predicate(key, value):
            if not self._negate:
                self.forward(key, value, timestamp_ms, headers)
        elif self._negate:
            self.forward(key, value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.FILTER_NOT if self._negate else StepKind.FILTER, self._predicate)


class Map(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        key, value = self._mapper(key, value)
        self.forward(key, value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.MAP, self._mapper)


class SelectKey(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any, Any], Any]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(self._mapper(key, value), value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.SELECT_KEY, self._mapper)


class MapValues(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any], Any]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(key, self._mapper(value), timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.MAP_VALUES, self._mapper)


class MapValuesWithKey(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any, Any], Any]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(key, self._mapper(key, value), timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.MAP_VALUES_WITH_KEY, self._mapper)


class FlatMap(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any, Any], Iterable[tuple[Any, Any]]]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        for new_key, new_value in self._mapper(key, value):
            self.forward(new_key, new_value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.FLAT_MAP, self._mapper)


class FlatMapValues(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any], Iterable[Any]]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        for new_value in self._mapper(value):
            self.forward(key, new_value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.FLAT_MAP_VALUES, self._mapper)


class FlatMapValuesWithKey(_Stateless):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any, Any], Iterable[Any]]) -> None:
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        for new_value in self._mapper(key, value):
            self.forward(key, new_value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.FLAT_MAP_VALUES_WITH_KEY, self._mapper)


class Peek(_Stateless):
    __slots__ = ("_action",)

    def __init__(self, action: Callable[[Any, Any], object]) -> None:
        self._action = action

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self._action(key, value)
        self.forward(key, value, timestamp_ms, headers)

    @property
    def step(self) -> Step:
        return Step(StepKind.PEEK, self._action)


class ForEach(_Stateless):
    """The end of a stream."""

    __slots__ = ("_action",)

    def __init__(self, action: Callable[[Any, Any], object]) -> None:
        self._action = action

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self._action(key, value)


class Print(_Stateless):
    """`[label]: text` for each record."""

    __slots__ = ("_label", "_mapper", "_write")

    def __init__(self, write: Callable[[str], object], label: str, mapper: Callable[[Any, Any], str]) -> None:
        self._write = write
        self._label = label
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self._write(f"[{self._label}]: {self._mapper(key, value)}")


class Branch(_Stateless):
    """To the child of the first predicate that holds; to the child beyond, if there is one, when none does."""

    __slots__ = ("_branches", "_children", "_default", "_predicates")

    def __init__(self, predicates: Sequence[Callable[[Any, Any], bool]], children: Sequence[str]) -> None:
        self._predicates = predicates
        self._children = children
        self._branches: tuple[tuple[Callable[[Any, Any], bool], Push], ...] = ()
        self._default: Push | None = None

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        pushes = [context.children[name] for name in self._children]
        self._branches = tuple(zip(self._predicates, pushes, strict=False))
        self._default = pushes[-1] if len(pushes) > len(self._predicates) else None

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        for predicate, push in self._branches:
            if predicate(key, value):
                push(key, value, timestamp_ms, headers)
                return
        if self._default is not None:
            self._default(key, value, timestamp_ms, headers)
