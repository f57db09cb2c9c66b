"""Schemas, values and records of ours as the oracle says them (`oracle/Data.java`), and errors by Java's names."""

from __future__ import annotations

import base64
import datetime
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.api.record import SinkRecord
from ottla.connect.data.logical import epoch_ms, scale, unscaled
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import NUMBERS, Type, to_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

MAX_SHOWN: Final = 4
MAX_CHARACTERS: Final = 2000
NOT_A_YEAR: Final = "is not within the years 1 to 9999"
FIRST_MS: Final = -62_135_596_800_000
END_MS: Final = 253_402_300_800_000
_NAN: Final = {Type.FLOAT32: 0x7FC00000, Type.FLOAT64: 0x7FF8000000000000}


def schema_on_wire(schema: Schema | None) -> Any:
    if schema is None:
        return None
    said: dict[str, Any] = {
        "type": schema.type.name,
        "optional": schema.optional,
        "name": schema.name,
        "version": schema.version,
        "doc": schema.doc,
        "parameters": [list(pair) for pair in (schema.parameters or {}).items()],
        "default": value_on_wire(schema, schema.default_value),
    }
    if schema.type is Type.MAP:
        said["keys"] = schema_on_wire(schema.key_schema)
    if schema.type in (Type.MAP, Type.ARRAY):
        said["values"] = schema_on_wire(schema.value_schema)
    if schema.type is Type.STRUCT:
        said["fields"] = [[field.name, schema_on_wire(field.schema)] for field in schema.fields]
    return said


def value_on_wire(schema: Schema | None, value: Any) -> Any:
    """A number is of the type of its schema, or of its class."""
    if value is None:
        return None
    kind = schema.type if schema is not None else NUMBERS.get(type(value))
    if isinstance(value, bool):
        return ["boolean", value]
    if isinstance(value, str):
        return ["string", value]
    if isinstance(value, Decimal):
        return ["decimal", str(unscaled(value)), scale(value)]
    if isinstance(value, datetime.date | datetime.time):
        return ["instant", epoch_ms(value)]
    if isinstance(value, bytes | bytearray | memoryview):
        return ["bytes", base64.b64encode(value).decode()]
    if isinstance(value, int | float):
        return _number_on_wire(kind, value)
    if isinstance(value, Struct):
        pairs = zip(value.schema.fields, value.values, strict=True)
        return ["struct", *(value_on_wire(field.schema, each) for field, each in pairs)]
    parts = schema.value_schema if schema is not None else None
    if isinstance(value, dict):
        keys = schema.key_schema if schema is not None else None
        return ["map", *([value_on_wire(keys, key), value_on_wire(parts, each)] for key, each in value.items())]
    return ["list", *(value_on_wire(parts, each) for each in value)]


def _number_on_wire(kind: Type | None, value: int | float) -> Any:
    assert kind is not None
    if kind in _NAN and value != value:
        return [kind.value, str(_NAN[kind])]
    if kind is Type.FLOAT32:
        return ["float32", str(struct.unpack(">I", struct.pack(">f", to_float32(float(value))))[0])]
    if kind is Type.FLOAT64:
        return ["float64", str(struct.unpack(">Q", struct.pack(">d", float(value)))[0])]
    return [kind.value, str(value) if kind is Type.INT64 else int(value)]


def bytes_on_wire(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def record_on_wire(record: ConnectRecord | None) -> Any:
    if record is None:
        return None
    said: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.kafka_partition,
        "key_schema": schema_on_wire(record.key_schema),
        "key": value_on_wire(record.key_schema, record.key),
        "value_schema": schema_on_wire(record.value_schema),
        "value": value_on_wire(record.value_schema, record.value),
        "timestamp": record.timestamp,
        "headers": [
            [each.key, schema_on_wire(each.schema), value_on_wire(each.schema, each.value)] for each in record.headers
        ],
    }
    if isinstance(record, SinkRecord):
        said["offset"] = record.kafka_offset
    return said


def outcome(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the oracle would answer: the result, or Java's name of the error's class and its text."""
    try:
        return run()
    except ConnectError as error:
        return {"error": error.java_name, "message": str(error)}


def assert_same(ours: dict[str, Any], java: dict[str, Any]) -> None:
    """Equal answers."""
    assert is_same(ours, java), (ours, java)


def assert_all_same(cases: Sequence[Any], answers: list[dict[str, Any]], run: Callable[[Any], dict[str, Any]]) -> None:
    """Of each case Java's answer is what ours is; otherwise the first few that are not."""
    wrong = []
    for number, (case, java) in enumerate(zip(cases, answers, strict=True)):
        ours = outcome(lambda: run(case))  # noqa: B023  # called at once
        if not is_same(ours, java):
            wrong.append(f"{number} of {len(cases)}: {_short(case)}\n  ours: {_short(ours)}\n  Java: {_short(java)}")
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:MAX_SHOWN])


def _short(shown: object) -> str:
    return str(shown)[:MAX_CHARACTERS]


def has_far_instant(said: Any) -> bool:
    """A date that Python has not."""
    if not isinstance(said, list):
        return False
    if said and said[0] == "instant":
        return not FIRST_MS <= said[1] < END_MS
    return any(map(has_far_instant, said))


def is_same(ours: dict[str, Any], java: dict[str, Any]) -> bool:
    """Where Java fails by accident (a cast, a null), any error of Connect's is right. Years are 1 to 9999 here."""
    if NOT_A_YEAR in ours.get("message", "") or has_far_instant(java.get("value")):
        return True
    if "error" in java and not java["error"].startswith("org.apache.kafka."):
        return "error" in ours
    return ours == java if "error" not in java else ours.get("error") == java["error"]
