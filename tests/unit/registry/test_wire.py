"""Bytes that others read: the records of `_schemas`, and what stands before a record's data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.client.wire import Framed, WireError, header_value, prefix, read_frame, read_indexes, write_indexes
from ottla.registry.election import Identity, choose_leader
from ottla.registry.schema.compact_json import java_double
from ottla.registry.schema.metadata import Metadata
from ottla.registry.schema.reference import Reference
from ottla.registry.schema.rule_set import Rule, RuleSet
from ottla.registry.store.config import Config
from ottla.registry.store.mode import Mode
from ottla.registry.store.records import (
    ClearSubject,
    ClearSubjectKey,
    ConfigKey,
    Context,
    ContextKey,
    DeleteSubject,
    DeleteSubjectKey,
    Key,
    ModeKey,
    NoopKey,
    SchemaKey,
    SchemaRecord,
    Value,
    decode_key,
    decode_value,
    encode_key,
    encode_value,
)

GUID = "00112233-4455-6677-8899-aabbccddeeff"
RECORDS: list[tuple[Key, str, Value | None, str]] = [
    (
        SchemaKey("s", 1),
        '{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}',
        SchemaRecord("s", 1, 7, '"int"'),
        '{"subject":"s","version":1,"id":7,"schemaType":"AVRO","schema":"\\"int\\"","deleted":false}',
    ),
    (
        SchemaKey("s", 2),
        '{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}',
        SchemaRecord(
            "s",
            2,
            8,
            "{}",
            "JSON",
            (Reference("n", "r", 3),),
            Metadata({"a": ("t",)}, {"p": "v"}, ("p",)),
            RuleSet(domain=(Rule("r", type="CEL"),)),
            deleted=True,
        ),
        '{"subject":"s","version":2,"id":8,"schemaType":"JSON","references":[{"name":"n","subject":"r","version":3}],'
        '"metadata":{"tags":{"a":["t"]},"properties":{"p":"v"},"sensitive":["p"]},"ruleSet":{"domainRules":[{"name":"r",'
        '"kind":"TRANSFORM","mode":"WRITEREAD","type":"CEL","disabled":false}]},"schema":"{}","deleted":true}',
    ),
    (
        ConfigKey("s"),
        '{"keytype":"CONFIG","subject":"s","magic":0}',
        Config().updated({"compatibility": "FULL", "normalize": True}),
        '{"subject":"s","normalize":true,"compatibilityLevel":"FULL"}',
    ),
    (ModeKey(None), '{"keytype":"MODE","magic":0}', Mode.READONLY, '{"mode":"READONLY"}'),
    (
        DeleteSubjectKey("s"),
        '{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}',
        DeleteSubject("s", 3),
        '{"subject":"s","version":3}',
    ),
    (ClearSubjectKey("s"), '{"keytype":"CLEAR_SUBJECT","subject":"s","magic":0}', ClearSubject("s"), '{"subject":"s"}'),
    (
        ContextKey(".c"),
        '{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}',
        Context(".c"),
        '{"tenant":"default","context":".c"}',
    ),
    (NoopKey(), '{"keytype":"NOOP","magic":0}', None, ""),
]


@pytest.mark.parametrize(("key", "key_text", "value", "value_text"), RECORDS)
def test_the_records_of_the_topic(key: Key, key_text: str, value: Value | None, value_text: str) -> None:
    assert encode_key(key).decode() == key_text
    assert decode_key(key_text.encode()) == key
    if value is not None:
        assert encode_value(key, value).decode() == value_text
        assert decode_value(key, value_text.encode()) == value


def test_a_schema_that_an_old_registry_wrote_has_no_type_and_is_avro() -> None:
    value = decode_value(SchemaKey("s", 1), b'{"subject":"s","version":1,"id":1,"schema":"x","deleted":false,"ts":1}')
    assert isinstance(value, SchemaRecord) and value.schema_type == "AVRO" and not value.deleted


def test_ids_before_the_data_and_guids_in_headers() -> None:
    assert prefix(258) == b"\0\0\0\1\2"
    assert read_frame(b"\0\0\0\1\2data", (), is_key=False) == Framed(258, (), b"data")
    headers = [("__value_schema_id", header_value(GUID))]
    assert read_frame(b"data", headers, is_key=False) == Framed(GUID, (), b"data")
    with pytest.raises(WireError):
        read_frame(b"data", headers, is_key=True)


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=10))
def test_message_indexes_come_back(indexes: list[int]) -> None:
    written = write_indexes(indexes)
    assert read_indexes(b"x" + written + b"rest", 1) == (tuple(indexes), 1 + len(written))


@given(st.binary(max_size=40))
def test_rubbish_is_told_from_frames(data: bytes) -> None:
    try:
        frame = read_frame(data, (), is_key=False, has_indexes=True)
    except WireError:
        return
    assert data.endswith(frame.data)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_written_as_java_does(number: float) -> None:
    text = java_double(number)
    assert float(text) == number and "." in text and "e" not in text
    mantissa = text.partition("E")[0]
    assert len(mantissa.partition(".")[0].lstrip("-")) == 1 or "E" not in text


def test_who_leads() -> None:
    one, two = Identity("a", 1), Identity("b", 1)
    assert choose_leader({"m2": two, "m1": one}) == "m1"
    assert choose_leader({"m2": Identity("b", 1, leads=True), "m1": one}) == "m2"
    assert choose_leader({"m1": Identity("a", 1, eligible=False)}) is None
    assert Identity.from_json(json.loads(json.dumps(one.to_json()))) == one
