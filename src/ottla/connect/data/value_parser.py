"""Reads a value from text (`Values.parseString`): what a header's bytes mean, and the literals of a configuration.

null, true, false · numbers, as small as they can be · "text", within lists and maps · dates, times and timestamps of
ISO 8601 · [1, 2] · {"a": 1, "b": 2} · anything else is the text itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data.java_numbers import parse_decimal, whole
from ottla.connect.data.logical import (
    DATE,
    DATE_SCHEMA,
    INSTANT,
    MILLIS_PER_DAY,
    TIME,
    TIME_SCHEMA,
    TIMESTAMP,
    TIMESTAMP_SCHEMA,
    date_to_logical,
    decimal_schema,
    instant,
    scale,
    time_to_logical,
    timestamp_to_logical,
)
from ottla.connect.data.schema import (
    BOOLEAN_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    STRING_SCHEMA,
    Schema,
)
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.connect.data.simple_date_format import SimpleDateFormat
from ottla.connect.data.struct import as_key
from ottla.connect.data.type import Float32, Int8, Int16, Int32, Type

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

MAX_NESTING: Final = 100
"""Lists within lists; what is deeper is text."""
ISO_DATE: Final = "yyyy-MM-dd"
ISO_TIME: Final = "HH:mm:ss.SSS'Z'"
ISO_TIMESTAMP: Final = f"{ISO_DATE}'T'{ISO_TIME}"
_BLANKS: Final = "".join(map(chr, range(33)))
_DELIMITERS: Final = frozenset(':,{}[]"')
_TEMPORAL: Final = {
    len(ISO_DATE): (SimpleDateFormat(ISO_DATE), DATE_SCHEMA),
    len(ISO_TIME) - 2: (SimpleDateFormat(ISO_TIME), TIME_SCHEMA),
    len(ISO_TIMESTAMP) - 4: (SimpleDateFormat(ISO_TIMESTAMP), TIMESTAMP_SCHEMA),
}
_INTEGERS: Final = (
    (7, Int8, INT8_SCHEMA),
    (15, Int16, INT16_SCHEMA),
    (31, Int32, INT32_SCHEMA),
    (63, int, INT64_SCHEMA),
)
_BY_SIZE: Final = (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64)


def parse_string(text: str | None) -> SchemaAndValue:
    """The value and its schema. Never raises: what has no other meaning is text."""
    if text is None:
        return NULL
    if not text:
        return SchemaAndValue(STRING_SCHEMA, text)
    return _Parser(text).parse(0) or NULL


class _Tokens:
    """Text between the delimiters, and each delimiter; a backslash takes the meaning from the next one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._next: str | None = None
        self.previous: str | None = None

    def mark(self) -> int:
        return self.at - (len(self._next) if self._next is not None else 0)

    def rewind_to(self, at: int) -> None:
        self.at = at
        self._next = None
        self.previous = None

    def has_next(self) -> bool:
        return self._next is not None or self.at < len(self.text)

    def next(self) -> str:
        token = self._next if self._next is not None else self._consume()
        self._next = None
        self.previous = token
        return token

    def next_text(self, count: int) -> str | None:
        """So many tokens in one, if there are as many."""
        start = self.mark()
        for _ in range(count):
            if not self.has_next():
                self.rewind_to(start)
                return None
            self.next()
        return self.text[start : self.at]

    def can_consume(self, expected: str) -> bool:
        if self._next is None:
            if not self.has_next():
                return False
            self._next = self._consume()
        while not self._next.strip(_BLANKS) and self.at < len(self.text):
            self._next = self._consume()
        if self._next.strip(_BLANKS) != expected:
            return False
        self._next = None
        return True

    def _consume(self) -> str:
        text, start = self.text, self.at
        escaped = False
        for at in range(start, len(text)):
            char = text[at]
            if char == "\\":
                escaped = not escaped
                continue
            if char in _DELIMITERS and not escaped:
                self.at = at if at > start else at + 1
                return text[start : self.at]
            escaped = False
        self.at = len(text)
        return text[start:]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _Tokens(text)

    def parse(self, depth: int) -> SchemaAndValue | None:
        """`None` for null, and where nothing is left."""
        tokens = self._tokens
        embedded = depth > 0
        if not tokens.has_next():
            return None
        if embedded and tokens.can_consume('"'):
            return self._parse_quoted()
        if self._is_literal("null", embedded):
            return None
        if self._is_literal("true", embedded):
            return SchemaAndValue(BOOLEAN_SCHEMA, True)
        if self._is_literal("false", embedded):
            return SchemaAndValue(BOOLEAN_SCHEMA, False)
        start = tokens.mark()
        try:
            if depth < MAX_NESTING:
                if tokens.can_consume("["):
                    return self._parse_list(depth + 1)
                if tokens.can_consume("{"):
                    return self._parse_map(depth + 1)
        except DataError:
            tokens.rewind_to(start)
        token = tokens.next()
        if not token.strip(_BLANKS):
            return SchemaAndValue(STRING_SCHEMA, token)
        return self._parse_token(token.strip(_BLANKS), embedded)

    def _is_literal(self, literal: str, embedded: bool) -> bool:
        start = self._tokens.mark()
        if self._tokens.can_consume(literal) and (embedded or not self._tokens.has_next()):
            return True
        self._tokens.rewind_to(start)
        return False

    def _parse_token(self, token: str, embedded: bool) -> SchemaAndValue:
        is_digit = token[0].isdecimal()
        if is_digit:
            temporal = self._parse_tokens_as_temporal(token)
            if temporal is not None:
                return temporal
        if is_digit or token[0] in "+-":
            number = parse_decimal(token)
            if number is not None:
                return _number(number)
        if embedded:
            raise DataError("Within a list or a map is neither a value nor quoted text")
        return SchemaAndValue(STRING_SCHEMA, self._tokens.text)

    def _parse_tokens_as_temporal(self, token: str) -> SchemaAndValue | None:
        """Colons split a time into five tokens."""
        start = self._tokens.mark()
        rest = self._tokens.next_text(4)
        if rest is not None:
            temporal = _temporal(token + rest)
            if temporal is not None:
                return temporal
        self._tokens.rewind_to(start)
        return _temporal(token)

    def _parse_quoted(self) -> SchemaAndValue:
        content = ""
        while self._tokens.has_next() and not self._tokens.can_consume('"'):
            content += self._tokens.next()
        return _temporal(content) or SchemaAndValue(STRING_SCHEMA, content)

    def _parse_list(self, depth: int) -> SchemaAndValue:
        tokens = self._tokens
        values: list[object] = []
        schemas = _Merged()
        while tokens.has_next():
            if tokens.can_consume("]"):
                element = schemas.common
                schema = Schema(Type.ARRAY, value_schema=element)
                if element is not None:
                    values = [_align(element, value) for value in values]
                return SchemaAndValue(schema, values)
            if tokens.can_consume(","):
                raise DataError("An element of a list is empty")
            found = self.parse(depth)
            schemas.merge(found)
            values.append(found.value if found is not None else None)
            at = tokens.mark()
            if tokens.can_consume("]"):
                tokens.rewind_to(at)
            elif not tokens.can_consume(","):
                raise DataError("Between elements of a list is no comma")
        raise DataError("A list has no end")

    def _parse_map(self, depth: int) -> SchemaAndValue:
        tokens = self._tokens
        values: dict[object, object] = {}
        key_schemas, value_schemas = _Merged(), _Merged()
        while tokens.has_next():
            if tokens.can_consume("}"):
                return _map(key_schemas.common, value_schemas.common, values)
            if tokens.can_consume(","):
                raise DataError("An entry of a map is empty")
            key = self.parse(depth)
            if key is None or key.value is None:
                raise DataError("A key of a map is null")
            if not tokens.can_consume(":"):
                raise DataError("Behind a key of a map is no colon")
            value = self.parse(depth)
            values[as_key(key.value)] = value.value if value is not None else None
            tokens.can_consume(",")
            key_schemas.merge(key)
            value_schemas.merge(value)
        raise DataError("A map has no end")


