"""Decimal numbers in Debezium's ways (`decimal.handling.mode`): precise, double or string."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final

from ottla.connect.connectors.cdc.field_type import ConversionError, FieldType
from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.data.logical import decimal_builder, unscaled_bytes
from ottla.connect.data.schema import BYTES_SCHEMA, INT32_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

DECIMAL_MODES: Final = ("precise", "double", "string")
PRECISION: Final = "connect.decimal.precision"
_WIDE: Final = Context(prec=200_000)
"""PostgreSQL's numbers have up to 147,455 digits."""
_SPECIAL: Final = {"NaN": "NAN", "Infinity": "POSITIVE_INFINITY", "-Infinity": "NEGATIVE_INFINITY"}


def variable_scale_builder() -> SchemaBuilder:
    return (
        SchemaBuilder.struct()
        .name("io.debezium.data.VariableScaleDecimal")
        .version(1)
        .doc("Variable scaled decimal")
        .field("scale", INT32_SCHEMA)
        .field("value", BYTES_SCHEMA)
    )


_VARIABLE: Final = variable_scale_builder().build()


def decimal_type(mode: str, precision: int | None, scale: int) -> FieldType:
    """Of a column with that precision and scale; `None`: of any. Values come as text or as `Decimal`."""
    if mode == "double":
        return FieldType(SchemaBuilder.float64, _double)
    if mode == "string":
        return FieldType(SchemaBuilder.string, _string)
    if precision is None:
        return FieldType(variable_scale_builder, _variable)
    shown = str(precision)
    return FieldType(lambda: decimal_builder(scale).parameter(PRECISION, shown), _of_scale(scale))


def _number(value: object) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(text_of(value))
    if not number.is_finite():
        raise ConversionError(f"{number} is no precise decimal; set decimal.handling.mode to string or double")
    return number


def _of_scale(scale: int) -> Callable[[object], Decimal]:
    exponent = Decimal((0, (1,), -scale))

    def convert(value: object) -> Decimal:
        number = _number(value)
        return number if number.as_tuple().exponent == -scale else number.quantize(exponent, context=_WIDE)

    return convert


def _variable(value: object) -> Struct:
    sign, digits, exponent = _number(value).as_tuple()
    assert isinstance(exponent, int)
    kept = list(digits)
    while exponent < 0 and kept[-1] == 0:
        kept.pop()
        exponent += 1
        if not kept:
            kept, exponent = [0], 0
    if exponent > 0:
        kept += [0] * exponent
        exponent = 0
    made = Struct(_VARIABLE)
    made.values = [-exponent, unscaled_bytes(Decimal((sign, tuple(kept), exponent)))]
    return made


def _double(value: object) -> float:
    return float(text_of(value))


def _string(value: object) -> str:
    text = text_of(value)
    return _SPECIAL.get(text) or (format(value, "f") if isinstance(value, Decimal) else text)
