"""Schemas, and values of them, as Hypothesis draws them; numbers that all releases of Java write alike."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import INTEGER_BITS, Float32, Int8, Int16, Int32, Type, to_float32

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from ottla.connect.data.schema import Schema

NAMES: Final = st.sampled_from(["a", "b", "id", "name", "a.b", "ü", "Zeit", "payload", "FB", "Ea", "x y", "null"])
TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=12)
PRIMITIVES: Final = (*INTEGER_BITS, Type.FLOAT32, Type.FLOAT64, Type.BOOLEAN, Type.STRING, Type.BYTES)
LOGICAL: Final = (logical.DECIMAL, logical.DATE, logical.TIME, logical.TIMESTAMP)
_SHORT: Final = st.integers(-9999, 9999)
FLOATS: Final = st.one_of(
    st.builds(lambda number, places: number / 10**places, _SHORT, st.integers(0, 3)),
    st.sampled_from([0.0, -0.0, 1e10, 2.5e-5, 1e7, 1e-3, 123456.0, float("inf"), float("-inf"), float("nan")]),
)
"""Few digits: releases of Java before 19 write some other numbers with one too many."""
DECIMALS: Final = st.builds(logical.decimal_of, st.integers(-(10**30), 10**30), st.integers(-3, 12))
MILLISECONDS: Final = st.integers(-(10**13), 10**14)
LONGS: Final = st.one_of(st.integers(-300, 300), st.integers(-(1 << 63), (1 << 63) - 1))


def instants() -> SearchStrategy[datetime.datetime]:
    return st.builds(logical.instant, MILLISECONDS)


@st.composite
def schemas(draw: DrawFn, depth: int = 2, *, defaults: bool = True) -> Schema:
    """Any schema; a struct is never a default, since Java's builder refuses it."""
    kinds: list[Any] = [*PRIMITIVES, *LOGICAL]
    if depth > 0:
        kinds += [Type.ARRAY, Type.MAP, Type.STRUCT, Type.STRUCT]
    kind = draw(st.sampled_from(kinds))
    builder = _builder(draw, kind, depth, defaults)
    if draw(st.booleans()):
        builder.optional()
    if kind not in LOGICAL:
        if draw(st.integers(0, 3)) == 0:
            builder.name(draw(st.sampled_from(["n", "org.example.Order", 'q"'])))
        if draw(st.integers(0, 3)) == 0:
            builder.version(draw(st.integers(-2, 3)))
        if draw(st.integers(0, 5)) == 0:
            builder.parameters(draw(st.dictionaries(NAMES, TEXTS, max_size=3)))
    if draw(st.integers(0, 5)) == 0:
        builder.doc(draw(TEXTS))
    if defaults and kind is not Type.STRUCT and draw(st.integers(0, 3)) == 0:
        builder.default(draw(values(builder.build(), null=False)))
    return builder.build()


def _builder(draw: DrawFn, kind: Any, depth: int, defaults: bool) -> SchemaBuilder:
    if kind == logical.DECIMAL:
        return logical.decimal_builder(draw(st.integers(-2, 5)))
    if kind in LOGICAL:
        made = {logical.DATE: logical.date_builder, logical.TIME: logical.time_builder}
        return made.get(kind, logical.timestamp_builder)()
    if kind is Type.ARRAY:
        return SchemaBuilder.array(draw(schemas(depth - 1, defaults=defaults)))
    if kind is Type.MAP:
        keys = st.sampled_from(PRIMITIVES[:-1]).map(lambda each: SchemaBuilder(each).build())
        strings = st.just(SchemaBuilder.string().build())
        return SchemaBuilder.map(draw(strings | keys), draw(schemas(depth - 1, defaults=defaults)))
    builder = SchemaBuilder(kind)
    if kind is Type.STRUCT:
        for name in draw(st.lists(NAMES, unique=True, max_size=4)):
            builder.field(name, draw(schemas(depth - 1, defaults=defaults)))
    return builder


@st.composite
def structs(draw: DrawFn, depth: int = 1, *, defaults: bool = True, min_fields: int = 1) -> Schema:
    """The schema of a struct with a few fields."""
    builder = SchemaBuilder.struct()
    for name in draw(st.lists(NAMES, unique=True, min_size=min_fields, max_size=5)):
        builder.field(name, draw(schemas(depth, defaults=defaults)))
    if draw(st.booleans()):
        builder.optional()
    if draw(st.booleans()):
        builder.name("org.example.Order").version(1)
    return builder.build()


@st.composite
def values(draw: DrawFn, schema: Schema, *, null: bool = True) -> Any:
    """A value of that schema, null now and then where it may be."""
    if null and schema.optional and draw(st.integers(0, 3)) == 0:
        return None
    if schema.name in LOGICAL:
        return draw(_logical(schema))
    if schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        return draw(st.lists(values(schema.value_schema), max_size=3))
    if schema.type is Type.MAP:
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        keys = values(schema.key_schema).filter(lambda key: key == key).map(as_key)
        return draw(st.dictionaries(keys, values(schema.value_schema), max_size=14))
    if schema.type is Type.STRUCT:
        struct = Struct(schema)
        for field in schema.fields:
            may_miss = field.schema.default_value is not None and draw(st.booleans())
            if not may_miss:
                struct.put(field, draw(values(field.schema)))
        return struct
    return draw(_primitive(schema.type))


def _primitive(kind: Type) -> SearchStrategy[Any]:
    if kind in INTEGER_BITS:
        half = 1 << (INTEGER_BITS[kind] - 1)
        return st.integers(-half, half - 1) | st.integers(-100, 100)
    if kind is Type.FLOAT32:
        return FLOATS.map(to_float32)
    if kind is Type.FLOAT64:
        return FLOATS
    if kind is Type.BOOLEAN:
        return st.booleans()
    return TEXTS if kind is Type.STRING else st.binary(max_size=9)


def _logical(schema: Schema) -> SearchStrategy[Any]:
    if schema.name == logical.DECIMAL:
        scale = logical.scale_of(schema)
        return st.integers(-(10**25), 10**25).map(lambda number: logical.decimal_of(number, scale))
    if schema.name == logical.DATE:
        return st.dates(datetime.date(1600, 1, 1))
    if schema.name == logical.TIME:
        return st.times().map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))
    return instants()


def plain(*, dates: bool = False) -> SearchStrategy[Any]:
    """Values without a schema, of every class that Java could have."""
    leaves: list[SearchStrategy[Any]] = [
        st.none(),
        st.booleans(),
        TEXTS,
        LONGS,
        st.integers(-128, 127).map(Int8),
        st.integers(-(1 << 15), (1 << 15) - 1).map(Int16),
        st.integers(-(1 << 31), (1 << 31) - 1).map(Int32),
        FLOATS,
        FLOATS.map(Float32),
        st.binary(max_size=6),
    ]
    if dates:
        leaves += [instants(), DECIMALS]
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | NAMES, inner, max_size=14),
        max_leaves=12,
    )


def plain_maps(*, dates: bool = False) -> SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, plain(dates=dates), max_size=6)
