"""Data of an Avro schema, made up: each type says in `arg.properties` how (as the Avro random generator's schemas do).

| property | for | what it says |
|---|---|---|
| `options` | any | one of these |
| `range` `{"min", "max"}` | numbers | at least the one, less than the other |
| `iteration` `{"start", "step", "restart"}` | numbers, strings | by the record's number; restart is the end |
| `regex` | strings | what matches (`patterns.py`) |
| `length` n or `{"min", "max"}` | strings, bytes, arrays, maps | how long |
| `prefix`, `suffix` | strings | stands before, behind |
| `odds` | booleans | how likely true is |
| `keys` | maps | the properties of the keys |

What is made depends on the seed and on the record's number alone, so it goes on after a restart as if there was none.
"""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.avro.names import AvroSettings
from ottla.connect.avro.to_connect import connect_of
from ottla.connect.connectors.datagen.options import option_of
from ottla.connect.connectors.datagen.patterns import text_of
from ottla.connect.data import logical
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import wrap
from ottla.registry.schema.avro.schema import AvroSchema
from ottla.registry.schema.avro.types import Array, AvroType, Enum, Fixed, Map, Primitive, Record, Union
from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from ottla.connect.data.schema import Schema

    Draw: TypeAlias = Callable[[Random, int], Any]
    """(what is drawn from, the record's number from 0) → the value."""

ARG_PROPERTIES: Final = "arg.properties"
LENGTH_DEFAULT: Final = (4, 12)
MAX_LENGTH: Final = 1_000_000
_LETTERS: Final = string.ascii_lowercase
_SPREAD: Final = 0x9E3779B97F4A7C15
_NUMBERS: Final = {
    "int": (-(1 << 31), 1 << 31),
    "long": (-(1 << 63), 1 << 63),
    "float": (0.0, 1.0),
    "double": (0.0, 1.0),
}


class Generator:
    """`value(n)` is the record number n of `seed`, of `schema`. `ConfigError` for a wrong schema."""

    def __init__(self, text: str, seed: int) -> None:
        try:
            type_ = AvroSchema(text).type
        except SchemaError as error:
            raise ConfigError(f"The schema to generate from is wrong: {error}") from error
        try:
            schema = connect_of(type_, AvroSettings(connect_meta_data=False))
        except DataError as error:
            raise ConfigError(f"The schema to generate from is none of Connect's: {error}") from error
        if schema is None:
            raise ConfigError("The schema to generate from is that of data without a schema")
        self.schema = schema
        self._draw = _Maker().draw(type_, schema, "")
        self._seed = seed & ((1 << 63) - 1)
        self._random = random.Random()

    def value(self, number: int) -> Any:
        self._random.seed(self._seed ^ ((number + 1) * _SPREAD))
        return self._draw(self._random, number)


class _Maker:
    def draw(self, type_: AvroType, schema: Schema, path: str) -> Draw:
        if isinstance(type_, Union):
            return self._union(type_, schema, path)
        hints = _hints(type_, path)
        if "options" in hints:
            return _options(hints["options"], schema, path)
        if isinstance(type_, Record):
            return self._record(type_, schema, path)
        if isinstance(type_, Array):
            return self._array(type_, schema, hints, path)
        if isinstance(type_, Map):
            return self._map(type_, schema, hints, path)
        if isinstance(type_, Enum):
            symbols = type_.symbols
            return lambda random, _number: symbols[int(random.random() * len(symbols))]
        if isinstance(type_, Fixed):
            size = type_.size
            return lambda random, _number: random.randbytes(size)
        return _logical(schema, self._primitive(type_, hints, path))

    def _record(self, type_: Record, schema: Schema, path: str) -> Draw:
        draws = [
            self.draw(each.type, field.schema, f"{path}.{each.name}" if path else each.name)
            for each, field in zip(type_.fields, schema.fields, strict=True)
        ]

        def run(random: Random, number: int) -> Struct:
            struct = Struct(schema)
            struct.values = [draw(random, number) for draw in draws]
            return struct

        return run

    def _union(self, type_: Union, schema: Schema, path: str) -> Draw:
        """Null as often as any other."""
        branches = [each for each in type_.branches if each.kind != "null"]
        if len(branches) != 1 or len(type_.branches) > 2:
            raise ConfigError(f"{path or 'the schema'}: of unions, only those of null and one type can be generated")
        draw = self.draw(branches[0], schema, path)
        if len(type_.branches) == 1:
            return draw
        return lambda random, number: draw(random, number) if random.random() < 0.5 else None

    def _array(self, type_: Array, schema: Schema, hints: Mapping[str, Any], path: str) -> Draw:
        assert schema.value_schema is not None
        draw = self.draw(type_.items, schema.value_schema, f"{path}[]")
        low, high = _length(hints, path)

        def run(random: Random, number: int) -> list[Any]:
            return [draw(random, number) for _ in range(low + int(random.random() * (high - low)))]

        return run

    def _map(self, type_: Map, schema: Schema, hints: Mapping[str, Any], path: str) -> Draw:
        assert schema.value_schema is not None
        draw = self.draw(type_.values, schema.value_schema, f"{path}{{}}")
        keys = hints.get("keys", {})
        if not isinstance(keys, dict):
            raise ConfigError(f"{path}: keys is an object of properties")
        draw_key = self._primitive(Primitive("string"), keys, f"{path} (keys)")
        if "options" in keys:
            chosen = list(keys["options"])
            draw_key = lambda random, _number: chosen[int(random.random() * len(chosen))]  # noqa: E731
        low, high = _length(hints, path)

        def run(random: Random, number: int) -> dict[str, Any]:
            count = low + int(random.random() * (high - low))
            return {draw_key(random, number): draw(random, number) for _ in range(count)}

        return run

    def _primitive(self, type_: Primitive, hints: Mapping[str, Any], path: str) -> Draw:
        kind = type_.kind
        if kind == "boolean":
            odds = _number(hints.get("odds", 0.5), "odds", path)
            return lambda random, _number: random.random() < odds
        if kind == "string":
            return _text(hints, path)
        if kind == "bytes":
            low, high = _length(hints, path)
            return lambda random, _number: random.randbytes(low + int(random.random() * (high - low)))
        if kind == "null":
            return lambda _random, _number: None
        if "iteration" in hints:
            count = _iteration(hints["iteration"], path)
            if kind in ("int", "long"):
                bits = 32 if kind == "int" else 64
                return lambda _random, number: wrap(int(count(number)), bits)
            return lambda _random, number: float(count(number))
        return _ranged(kind, hints, path)


