"""The functions that an op-tree may name: the same as in the oracle's `Lambdas.java`, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.windows import Windowed

if TYPE_CHECKING:
    from collections.abc import Callable


def text(value: Any) -> str:
    """As Java shows it."""
    if value is None:
        return "null"
    if isinstance(value, Windowed):
        return f"{text(value.key)}@{value.window.start_ms}/{value.window.end_ms}"
    return str(value)


def is_even(value: Any) -> bool:
    return value % 2 == 0 if isinstance(value, int) else len(text(value)) % 2 == 0


def first_char(value: Any) -> str | None:
    return None if value is None or not text(value) else text(value)[0]


def _length(value: Any) -> int:
    return len(text(value))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else _length(value)


def _words(value: Any) -> list[str]:
    return [word for word in text(value).split(" ") if word]


def _or_none(value: Any) -> str | None:
    return None if value is None else text(value)


PREDICATES: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "always": lambda key, value: True,
    "never": lambda key, value: False,
    "is_even": lambda key, value: is_even(value),
    "key_is_even": lambda key, value: is_even(key),
    "has_key": lambda key, value: key is not None,
    "is_early": lambda key, value: text(value) < "m",
}

MAPPERS: Final[dict[str, Callable[[Any], Any]]] = {
    "identity": lambda value: value,
    "upper": lambda value: None if value is None else text(value).upper(),
    "length": _length,
    "tag": lambda value: text(value) + "!",
    "null_if_even": lambda value: None if is_even(value) else value,
    "text": text,
    "first_char": first_char,
}

MAPPERS_WITH_KEY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "concat": lambda key, value: f"{text(key)}:{text(value)}",
    "key": lambda key, value: text(key),
}

FLAT_MAPPERS: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "words": _words,
    "twice": lambda value: [text(value), text(value)],
    "none": lambda value: [],
}

FLAT_MAPPERS_WITH_KEY: Final[dict[str, Callable[[Any, Any], list[Any]]]] = {
    "key_and_value": lambda key, value: [text(key), text(value)],
}

KEY_SELECTORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "first_char": lambda key, value: first_char(value),
    "value": lambda key, value: _or_none(value),
    "same_key": lambda key, value: key,
    "text_key": lambda key, value: _or_none(key),
    "no_key": lambda key, value: None,
    "length_key": lambda key, value: str(_length(value)),
}

PAIR_MAPPERS: Final[dict[str, Callable[[Any, Any], tuple[Any, Any]]]] = {
    "swap": lambda key, value: (text(value), text(key)),
    "by_first_char": lambda key, value: (first_char(value), text(value)),
    "tag_value": lambda key, value: (key, text(value) + "!"),
    "length_by_first_char": lambda key, value: (first_char(value), _length(value)),
}

FLAT_PAIR_MAPPERS: Final[dict[str, Callable[[Any, Any], list[tuple[Any, Any]]]]] = {
    "by_word": lambda key, value: [(word, text(value)) for word in _words(value)],
}

JOINERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "join": lambda left, right: f"{text(left)}+{text(right)}",
    "left": lambda left, right: left,
    "null_if_even": lambda left, right: None if is_even(text(left) + text(right)) else f"{text(left)}+{text(right)}",
}

JOINERS_WITH_KEY: Final[dict[str, Callable[[Any, Any, Any], Any]]] = {
    "join_with_key": lambda key, left, right: f"{text(key)}:{text(left)}+{text(right)}",
}

INITIALIZERS: Final[dict[str, Callable[[], Any]]] = {"empty": lambda: "", "zero": lambda: 0}

AGGREGATORS: Final[dict[str, Callable[[Any, Any, Any], Any]]] = {
    "concat": lambda key, value, aggregate: text(aggregate) + text(value),
    "concat_minus": lambda key, value, aggregate: f"{text(aggregate)}-{text(value)}",
    "sum": lambda key, value, aggregate: aggregate + _number(value),
    "subtract": lambda key, value, aggregate: aggregate - _number(value),
    "null_if_even": lambda key, value, aggregate: None if is_even(value) else text(aggregate) + text(value),
}

REDUCERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "concat": lambda aggregate, value: text(aggregate) + text(value),
    "concat_minus": lambda aggregate, value: f"{text(aggregate)}-{text(value)}",
    "add": lambda aggregate, value: aggregate + value,
    "subtract": lambda aggregate, value: aggregate - value,
    "last": lambda aggregate, value: value,
    "max": lambda aggregate, value: aggregate if text(aggregate) >= text(value) else value,
}

MERGERS: Final[dict[str, Callable[[Any, Any, Any], Any]]] = {
    "concat": lambda key, one, two: text(one) + text(two),
    "add": lambda key, one, two: one + two,
}

FOREIGN_KEYS: Final[dict[str, Callable[[Any], Any]]] = {"first_char": first_char, "value": _or_none}

FOREIGN_KEYS_WITH_KEY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "key_first_char": lambda key, value: first_char(key)
}
