"""Points and other geometries as Debezium's structs: well-known binary, and the number of their reference system."""

from __future__ import annotations

import struct
from typing import Final

from ottla.connect.data.schema import BYTES_SCHEMA, FLOAT64_SCHEMA, OPTIONAL_BYTES_SCHEMA, OPTIONAL_INT32_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

_WKB_POINT: Final = struct.Struct("<BIdd")
_LITTLE_ENDIAN, _POINT = 1, 1


def point_builder() -> SchemaBuilder:
    return (
        SchemaBuilder.struct()
        .name("io.debezium.data.geometry.Point")
        .version(1)
        .doc("Geometry (POINT)")
        .field("x", FLOAT64_SCHEMA)
        .field("y", FLOAT64_SCHEMA)
        .field("wkb", OPTIONAL_BYTES_SCHEMA)
        .field("srid", OPTIONAL_INT32_SCHEMA)
    )


def geometry_builder() -> SchemaBuilder:
    return (
        SchemaBuilder.struct()
        .name("io.debezium.data.geometry.Geometry")
        .version(1)
        .doc("Geometry")
        .field("wkb", BYTES_SCHEMA)
        .field("srid", OPTIONAL_INT32_SCHEMA)
    )


_POINT_SCHEMA: Final = point_builder().build()
_GEOMETRY_SCHEMA: Final = geometry_builder().build()


def point(x: float, y: float, srid: int | None = None) -> Struct:
    made = Struct(_POINT_SCHEMA)
    made.values = [x, y, _WKB_POINT.pack(_LITTLE_ENDIAN, _POINT, x, y), srid]
    return made


def point_of_wkb(wkb: bytes, srid: int | None) -> Struct:
    """Raises `ValueError` for another geometry."""
    try:
        order, kind, x, y = _WKB_POINT.unpack(wkb)
    except struct.error as error:
        raise ValueError(f"{wkb.hex()} is no point") from error
    if (order, kind) != (_LITTLE_ENDIAN, _POINT):
        raise ValueError(f"{wkb.hex()} is no point")
    return point(x, y, srid)


def geometry(wkb: bytes, srid: int | None) -> Struct:
    made = Struct(_GEOMETRY_SCHEMA)
    made.values = [wkb, srid]
    return made