def _hints(type_: AvroType, path: str) -> dict[str, Any]:
    found = getattr(type_, "properties", {}).get(ARG_PROPERTIES, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{path or 'the schema'}: {ARG_PROPERTIES} is an object")
    return found


def _number(value: object, what: str, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{path or 'the schema'}: {what} is a number, not {value!r}")
    return value


def _options(options: Any, schema: Schema, path: str) -> Draw:
    if not isinstance(options, list) or not options:
        raise ConfigError(f"{path or 'the schema'}: options is a list with something in it")

    values = [option_of(schema, each, path or "the schema") for each in options]
    count = len(values)
    return lambda random, _number: values[int(random.random() * count)]


def _length(hints: Mapping[str, Any], path: str) -> tuple[int, int]:
    """From, and up to but without."""
    wanted = hints.get("length", {"min": LENGTH_DEFAULT[0], "max": LENGTH_DEFAULT[1]})
    if isinstance(wanted, dict):
        low, high = _number(wanted.get("min", 0), "length", path), _number(wanted.get("max", 0), "length", path)
    else:
        low = _number(wanted, "length", path)
        high = low + 1
    if not 0 <= low < high <= MAX_LENGTH:
        raise ConfigError(f"{path or 'the schema'}: a length is from 0 to {MAX_LENGTH}, and its max above its min")
    return int(low), int(high)


def _text(hints: Mapping[str, Any], path: str) -> Draw:
    prefix, suffix = str(hints.get("prefix", "")), str(hints.get("suffix", ""))
    if "regex" in hints:
        draw = text_of(str(hints["regex"]))
        if not prefix and not suffix:
            return lambda random, _number: draw(random)
        return lambda random, _number: f"{prefix}{draw(random)}{suffix}"
    if "iteration" in hints:
        count = _iteration(hints["iteration"], path)
        return lambda _random, number: f"{prefix}{count(number)}{suffix}"
    low, high = _length(hints, path)

    def run(random: Random, _number: int) -> str:
        count = low + int(random.random() * (high - low))
        return prefix + "".join([_LETTERS[int(random.random() * 26)] for _ in range(count)]) + suffix

    return run


def _iteration(wanted: Any, path: str) -> Callable[[int], int | float]:
    if not isinstance(wanted, dict):
        raise ConfigError(f"{path or 'the schema'}: iteration is an object with start, step and restart")
    start, step = _number(wanted.get("start", 0), "start", path), _number(wanted.get("step", 1), "step", path)
    restart = wanted.get("restart")
    if restart is None:
        return lambda number: start + number * step
    span = _number(restart, "restart", path) - start
    rounds = int(span // step) if step and span / step > 0 else 0
    if rounds * step < span if step > 0 else rounds * step > span:
        rounds += 1
    if rounds < 1:
        raise ConfigError(
            f"{path or 'the schema'}: steps of {step} from {start} never come to the restart at {restart}"
        )
    return lambda number: start + (number % rounds) * step


def _ranged(kind: str, hints: Mapping[str, Any], path: str) -> Draw:
    low, high = _NUMBERS[kind]
    wanted = hints.get("range", {})
    if not isinstance(wanted, dict):
        raise ConfigError(f"{path or 'the schema'}: range is an object with min and max")
    least, most = _number(wanted.get("min", low), "min", path), _number(wanted.get("max", high), "max", path)
    if least >= most:
        raise ConfigError(f"{path or 'the schema'}: of a range the max ({most}) is above the min ({least})")
    if kind in ("int", "long"):
        first, span = int(least), int(most) - int(least)
        if not (low <= first and first + span <= high) or span < 1:
            raise ConfigError(f"{path or 'the schema'}: the range is not one of {kind}")
        if span < 1 << 53:
            return lambda random, _number: first + int(random.random() * span)
        return lambda random, _number: first + random.randrange(span)
    return lambda random, _number: least + random.random() * (most - least)


def _logical(schema: Schema, draw: Draw) -> Draw:
    """A number as the date, time or decimal that it stands for."""
    convert: dict[str | None, Callable[[Schema, Any], Any]] = {
        logical.DATE: logical.date_to_logical,
        logical.TIME: logical.time_to_logical,
        logical.TIMESTAMP: logical.timestamp_to_logical,
        logical.DECIMAL: logical.decimal_to_logical,
    }
    found = convert.get(schema.name)
    return draw if found is None else lambda random, number: found(schema, draw(random, number))
