"""Schemas, values and JSON drawn from a seed: a case is told by its seed and number, and costs microseconds.

Numbers with a point have few digits: releases of Java before 19 write some others with one digit too many.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import INTEGER_BITS, Float32, Int8, Int16, Int32, Type, to_float32

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    from ottla.connect.data.schema import Schema

NAMES: Final = ("a", "b", "id", "name", "a.b", "ü", "Zeit", "payload", "FB", "Ea", "x y", "null")
PRIMITIVES: Final = (*INTEGER_BITS, Type.FLOAT32, Type.FLOAT64, Type.BOOLEAN, Type.STRING, Type.BYTES)
LOGICAL: Final = (logical.DECIMAL, logical.DATE, logical.TIME, logical.TIMESTAMP)
LITERALS: Final = (
    "true", "null", "False", "1", "-129", "70000", "1e10", "1.50", "9223372036854775808", "1e400", "+5", "-",
    "2026-11-29", "08:15:30.123Z", "2026-11-29T08:15:30.123Z", '"2026-11-29"', "[]", "{}", "[1,2,300]",
    '["a", "b"]', '{"a":1,"b":2.5}', "[1,null]", "[true,[2]]", '{1:"x"}', '{"a":}', "[1 2]", "[1,", "[,]",
    '{"a":null}', "a:b", "\\", '"', '["x\\"y"]', "  7  ", "true}", "[null]", '{"t":2026-11-29}', "0x10", "1_0",
)  # fmt: skip
"""What a header's text, or a literal in a configuration, may be."""
_CHARACTERS: Final = "abcXYZ019 .:,-_/\\\"'{}[]\n\t\x00\x1f\x7fäßЖ中\u2028\ufeff😀\U0010ffff"
_ODD_FLOATS: Final = (0.0, -0.0, 1e10, 2.5e-5, 1e7, 1e-3, 123456.0, float("inf"), float("-inf"), float("nan"))
_MAX_MS: Final = 10**14


