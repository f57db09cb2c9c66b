"""Values of BSON as data of Connect with a given schema (`BsonValueToSchemaAndValue`), or a `DataError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.documents import field_at
from ottla.connect.connectors.mongodb.driver import DatetimeMS, Decimal128, Timestamp
from ottla.connect.connectors.mongodb.json_text import bson_bytes, json_text, value_text
from ottla.connect.data.java_numbers import narrow, to_long
from ottla.connect.data.logical import DECIMAL, TIMESTAMP, instant
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, Type, to_float32

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.connectors.mongodb.json_text import Formatter
    from ottla.connect.data.schema import Schema

_FLOATS: Final = (Type.FLOAT32, Type.FLOAT64)


class OutputValues:
    def __init__(self, formatter: Formatter) -> None:
        self._formatter = formatter
        self._of_type: dict[Type, Callable[[Schema, Any], Any]] = {
            **dict.fromkeys((*INTEGER_BITS, *_FLOATS), self._number),
            Type.BOOLEAN: self._boolean,
            Type.STRING: self._text,
            Type.BYTES: self._bytes,
            Type.ARRAY: self._list,
            Type.MAP: self._map,
            Type.STRUCT: self.struct,
        }

    def value(self, schema: Schema, value: Any) -> Any:
        if value is None and schema.optional:
            return None
        return self._of_type[schema.type](schema, value)

    def struct(self, schema: Schema, value: Any) -> Struct:
        if not isinstance(value, dict):
            raise _unfit(schema, value)
        made = Struct(schema)
        for field in schema.fields:
            is_there, found = field_at(value, field.name)
            if is_there:
                made.put(field, self.value(field.schema, found))
            elif not field.schema.optional and field.schema.default_value is None:
                raise DataError(f"The field {field.name} is not in {json_text(value, self._formatter)}")
            elif field.schema.default_value is not None:
                made.put(field, field.schema.default_value)
        return made

    def _number(self, schema: Schema, value: Any) -> Any:
        number: int | float
        if isinstance(value, Timestamp):
            number = value.time * 1000
        elif isinstance(value, DatetimeMS):
            number = int(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = value
        else:
            raise _unfit(schema, value)
        if schema.name == TIMESTAMP:
            return instant(to_long(number))
        if schema.type in _FLOATS:
            return to_float32(number) if schema.type is Type.FLOAT32 else float(number)
        bits = INTEGER_BITS[schema.type]
        return to_long(number) if bits == 64 else narrow(number, bits)

    def _boolean(self, schema: Schema, value: Any) -> bool:
        if not isinstance(value, bool):
            raise _unfit(schema, value)
        return value

    def _text(self, _schema: Schema, value: Any) -> str:
        if type(value) is str:  # code of JavaScript is a `str`, too
            return value
        text = value_text(value, self._formatter)
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text

    def _bytes(self, schema: Schema, value: Any) -> Any:
        if type(value) is str:
            return value.encode("utf-8", "surrogatepass")
        if isinstance(value, bytes):
            return bytes(value)
        if isinstance(value, Decimal128) and schema.name == DECIMAL:
            return value.to_decimal()
        if isinstance(value, dict):
            return bson_bytes(value)
        raise _unfit(schema, value)

    def _list(self, schema: Schema, value: Any) -> list[Any]:
        inner = schema.value_schema
        if not isinstance(value, list) or inner is None:
            raise _unfit(schema, value)
        return [self.value(inner, each) for each in value]

    def _map(self, schema: Schema, value: Any) -> dict[str, Any]:
        inner = schema.value_schema
        if not isinstance(value, dict) or inner is None:
            raise _unfit(schema, value)
        return {name: self.value(inner, each) for name, each in value.items()}


def _unfit(schema: Schema, value: Any) -> DataError:
    kind = "null" if value is None else type(value).__name__
    return DataError(f"The schema is of type {schema.type}, and the value a {kind}")
