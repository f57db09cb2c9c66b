"""Masks, lengths, keys and topics of a table (`test_debezium.py` holds them against Debezium): what is wrong, too."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ottla.connect.api.errors import ConfigError
from ottla.connect.connectors.cdc.changes import Before, Changes
from ottla.connect.connectors.cdc.column_rules import SourceType, serialized_by_java
from ottla.connect.connectors.cdc.field_type import ConversionError, FieldType
from ottla.connect.connectors.cdc.table import CapturedTable, Column
from ottla.connect.connectors.mysql.config import MysqlConfig
from ottla.connect.connectors.postgres.config import PostgresConfig
from ottla.connect.connectors.postgres.source import SOURCE_SCHEMA, SourceBlocks
from ottla.connect.data.schema_builder import SchemaBuilder

PROPS = {"topic.prefix": "shop", "database.hostname": "localhost", "database.user": "me", "database.dbname": "db"}
INT = FieldType(SchemaBuilder.int32, int)
TEXT = FieldType(SchemaBuilder.string, bytes.decode, "__debezium_unavailable_value")
COLUMNS = (
    Column("id", INT, "integer", optional=False, source=SourceType("int4", 10, 0)),
    Column("mail", TEXT, "varchar(9)", optional=True, source=SourceType("varchar", 9, 0)),
)
SOURCE = SourceBlocks("shop", "db").block(("public", "t"), 0)


def table(settings: dict[str, str], key: tuple[int, ...] = (0,)) -> CapturedTable:
    return CapturedTable(("public", "t"), COLUMNS, key, PostgresConfig(PROPS | settings).table_style(SOURCE_SCHEMA))


def rows(made: CapturedTable) -> list[Any]:
    return [made.value([b"1", cell])["mail"] for cell in (b"me@example.com", b"x", None)]


def test_the_first_rule_that_names_a_column_is_the_one_and_keys_are_as_they_are() -> None:
    both = {"column.mask.with.3.chars": r"public\.T\..*", "column.truncate.to.2.chars": "public.t.mail"}
    made = table(both, (1,))
    assert rows(made) == ["me", "x", None]
    assert made.value([b"1", b"x"])["id"] == 1  # no text
    key = made.key([b"1", b"me@example.com"])
    assert key is not None
    assert key["mail"] == "me@example.com"
    assert rows(table({"column.mask.with.3.chars": r"public\.t\..*"})) == ["***", "***", "***"]


def test_hashes_are_those_of_java_cut_to_the_column() -> None:
    settings = {"column.mask.hash.SHA-256.with.salt.a.b": "public.t.mail"}
    wanted = hashlib.sha256(b"a.b" + bytes.fromhex("aced0005740001") + b"x").hexdigest()[:9]
    assert rows(table(settings))[1:] == [wanted, None]
    settings = {"column.mask.hash.v2.MD5.with.salt.s": "public.t.mail", "column.propagate.source.type": ".*"}
    made = table(settings)
    assert rows(made)[1:] == [hashlib.md5(b"sx").hexdigest()[:9], None]
    field = made.value_schema.field("mail")
    assert field is not None
    assert field.schema.parameters == {
        "masked": "true",
        "__debezium.source.column.type": "VARCHAR",
        "__debezium.source.column.length": "9",
        "__debezium.source.column.scale": "0",
        "__debezium.source.column.name": "mail",
    }
    assert serialized_by_java("\0é😀")[7:] == b"\xc0\x80\xc3\xa9\xed\xa0\xbd\xed\xb8\x80"
    assert serialized_by_java("x" * 70_000)[4:13] == b"\x7c" + (70_000).to_bytes(8, "big")


def test_a_key_that_the_database_does_not_tell_is_an_error() -> None:
    made = table({"message.key.columns": r"(.*)\.t:mail,id"})
    assert made.key_schema is not None
    assert [field.name for field in made.key_schema.fields] == ["mail", "id"]
    assert made.key_places == (0,)  # by which chunks are read
    changes = Changes({}, tombstones=True, skipped=frozenset())
    with pytest.raises(ConversionError, match="REPLICA IDENTITY FULL"):
        changes.deleted(made, Before([b"1", None], True), SOURCE)
    assert len(changes.deleted(made, Before([b"1", b"x"], False), SOURCE)) == 2
    same = table({"message.key.columns": "public.t:id"})
    assert len(changes.deleted(same, Before([b"1", None], True), SOURCE)) == 2
    assert table({"message.key.columns": "public.other:id;public.t:mail"}, ()).key_places == (1,)


def test_names_of_topics() -> None:
    assert table({}).topic == "shop.public.t"
    assert table({"topic.delimiter": "-"}).topic == "shop-public-t"
    strategy = {"topic.naming.strategy": "io.debezium.schema.DefaultTopicNamingStrategy"}
    assert table(strategy).topic == "shop.t"
    topics = MysqlConfig(PROPS | strategy | {"topic.heartbeat.prefix": "beat", "topic.transaction": "tx"}).topics
    assert topics.table(("db", "a b_c")) == "shop.db.a_b_c"
    assert (topics.heartbeats, topics.transactions, topics.schema_changes) == ("beat.shop", "shop.tx", "shop")
    unicode = {"topic.naming.strategy": "io.debezium.schema.SchemaUnicodeTopicNamingStrategy"}
    topics = PostgresConfig(PROPS | unicode | {"topic.heartbeat.name": "beats"}).topics
    assert topics.table(("public", "a b_c")) == "shop.public.a_u0020b_u005fc"
    assert topics.heartbeats == "beats"
    with pytest.raises(ConfigError, match="Kafka allows 249"):
        topics.table(("public", "x" * 250))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"column.mask.hash.CRC-32.with.salt.x": "a"}, "the algorithms are MD5"),
        ({"column.mask.with.many.chars": "a"}, "column.mask.with.N.chars"),
        ({"column.truncate.to.99999999.chars": "a"}, "at most 1000000"),
        ({"column.truncate.to.9.chars": "("}, "no regular expression"),
        ({"message.key.columns": "public.t"}, "has the form"),
        ({"message.key.columns": "(:id"}, "no regular expression"),
        ({"replica.identity.autoset.values": "public.t:SOME"}, "has the form"),
        ({"replica.identity.autoset.values": "(:FULL"}, "no regular expression"),
        ({"topic.delimiter": "/"}, "letters, digits"),
        ({"topic.naming.strategy": "mine"}, "topic.naming.strategy"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PostgresConfig(PROPS | settings)