class Generator(random.Random):
    """Everything of one seed."""

    def one_of(self, *choices: Callable[[], Any]) -> Any:
        return self.choice(choices)()

    def chance(self, one_in: int) -> bool:
        return self.randrange(one_in) == 0

    def name(self) -> str:
        return self.choice(NAMES)

    def names(self, low: int, high: int) -> list[str]:
        return self.sample(NAMES, self.randint(low, high))

    def text(self) -> str:
        if self.chance(4):
            return self.choice(LITERALS)
        return "".join(self.choices(_CHARACTERS, k=self.choice((0, 1, 2, 3, 5, 9))))

    def long(self) -> int:
        return self.integer(64)

    def integer(self, bits: int) -> int:
        half = 1 << (bits - 1)
        return self.choice((self.randint(-100, 100), self.randint(-half, half - 1), half - 1, -half))

    def double(self) -> float:
        if self.chance(4):
            return self.choice(_ODD_FLOATS)
        return float(self.randint(-9999, 9999) / 10.0 ** self.randint(0, 3))

    def instant(self) -> datetime.datetime:
        return logical.instant(self.choice((self.randint(-(10**13), _MAX_MS), self.randint(0, 10**8), 0)))

    def schema(self, depth: int = 2, *, defaults: bool = True) -> Schema:
        """Any schema; a struct is never a default, since Java's builder refuses it."""
        kinds: list[Any] = [*PRIMITIVES, *LOGICAL]
        if depth > 0:
            kinds += [Type.ARRAY, Type.MAP, Type.MAP, Type.STRUCT, Type.STRUCT, Type.STRUCT]
        kind = self.choice(kinds)
        builder = self._builder(kind, depth, defaults)
        if self.chance(2):
            builder.optional()
        if kind not in LOGICAL:
            if self.chance(4):
                builder.name(self.choice(("n", "org.example.Order", 'q"')))
            if self.chance(4):
                builder.version(self.randint(-2, 3))
            if self.chance(6):
                builder.parameters({name: self.text() for name in self.names(0, 3)})
        if self.chance(6):
            builder.doc(self.text())
        if defaults and kind is not Type.STRUCT and self.chance(4):
            builder.default(self.value(builder.build(), null=False))
        return builder.build()

    def _builder(self, kind: Any, depth: int, defaults: bool) -> SchemaBuilder:
        if kind in LOGICAL:
            if kind == logical.DECIMAL:
                return logical.decimal_builder(self.randint(-2, 5))
            made = {logical.DATE: logical.date_builder, logical.TIME: logical.time_builder}
            return made.get(kind, logical.timestamp_builder)()
        if kind is Type.ARRAY:
            return SchemaBuilder.array(self.schema(depth - 1, defaults=defaults))
        if kind is Type.MAP:
            keys = SchemaBuilder.string() if self.chance(2) else SchemaBuilder(self.choice(PRIMITIVES[:-1]))
            return SchemaBuilder.map(keys.build(), self.schema(depth - 1, defaults=defaults))
        builder = SchemaBuilder(kind)
        if kind is Type.STRUCT:
            for name in self.names(0, 5):
                builder.field(name, self.schema(depth - 1, defaults=defaults))
        return builder

    def struct_schema(self, depth: int = 1) -> Schema:
        builder = SchemaBuilder.struct()
        for name in self.names(1, 6):
            builder.field(name, self.schema(depth))
        if self.chance(2):
            builder.optional()
        if self.chance(2):
            builder.name("org.example.Order").version(1)
        return builder.build()

    def value(self, schema: Schema, *, null: bool = True) -> Any:
        """A value of that schema, null now and then where it may be."""
        if null and schema.optional and self.chance(4):
            return None
        if schema.name in LOGICAL:
            return self._logical(schema)
        if schema.type is Type.ARRAY:
            assert schema.value_schema is not None
            return [self.value(schema.value_schema) for _ in range(self.randint(0, 3))]
        if schema.type is Type.MAP:
            assert schema.key_schema is not None
            assert schema.value_schema is not None
            count = self.choice((0, 1, 2, 3, 7, 13, 14))
            keys = [self.value(schema.key_schema) for _ in range(count)]
            return {as_key(key): self.value(schema.value_schema) for key in keys if key == key}
        if schema.type is Type.STRUCT:
            struct = Struct(schema)
            for field in schema.fields:
                if field.schema.default_value is None or self.chance(2):
                    struct.put(field, self.value(field.schema))
            return struct
        return self._primitive(schema.type)

    def _primitive(self, kind: Type) -> Any:
        if kind in INTEGER_BITS:
            return self.integer(INTEGER_BITS[kind])
        if kind is Type.FLOAT32:
            return to_float32(self.double())
        if kind is Type.FLOAT64:
            return self.double()
        if kind is Type.BOOLEAN:
            return self.chance(2)
        return self.text() if kind is Type.STRING else self.randbytes(self.randint(0, 9))

    def _logical(self, schema: Schema) -> Any:
        if schema.name == logical.DECIMAL:
            return logical.decimal_of(self.randint(-(10**25), 10 ** self.randint(0, 25)), logical.scale_of(schema))
        if schema.name == logical.DATE:
            return logical.instant(self.randint(-(10**5), 10**6) * logical.MILLIS_PER_DAY).date()
        return (
            logical.instant(self.randrange(logical.MILLIS_PER_DAY)).time()
            if schema.name == logical.TIME
            else self.instant()
        )

    def plain(self, depth: int = 2, *, dates: bool = False) -> Any:
        """A value without a schema, of any class that Java could have."""
        leaves: list[Callable[[], Any]] = [
            lambda: None,
            lambda: self.chance(2),
            self.text,
            self.text,
            self.long,
            lambda: Int8(self.integer(8)),
            lambda: Int16(self.integer(16)),
            lambda: Int32(self.integer(32)),
            self.double,
            lambda: Float32(self.double()),
            lambda: self.randbytes(self.randint(0, 6)),
        ]
        if dates:
            leaves += [self.instant, lambda: logical.decimal_of(self.randint(-(10**30), 10**30), self.randint(-3, 12))]
        if depth > 0:
            leaves += [
                lambda: [self.plain(depth - 1, dates=dates) for _ in range(self.randint(0, 3))],
                lambda: self.plain_map(depth - 1, dates=dates),
                lambda: {self.text(): self.plain(depth - 1, dates=dates) for _ in range(14)},
                lambda: {self.long(): self.plain(depth - 1, dates=dates) for _ in range(self.randint(1, 3))},
            ]
        return self.one_of(*leaves)

    def plain_map(self, depth: int = 1, *, dates: bool = False) -> dict[str, Any]:
        return {name: self.plain(depth, dates=dates) for name in self.names(0, 7)}

    def json(self, depth: int = 2) -> Any:
        """What JSON can say."""
        leaves: list[Callable[[], Any]] = [
            lambda: None,
            lambda: self.chance(2),
            self.text,
            self.long,
            lambda: self.randint(-(1 << 70), 1 << 70),
            lambda: self.choice((0.5, -1e9, 3.0, 1e300)),
        ]
        if depth > 0:
            leaves += [
                lambda: [self.json(depth - 1) for _ in range(self.randint(0, 3))],
                lambda: {name: self.json(depth - 1) for name in self.names(0, 8)},
                lambda: {self.text(): self.json(depth - 1) for _ in range(14)},
            ]
        return self.one_of(*leaves)

    def json_text(self) -> str:
        return json.dumps(self.json(), ensure_ascii=self.chance(2))

    def json_like(self, schema: Schema) -> Any:
        """JSON that fits to the schema, but for a part here and there."""
        if self.chance(12):
            return self.json(1)
        if schema.type is Type.STRUCT:
            return {field.name: self.json_like(field.schema) for field in schema.fields}
        if schema.type is Type.ARRAY:
            assert schema.value_schema is not None
            return [self.json_like(schema.value_schema) for _ in range(self.randint(0, 3))]
        if schema.type is Type.MAP:
            assert schema.key_schema is not None
            assert schema.value_schema is not None
            if schema.key_schema.type is Type.STRING:
                return {self.text(): self.json_like(schema.value_schema) for _ in range(self.randint(0, 13))}
            pair = (schema.key_schema, schema.value_schema)
            return [[self.json_like(each) for each in pair] for _ in range(self.randint(0, 13))]
        if schema.type in INTEGER_BITS:
            return self.integer(self.choice((INTEGER_BITS[schema.type], 24)))
        if schema.type is Type.BYTES:
            return self.choice(("", "YQ==", "AAEC", "x", "YQ"))
        return self.text() if schema.type is Type.STRING else self.json(0)