class _Merged:
    """The schema that all elements have, or that can hold all of them."""

    def __init__(self) -> None:
        self.common: Schema | None = None
        self._compatible = True

    def merge(self, found: SchemaAndValue | None) -> None:
        if found is None or found.schema is None or not self._compatible:
            return
        if self.common is None:
            self.common = found.schema
            return
        self.common = _merged(self.common, found.schema)
        self._compatible = self.common is not None


def _merged(old: Schema, new: Schema) -> Schema | None:
    if old.type is new.type:
        if old.optional == new.optional:
            return old if old.optional else new
        return None
    if old.type in _BY_SIZE and new.type in _BY_SIZE:
        return old if _BY_SIZE.index(old.type) > _BY_SIZE.index(new.type) else new
    return None


def _map(keys: Schema | None, values: Schema | None, found: dict[object, object]) -> SchemaAndValue:
    """A map whose keys have nothing in common has neither schema."""
    if keys is None:
        return SchemaAndValue(Schema(Type.MAP), found)
    if values is None:
        aligned = {as_key(_align(keys, key)): value for key, value in found.items()}
        return SchemaAndValue(Schema(Type.MAP, key_schema=keys), aligned)
    aligned = {as_key(_align(keys, key)): _align(values, value) for key, value in found.items()}
    return SchemaAndValue(Schema(Type.MAP, key_schema=keys, value_schema=values), aligned)


