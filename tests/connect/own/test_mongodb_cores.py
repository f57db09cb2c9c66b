"""The parts of MongoDB's connectors that need no server: JSON, fields that stay or go, names, changes as writes."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from tests.connect.own.tasks import Source, errors_of

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.record import SinkRecord, TimestampType
from ottla.connect.connectors.mongodb.sink import MongoSinkConnector
from ottla.connect.connectors.mongodb.source import MongoSourceConnector
from ottla.connect.connectors.mongodb.source_config import CONFIG, operation_time, partition_name
from ottla.connect.connectors.mongodb.topic_mapper import TopicMapper

bson = pytest.importorskip("bson", reason="pip install 'ottla[mongodb]'")

from ottla.connect.connectors.mongodb.change_handlers import change_handler, without_null_fields  # noqa: E402
from ottla.connect.connectors.mongodb.documents import SinkDocument, document_of  # noqa: E402
from ottla.connect.connectors.mongodb.json_text import (  # noqa: E402
    CODEC,
    DEFAULT,
    EXTENDED,
    RELAXED,
    SIMPLIFIED,
    json_text,
    parse_json,
)
from ottla.connect.connectors.mongodb.post_processors import post_processors  # noqa: E402
from ottla.connect.connectors.mongodb.projection import projector  # noqa: E402
from ottla.connect.connectors.mongodb.sink_config import topic_settings  # noqa: E402
from ottla.connect.connectors.mongodb.writes import Delete, Replace, Update  # noqa: E402

GOOD = {"connection.uri": "mongodb://localhost", "database": "d", "topics": "t"}
CHANGES = "com.mongodb.kafka.connect.sink.cdc.mongodb.ChangeStreamHandler"
DEBEZIUM_CHANGES = "com.mongodb.kafka.connect.sink.cdc.debezium.mongodb.ChangeStreamHandler"


def record(value: Any, key: Any = None, offset: int = 0) -> SinkRecord:
    return SinkRecord("t", 0, None, key, None, value, offset, 1_700_000_000_000, TimestampType.CREATE_TIME)


def test_json_of_every_type() -> None:
    from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
    from bson.datetime_ms import DatetimeMS

    document = {
        "o": ObjectId("0" * 24), "i": 1, "l": Int64(2), "f": 1e10, "d": DatetimeMS(1_234_567_890_120),
        "early": DatetimeMS(-1), "b": b"x", "u": Binary(b"0" * 16, 4), "n": Decimal128("1E+3"), "r": Regex("a/b", "im"),
        "t": Timestamp(5, 6), "c": Code("f()", {"a": 1}), "k": [MinKey(), MaxKey(), None, True, float("nan")],
        's"': "\u00e9\u0301\U0001f600\n",
    }  # fmt: skip
    read = bson.decode(bson.encode(document, codec_options=CODEC), CODEC)
    text = r""""s\"": "é\u0301\ud83d\ude00\n"}"""
    common = '"t": {"$timestamp": {"t": 5, "i": 6}}, "c": {"$code": "f()", "$scope": {"a": %s}}, '
    common += '"k": [{"$minKey": 1}, {"$maxKey": 1}, null, true, %s], ' + text
    uuid = "MDAwMDAwMDAwMDAwMDAwMA=="
    binary = f'"b": {{"$binary": {{"base64": "eA==", "subType": "00"}}}}, "u": {{"$binary": {{"base64": "{uuid}", '
    binary += '"subType": "04"}}'
    regex = '"r": {"$regularExpression": {"pattern": "a/b", "options": "im"}}, '
    assert json_text(read, DEFAULT) == (
        '{"o": {"$oid": "000000000000000000000000"}, "i": 1, "l": {"$numberLong": "2"}, "f": 1.0E10, '
        '"d": {"$date": 1234567890120}, "early": {"$date": -1}, "b": {"$binary": "eA==", "$type": "00"}, '
        f'"u": {{"$binary": "{uuid}", "$type": "04"}}, "n": {{"$numberDecimal": "1E+3"}}, '
        '"r": {"$regex": "a/b", "$options": "im"}, ' + common % (1, "NaN")
    )
    assert json_text(read, EXTENDED) == (
        '{"o": {"$oid": "000000000000000000000000"}, "i": {"$numberInt": "1"}, "l": {"$numberLong": "2"}, '
        '"f": {"$numberDouble": "1.0E10"}, "d": {"$date": {"$numberLong": "1234567890120"}}, '
        '"early": {"$date": {"$numberLong": "-1"}}, ' + binary + ', "n": {"$numberDecimal": "1E+3"}, ' + regex
        + common % ('{"$numberInt": "1"}', '{"$numberDouble": "NaN"}')
    )  # fmt: skip
    assert json_text(read, RELAXED) == (
        '{"o": {"$oid": "000000000000000000000000"}, "i": 1, "l": 2, "f": 1.0E10, '
        '"d": {"$date": "2009-02-13T23:31:30.12Z"}, "early": {"$date": {"$numberLong": "-1"}}, '
        + binary + ', "n": {"$numberDecimal": "1E+3"}, ' + regex + common % (1, '{"$numberDouble": "NaN"}')
    )  # fmt: skip
    assert json_text(read, SIMPLIFIED) == (
        '{"o": "000000000000000000000000", "i": 1, "l": 2, "f": 1.0E10, "d": "2009-02-13T23:31:30.12Z", '
        f'"early": "1969-12-31T23:59:59.999Z", "b": "eA==", "u": "{uuid}", "n": "1E+3", '
        + regex + common % (1, '{"$numberDouble": "NaN"}')
    )  # fmt: skip
    for formatter in (DEFAULT, EXTENDED):
        again = parse_json(json_text(read, formatter))
        assert bson.encode(again, codec_options=CODEC) == bson.encode(read, codec_options=CODEC)


@pytest.mark.parametrize("text", ["", "[1]", "7", "{", '{"$oid": "0"}', '{"a": {"$oid": "0"}}'])
def test_what_is_no_json_of_a_document(text: str) -> None:
    with pytest.raises(DataError, match="no JSON of a document"):
        parse_json(text)


@pytest.mark.parametrize("data", [7, None, True, b"\x05\0\0\0", "x"])
def test_what_is_no_document(data: Any) -> None:
    with pytest.raises(DataError):
        document_of(data)


@pytest.mark.parametrize(
    ("kind", "fields", "left"),
    [
        ("allowlist", "a", {"a": 1}),
        ("AllowList", "b.c", {"b": {"c": 2}}),
        ("allowlist", "b.*", {"b": {"c": 2, "d": {}}}),
        ("allowlist", "b.**, x", {"b": {"c": 2, "d": {"e": 3}}}),
        ("whitelist", "*.c", {"a": 1, "b": {"c": 2}, "l": [{"c": 4}]}),
        ("blocklist", "a,b.d", {"b": {"c": 2}, "l": [{"c": 4}]}),
        ("blocklist", "*.d.e", {"b": {"c": 2, "d": {}}}),
        ("blocklist", "l.c, b*", {"a": 1, "l": [{}]}),
        ("blacklist", "**", {}),
    ],
)
def test_fields_that_stay(kind: str, fields: str, left: Any) -> None:
    document = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "l": [{"c": 4}]}
    project = projector(kind, fields)
    assert project is not None
    project(document)
    assert document == left


def test_what_is_done_to_documents() -> None:
    chain = "KafkaMetaAdder,NullFieldValueRemover,RenameByMapping,RenameByRegExp,BlockListValueProjector"
    config = topic_settings(
        GOOD
        | {
            "post.processor.chain": ",".join(
                f"com.mongodb.kafka.connect.sink.processor.{each}" for each in chain.split(",")
            ),
            "field.renamer.mapping": '[{"oldName": "value.a", "newName": "b"}]',
            "field.renamer.regexp": r'[{"regexp": "^value\.my_.*$", "pattern": "my_(.*)", "replace": "$1_"}]',
            "value.projection.list": "secret",
        },
        "t",
    )
    document = SinkDocument(record({"a": 1, "in": {"x": None, "z": 2}, "my_field": 3, "secret": 4}, offset=9))
    for process in post_processors(config, lambda _: "id"):
        process(document)
    assert document.value == {
        "_id": "id", "b": 1, "in": {"z": 2}, "field_": 3, "topic-partition-offset": "t-0-9",
        "CREATE_TIME": 1_700_000_000_000,
    }  # fmt: skip


def test_events_of_a_change_stream_as_writes() -> None:
    def write(event: Any, handler: str = CHANGES, key: Any = None) -> Any:
        return change_handler(handler)(SinkDocument(record(event, key)))

    key = {"_id": 1}
    full = {"_id": 1, "a": 2}
    assert write({"operationType": "insert", "documentKey": key, "fullDocument": full}) == Replace(key, full)
    assert write({"operationType": "update", "documentKey": key, "fullDocument": full}) == Replace(
        key, full, upsert=False
    )
    described = {"updatedFields": {"a": 3}, "removedFields": ["b"], "truncatedArrays": []}
    update = {"operationType": "update", "documentKey": key, "updateDescription": described}
    assert write(update) == Update(key, {"$set": {"a": 3}, "$unset": {"b": ""}}, upsert=False)
    assert write({"operationType": "delete", "documentKey": key}) == Delete(key)
    assert write({"operationType": "drop"}) is None
    for wrong in ({}, {"operationType": "insert", "documentKey": key}, update | {"updateDescription": {"x": 1}}):
        with pytest.raises(DataError, match="t-0@0"):
            write(wrong)
    debezium = {"op": "u", "after": '{"_id": 1, "a": {"$numberLong": "2"}}'}
    assert write(debezium, DEBEZIUM_CHANGES, {"id": "1"}) == Replace(key, full)
    assert write(debezium | {"op": "d"}, DEBEZIUM_CHANGES, {"id": "1"}) == Delete(key)
    assert write(None, DEBEZIUM_CHANGES, {"id": "1"}) is None
    patch = {"op": "u", "patch": '{"$v": 1, "$set": {"a": 1}}'}
    assert write(patch, "MongoDbHandler", {"id": "1"}) == Update(key, {"$set": {"a": 1}}, upsert=False)
    assert without_null_fields(Replace(key, {"a": None, "b": {"c": None}})) == Replace(key, {"b": {}})
    assert without_null_fields(Update(key, {"$set": {"a": None}})) is None


@pytest.mark.parametrize(
    ("database", "collection", "topic"),
    [
        ("a", "b", "p-one-s"), ("a", "c", "p-two-c-s"), ("a", "", "p-two-s"), ("x1", "c", "p-c-x1-s"),
        ("x1", "", "p-x1-s"),        ("z", "c", "p-rest-s"),
    ],
)  # fmt: skip
def test_topics_of_namespaces(database: str, collection: str, topic: str) -> None:
    names = {"a": "two", "a.b": "one", "/x\\\\d(\\\\..*)?": "{coll_sep}{db}", "*": "rest", "z.c": ""}
    mapper = TopicMapper("p", "s", "-", json.dumps(names).replace("\\\\\\\\", "\\\\"))
    assert mapper.topic({"ns": {"db": database, "coll": collection}}) == topic


def test_topics_without_a_map() -> None:
    mapper = TopicMapper("", "", ".", "")
    assert mapper.topic({"ns": {"db": "a", "coll": "b"}}) == "a.b"
    assert mapper.topic({"ns": {"db": "a"}}) == "a"
    assert mapper.topic({"operationType": "invalidate"}) == ""


def test_times_and_partitions() -> None:
    assert operation_time("") is None
    assert operation_time("30") == operation_time("1970-01-01T00:00:30Z") == (30, 0)
    assert operation_time('{"$timestamp": {"t": 30, "i": 2}}') == (30, 2)
    props = {"connection.uri": "mongodb://user:p@b:2,a:1/admin?replicaSet=r", "database": "d", "collection": "c"}
    assert partition_name(CONFIG.parse(props)) == "mongodb://a:1,b:2/d.c"


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(ConnectError, match=r"pip install 'ottla\[mongodb\]'"):
        Source(MongoSourceConnector, GOOD)


def test_wrong_configurations_name_the_setting() -> None:
    good = {"connection.uri": "mongodb://localhost", "database": "d", "topics": "t"}
    assert errors_of(MongoSinkConnector, good) == {}
    wrong = {
        "connection.uri": "http://x", "document.id.strategy": "MyStrategy", "delete.on.null.values": "true",
        "field.renamer.mapping": '[{"oldName": "a"}]', "namespace.mapper": "FieldPathNamespaceMapper",
        "change.data.capture.handler": "x.Y", "topic.override.t.max.batch.size": "-1",
    }  # fmt: skip
    for key, text in wrong.items():
        expected = "topic.override.%s.%s" if key.startswith("topic") else key
        assert list(errors_of(MongoSinkConnector, good | {key: text})) == [expected]
    assert errors_of(MongoSourceConnector, {}) == {}
    odd = {
        "pipeline": "{}", "topic.namespace.map": '{"/a": "{x}"}', "collection": "c", "startup.mode": "then",
        "startup.mode.timestamp.start.at.operation.time": "yesterday", "output.json.formatter": "x.Mine",
    }  # fmt: skip
    for key, text in odd.items():
        assert list(errors_of(MongoSourceConnector, {key: text})) == [key]
    with pytest.raises(ConnectError, match=r"output\.schema\.value: f is a union of other than null and one type"):
        bad = '{"type": "record", "name": "r", "fields": [{"name": "f", "type": ["int", "string"]}]}'
        Source(MongoSourceConnector, {"output.format.value": "schema", "output.schema.value": bad})
