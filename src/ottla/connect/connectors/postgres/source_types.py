"""What a column is called and how long it is, as PostgreSQL's driver for Java tells Debezium (`TypeInfoCache`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.connectors.cdc.column_rules import SourceType

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.connectors.postgres.column_types import TypeInfo

UNKNOWN_LENGTH: Final = (1 << 31) - 1
NUMERIC_LENGTH: Final = 131_089
"""Of a number without a precision."""
DOMAINS_DEEP_MAX: Final = 100
_LENGTHS: Final = {
    "int2": 5, "int4": 10, "oid": 10, "int8": 19, "float4": 8, "float8": 17, "char": 1, "bool": 1, "date": 13,
    "interval": 49,
}  # fmt: skip
_TIMES: Final = {"time": 8, "timetz": 14, "timestamp": 22, "timestamptz": 28}
"""How many characters they have without a fraction of seconds."""
_SERIALS: Final = {"int2": "smallserial", "int4": "serial", "int8": "bigserial"}


def source_type(
    oid: int, modifier: int, default: str | None, look_up: Callable[[int], TypeInfo | None]
) -> SourceType | None:
    """`default` is the expression: where a sequence counts, the type is a serial. `None`: the type is gone."""
    info = look_up(oid)
    if info is None:
        return None
    name = info.name
    if default is not None and "nextval(" in default:
        name = _SERIALS.get(name, name)
    for _ in range(DOMAINS_DEEP_MAX):
        if info.kind == "d":
            oid, modifier = info.base_oid, info.base_modifier if info.base_modifier >= 0 else modifier
        elif info.category == "A" and info.element_oid:
            oid = info.element_oid
        else:
            break
        base = look_up(oid)
        if base is None:
            return None
        info = base
    return SourceType(name, _length(info.name, modifier), _scale(info.name, modifier))


def _length(name: str, modifier: int) -> int:
    if name in _LENGTHS:
        return _LENGTHS[name]
    if name in _TIMES:
        return _TIMES[name] + (7 if modifier < 0 else 3 if modifier == 1 else modifier + 1 if modifier else 0)
    match name:
        case "numeric":
            return (modifier - 4) >> 16 & 0xFFFF if modifier >= 4 else NUMERIC_LENGTH
        case "varchar" | "bpchar":
            return modifier - 4 if modifier >= 4 else UNKNOWN_LENGTH
        case "bit" | "varbit":
            return modifier if modifier > 0 else UNKNOWN_LENGTH
    return UNKNOWN_LENGTH


def _scale(name: str, modifier: int) -> int:
    match name:
        case "float4":
            return 8
        case "float8":
            return 17
        case "numeric":
            return (((modifier - 4) & 0x7FF) ^ 1024) - 1024 if modifier >= 4 else 0
        case "time" | "timetz" | "timestamp" | "timestamptz":
            return modifier if modifier >= 0 else 6
        case "interval":
            return modifier & 0xFFFF if modifier >= 0 else 6
    return 0