def _align(schema: Schema, value: object) -> object:
    """The value as the schema of all elements has it; null where it may not be is an error."""
    if value is None:
        raise DataError("null stands among values that may not be")
    if isinstance(value, INSTANT):
        if schema.name in _LOGICAL or schema.type not in _BY_SIZE:
            return value
        raise DataError("A date stands among numbers")
    if schema.name in _LOGICAL and isinstance(value, int):
        return _LOGICAL[schema.name](schema, value)
    align = _ALIGN.get(schema.type)
    return align(value) if align is not None else value


_LOGICAL: Final[dict[str | None, Callable[[Schema, int], object]]] = {
    DATE: date_to_logical,
    TIME: time_to_logical,
    TIMESTAMP: timestamp_to_logical,
}
_ALIGN: Final[dict[Type, Callable[..., object]]] = {
    Type.INT16: Int16,
    Type.INT32: Int32,
    Type.INT64: int,
    Type.FLOAT32: Float32,
    Type.FLOAT64: float,
}


def _number(decimal: Decimal) -> SchemaAndValue:
    """The smallest integer that holds it, or a float, a double, a decimal."""
    number = whole(decimal)
    if number is not None:
        size = number if number >= 0 else ~number
        return next(
            SchemaAndValue(schema, kind(number)) for bits, kind, schema in _INTEGERS if size.bit_length() <= bits
        )
    if scale(decimal) != 0:
        single, double = Float32(float(decimal)), float(decimal)
        if abs(single) != float("inf"):
            return SchemaAndValue(FLOAT32_SCHEMA, single)
        if abs(double) != float("inf"):
            return SchemaAndValue(FLOAT64_SCHEMA, double)
    return SchemaAndValue(decimal_schema(scale(decimal)), decimal)


def _temporal(token: str) -> SchemaAndValue | None:
    token = token.replace("\\:", ":")
    if len(token) not in _TEMPORAL:
        return None
    form, schema = _TEMPORAL[len(token)]
    ms = form.parse(token)
    if ms is None:
        return None
    try:
        at = instant(ms)
    except DataError:
        return None
    if schema is DATE_SCHEMA:
        return SchemaAndValue(schema, at.date())
    if schema is TIME_SCHEMA:
        return SchemaAndValue(schema, at.time() if 0 <= ms < MILLIS_PER_DAY else at)
    return SchemaAndValue(schema, at)
