"""What `flat_map_values` makes of an expression: the elements of a list, none where it is null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.streams.expressions.expression import Expression


def elements_of(expression: Expression) -> Callable[[Any, Any], Iterable[Any]]:
    """TypeError for a record where it is neither a list nor null: the letters of a text are not what is meant."""

    def elements(key: Any, value: Any) -> Iterable[Any]:
        found = expression(key, value)
        if found is None:
            return ()
        if isinstance(found, list | tuple | set | frozenset):
            return found
        raise TypeError(f"{expression!r} is of type {type(found).__name__}, and flat_map_values wants a list")

    return elements
