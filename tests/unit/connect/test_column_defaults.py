"""Defaults of columns, and what columns are called and how long they are, as the catalogs say it."""

from __future__ import annotations

import pytest

from ottla.connect.connectors.cdc.column_rules import SourceType
from ottla.connect.connectors.mysql.catalog import source_type as mysql_source_type
from ottla.connect.connectors.mysql.column_types import field_type, shape_of_column_type
from ottla.connect.connectors.mysql.config import MysqlConfig
from ottla.connect.connectors.mysql.defaults import Default
from ottla.connect.connectors.mysql.defaults import default_value as mysql_default
from ottla.connect.connectors.postgres.column_types import ColumnTypes, TypeInfo, TypeModes
from ottla.connect.connectors.postgres.defaults import default_value
from ottla.connect.connectors.postgres.source_types import source_type

CONFIG = MysqlConfig({"topic.prefix": "shop", "database.hostname": "localhost", "database.user": "me"})
TYPES = {
    21: TypeInfo(21, "int2", "b", "N", 0, 0, -1, ",", ()),
    23: TypeInfo(23, "int4", "b", "N", 0, 0, -1, ",", ()),
    25: TypeInfo(25, "text", "b", "S", 0, 0, -1, ",", ()),
    16: TypeInfo(16, "bool", "b", "B", 0, 0, -1, ",", ()),
    17: TypeInfo(17, "bytea", "b", "U", 0, 0, -1, ",", ()),
    700: TypeInfo(700, "float4", "b", "N", 0, 0, -1, ",", ()),
    1007: TypeInfo(1007, "_int4", "b", "A", 23, 0, -1, ",", ()),
    1043: TypeInfo(1043, "varchar", "b", "S", 0, 0, -1, ",", ()),
    1114: TypeInfo(1114, "timestamp", "b", "D", 0, 0, -1, ",", ()),
    1700: TypeInfo(1700, "numeric", "b", "N", 0, 0, -1, ",", ()),
    9001: TypeInfo(9001, "age", "d", "N", 0, 1700, 4 + (5 << 16) + 2, ",", ()),
    9002: TypeInfo(9002, "mood", "e", "E", 0, 0, -1, ",", ("sad", "ok")),
}


@pytest.mark.parametrize(
    ("oid", "expression", "wanted"),
    [
        (23, "'-5'::integer", -5),
        (23, "nextval('t_id_seq'::regclass)", 0),
        (25, "'it''s'::text", "it's"),
        (25, "upper('x'::text)", ""),
        (25, "'a'::text || 'b'::text", None),
        (16, "true", True),
        (17, "'\\x00'::bytea", None),
        (1114, "now()", 0),
        (1114, "CURRENT_TIMESTAMP", 0),
        (1114, "'2000-01-01 00:00:01'::timestamp without time zone", 946684801000000),
        (9002, "'ok'::mood", "ok"),
        (25, None, None),
        (23, "'x'::integer", None),
    ],
)
def test_defaults_of_postgresql(oid: int, expression: str | None, wanted: object) -> None:
    kind = ColumnTypes(TypeModes(), TYPES.get).field_type(oid, -1)
    info = TYPES[oid]
    assert default_value(kind, info.name, is_enum=info.kind == "e", expression=expression) == wanted


@pytest.mark.parametrize(
    ("oid", "modifier", "default", "wanted"),
    [
        (21, -1, "nextval('s')", SourceType("smallserial", 5, 0)),
        (700, -1, None, SourceType("float4", 8, 8)),
        (1007, -1, None, SourceType("_int4", 10, 0)),
        (1043, 14, None, SourceType("varchar", 10, 0)),
        (1114, -1, None, SourceType("timestamp", 29, 6)),
        (1114, 0, None, SourceType("timestamp", 22, 0)),
        (1700, 4 + (10 << 16) + 3, None, SourceType("numeric", 10, 3)),
        (9001, -1, None, SourceType("age", 5, 2)),
        (1, -1, None, None),
    ],
)
def test_lengths_of_postgresql(oid: int, modifier: int, default: str | None, wanted: SourceType | None) -> None:
    assert source_type(oid, modifier, default, TYPES.get) == wanted


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("int(11)", "5", 5),
        ("varchar(10)", "'it''s'", "it's"),
        ("varchar(10)", "upper('x')", None),
        ("varchar(10)", "NULL", None),
        ("enum('a','b')", "'a'", "a"),
        ("decimal(5,2)", "1.50", 1.5),
        ("bit(10)", "b'1000000001'", b"\x01\x02"),
        ("bit(1)", "b'1'", True),
        ("date", "'0000-00-00'", 0),
        ("date", "'1970-01-02'", 1),
        ("datetime", "current_timestamp()", 0),
        ("timestamp(3)", "current_timestamp(3)", "1970-01-01T00:00:00.000Z"),
        ("time", "'-01:00:00.5'", -3600500000),
        ("varbinary(4)", "'ab'", None),
    ],
)
def test_defaults_of_mariadb(kind: str, text: str, wanted: object) -> None:
    shape = shape_of_column_type(kind)
    assert mysql_default(shape, field_type(shape, CONFIG), Default(text, True, False)) == wanted


def test_defaults_of_mysql() -> None:
    shape = shape_of_column_type("varchar(10)")
    kind = field_type(shape, CONFIG)
    assert mysql_default(shape, kind, Default("it's", False, False)) == "it's"
    assert mysql_default(shape, kind, Default("uuid()", False, True)) is None
    shape = shape_of_column_type("datetime")
    assert mysql_default(shape, field_type(shape, CONFIG), Default("CURRENT_TIMESTAMP", False, True)) == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("int(10) unsigned", SourceType("int unsigned", 10)),
        ("decimal(10,2)", SourceType("decimal", 10, 2)),
        ("text", SourceType("text")),
        ("set('a','b)','c')", SourceType("set", 5)),
        ("enum('a','b')", SourceType("enum", 1)),
    ],
)
def test_lengths_of_mariadb(text: str, wanted: SourceType) -> None:
    assert mysql_source_type(text, shape_of_column_type(text)) == wanted
