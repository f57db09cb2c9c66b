"""A tap's lines as records, a catalog with what is wanted, and records as a target's lines."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.record import SinkRecord, SourceRecord
from ottla.connect.bridges.checkpoints import Checkpoints
from ottla.connect.bridges.singer.lines import TargetLines
from ottla.connect.bridges.singer.selection import select_streams
from ottla.connect.bridges.singer.tap import TapMessages
from ottla.connect.bridges.topics import Topics
from ottla.connect.data.logical import TIMESTAMP_SCHEMA
from ottla.connect.data.schema import INT32_SCHEMA, INT64_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

SCHEMA = {"type": "SCHEMA", "stream": "orders", "key_properties": ["id"],
          "schema": {"properties": {"id": {"type": "integer"}, "name": {"type": ["null", "string"]}}}}  # fmt: skip


class Tap:
    def __init__(self, stored: dict[str, Any] | None = None, *, marks: bool = False) -> None:
        self.checkpoints = Checkpoints()
        self.messages = TapMessages("tap-x", Topics("shop."), self.checkpoints, marks_versions=marks)
        self.messages.begin(stored)

    def says(self, *messages: object) -> list[SourceRecord]:
        gone: list[SourceRecord] = []
        for message in messages:
            gone += self.messages.take(message if isinstance(message, bytes) else json.dumps(message).encode())
        return gone


def a_record(number: object, **more: object) -> dict[str, object]:
    return {"type": "RECORD", "stream": "orders", "record": {"id": number, "name": "x"}, **more}


def test_records_keys_and_states() -> None:
    tap = Tap()
    gone = tap.says(
        SCHEMA, a_record(1, time_extracted="2024-01-01T00:00:01Z"), {"type": "STATE", "value": {"at": 1}}, a_record(2)
    )
    (first,) = gone
    assert (first.topic, first.timestamp) == ("shop.orders", 1704067201000)
    assert first.source_partition == {"tap": "tap-x"}
    assert first.source_offset == {"state": '{"at":1}'}
    assert isinstance(first.key, Struct)
    assert isinstance(first.value, Struct)
    assert (first.key["id"], first.value["name"]) == (1, "x")
    assert tap.messages.state == {"at": 1}


def test_it_goes_on_from_what_was_stored() -> None:
    tap = Tap({"state": '{"at":7}'})
    assert tap.messages.state == {"at": 7}
    (first,) = tap.says(SCHEMA, a_record(1), a_record(2))
    assert first.source_offset == {"state": '{"at":7}'}
    with pytest.raises(ConnectError, match="no JSON"):
        Tap({"state": "{"})


def test_a_record_that_does_not_fit_goes_on_as_it_came() -> None:
    tap = Tap()
    (bad,) = tap.says(SCHEMA, a_record("one"), a_record(2))
    assert (bad.value, tap.messages.misfits) == ({"id": "one", "name": "x"}, 1)


def test_versions() -> None:
    activate = {"type": "ACTIVATE_VERSION", "stream": "orders", "version": 5}
    assert Tap().says(SCHEMA, activate, activate) == []
    marker, of_version = Tap(marks=True).says(SCHEMA, activate, a_record(1, version=5), a_record(2))
    assert (marker.key, marker.value, [each.value for each in marker.headers]) == (None, None, [5])
    assert [each.key for each in of_version.headers] == ["singer.version"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"Traceback (most recent call last):", "no message of Singer's: Traceback"),
        (b"[1]", "no message"),
        (b'{"type": "RECORD", "stream": "nope", "record": {}}', "before its SCHEMA"),
        (b'{"type": "RECORD", "stream": "orders"}', "lacks 'record'"),
        (b'{"type": "STATE"}', "lacks 'value'"),
        (b'{"type": "SCHEMA", "stream": "s", "schema": {"properties": 5}}', "cannot be"),
        (b'{"type": "SCHEMA", "stream": "s", "schema": {}, "key_properties": ["k"]}', "no property 'k'"),
        (b'{"type": "BATCH"}', "batch_config"),
        (b"\xff\xfe", "no message"),
    ],
)
def test_rubbish_fails_with_what_it_was(line: bytes, said: str) -> None:
    with pytest.raises(ConnectError, match="tap-x.*" + said):
        Tap().says(SCHEMA, line)


def test_streams_that_would_share_a_topic() -> None:
    topics = Topics("p.")
    assert topics.of("a b") == topics.of("a b") == "p.a_b"
    with pytest.raises(ConnectError, match="have the same topic"):
        topics.of("a_b")


CATALOG: dict[str, Any] = {
    "streams": [
        {
            "tap_stream_id": "public-users",
            "stream": "users",
            "schema": {"properties": {"id": {}, "name": {}, "secret": {}}},
            "metadata": [{"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "automatic"}}],
        },
        {"stream": "orders", "schema": {"properties": {"id": {}}}},
    ]
}


def selected(patterns: list[str], metadata: dict[str, Any] | None = None) -> dict[str, list[str]]:
    chosen = select_streams(CATALOG, patterns, metadata or {})
    return {
        stream["stream"]: sorted(
            each["breadcrumb"][1] for each in stream["metadata"] if each["breadcrumb"] and each["metadata"]["selected"]
        )
        for stream in chosen["streams"]
        if stream["selected"]
        and next(each for each in stream["metadata"] if not each["breadcrumb"])["metadata"]["selected"]
    }


def test_selection() -> None:
    assert selected(["*.*"]) == {"users": ["id", "name", "secret"], "orders": ["id"]}
    assert selected(["users"]) == {"users": ["id", "name", "secret"]}
    assert selected(["*", "!orders"]) == {"users": ["id", "name", "secret"]}
    assert selected(["users.*", "!*.secret"]) == {"users": ["id", "name"]}
    assert selected(["users.name"]) == {"users": ["id", "name"]}
    with pytest.raises(ConnectError, match="the tap has: users, orders"):
        selected(["nope"])
    incremental = {"users": {"replication-method": "INCREMENTAL", "replication-key": "id"}}
    users = select_streams(CATALOG, ["*"], incremental)["streams"][0]
    assert (users["replication_method"], users["replication_key"]) == ("INCREMENTAL", "id")
    assert "selected" not in CATALOG["streams"][0]


VALUE = SchemaBuilder.struct().name("v").field("id", INT32_SCHEMA).field("at", TIMESTAMP_SCHEMA).build()
KEY = SchemaBuilder.struct().name("k").field("key", INT64_SCHEMA).build()


def sink_record(value: object, schema: Any = None, key: object = None, key_schema: Any = None) -> SinkRecord:
    return SinkRecord("orders", 0, key_schema, key, schema, value, 0, timestamp=1000)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_structs_for_a_target() -> None:
    at = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
    target = TargetLines("x_${topic}", "record_key", [], deletes=True)
    record = sink_record(Struct(VALUE, id=1, at=at), VALUE, Struct(KEY, key=9), KEY)
    schema, written = lines(target.of(record))
    assert (schema["stream"], schema["key_properties"]) == ("x_orders", ["key"])
    assert schema["schema"]["properties"] == {
        "id": {"type": "integer"},
        "at": {"type": "string", "format": "date-time"},
        "key": {"type": "integer"},
    }
    assert written["record"] == {"id": 1, "at": "2024-01-02T00:00:00.000Z", "key": 9}
    assert [each["type"] for each in lines(target.of(record))] == ["RECORD"]
    wider, deleted = lines(target.of(sink_record(None, None, Struct(KEY, key=9), KEY)))
    assert deleted["record"] == {"key": 9, "_sdc_deleted_at": "1970-01-01T00:00:01.000Z"}
    assert "id" in wider["schema"]["properties"]
    target.begin()
    assert [each["type"] for each in lines(target.of(record))] == ["SCHEMA", "RECORD"]


def test_records_without_a_schema_for_a_target() -> None:
    target = TargetLines("${topic}", "record_value", ["id"], deletes=False)
    schema, _ = lines(target.of(sink_record({"id": 1, "a": {"b": [1]}})))
    assert schema["schema"]["properties"]["a"]["properties"]["b"]["items"] == {"type": ["null", "integer"]}
    schema, _ = lines(target.of(sink_record({"id": 2, "a": {"b": [1.5, "x"], "c": None}})))
    assert schema["schema"]["properties"]["a"]["properties"]["b"]["items"] == {"type": ["null", "number", "string"]}
    assert len(lines(target.of(sink_record({"id": 3, "a": None})))) == 1
    for wrong in ({"a": 1}, None):
        with pytest.raises(DataError):
            target.of(sink_record(wrong))
    plain = TargetLines("${topic}", "record_key", ["name"], deletes=False)
    _, text = lines(plain.of(sink_record("line", STRING_SCHEMA, "k", STRING_SCHEMA)))
    assert text["record"] == {"value": "line", "name": "k"}
    with pytest.raises(DataError, match=r"pk\.fields"):
        plain.of(sink_record("line", STRING_SCHEMA))
