"""Records become the same columns, chunk by chunk and decoded in haste, as all at once by the standard library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.console.sql.all_at_once import Row, guessed, last_of_keys, table_of

from ottla.clients.column_reader import ConsumedBatch
from ottla.console.sql import fields
from ottla.console.sql.chunk import Chunk
from ottla.console.sql.columns import Columns
from ottla.console.sql.decoding import Decoder
from ottla.console.sql.latest import Latest
from ottla.console.sql.moment import QueryError
from ottla.protocol.record_columns import RecordColumns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30])
    | st.floats()
    | st.text(max_size=3)
)
names = st.sampled_from(["a", "b", "A", "_key", "É", ""])
alike = st.fixed_dictionaries(
    {}, optional={"a": st.integers(-9, 9) | st.none(), "b": st.floats(), "c": st.lists(st.integers(0, 3)), "d": names}
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
json_values = (alike | st.dictionaries(names, documents, max_size=4) | documents).map(
    lambda each: json.dumps(each).encode()
)
values = st.none() | json_values | json_values | st.binary(max_size=4) | st.text(max_size=4).map(str.encode)
keys = st.none() | st.sampled_from([b"k0", b"k1", b"k2", b'{"k":1}', b"\xff"])
headers = st.lists(st.tuples(st.text(max_size=2), st.none() | st.binary(max_size=2)), max_size=2)
rows = st.lists(st.tuples(st.integers(0, 1), keys, values, headers), max_size=24)


def placed(found: Sequence[tuple[int, bytes | None, bytes | None, Any]]) -> list[Row]:
    return [(partition, at, 1000 + at, key, value, held) for at, (partition, key, value, held) in enumerate(found)]


def chunks(found: Sequence[Row], size: int) -> Iterator[Chunk]:
    for first in range(0, len(found), size):
        chunk = Chunk("t")
        for partition, offset, timestamp, key, value, held in found[first : first + size]:
            chunk.add(ConsumedBatch("t", partition, RecordColumns([offset], [timestamp], [key], [value], [held])), 0)
        yield chunk


def columns(found: Sequence[Row], size: int, form: str = "auto", seen: frozenset[str] | None = None) -> pa.Table:
    made = Columns("t", Decoder(form, None, is_key=True), Decoder(form, None, is_key=False), seen)
    for chunk in chunks(found, size):
        made.add(chunk)
    return made.to_arrow()


def assert_same(one: pa.Table, other: pa.Table) -> None:
    one.validate(full=True)
    assert one.schema == other.schema
    for name in one.schema.names:
        # not `equals`: NaN is like NaN here
        assert repr(one[name].to_pylist()) == repr(other[name].to_pylist()), name


@given(rows, st.sampled_from([1, 2, 5, 30]))
@example([(0, None, b'{"a":1}', []), (0, None, b'{"a":1.5}', []), (0, None, b'{"a":9007199254740993}', [])], 1)
@example(
    [(0, None, b'{"a":{"x":1}}', []), (0, None, b'{"a":{"y":[null]}}', []), (0, None, b'{"a":{"y":[1.5]}}', [])], 1
)
@example([(0, None, b'{"a":{}}', []), (0, None, b'{"b":1}', [])], 1)
@example([(0, None, b" {}", []), (0, None, b'{"a":NaN}', []), (0, None, b'{"a":1e999}', [])], 3)
@example([(0, None, b'{"a":1}{"a":2}', []), (0, None, b'{"a":1}', [])], 2)
def test_chunk_by_chunk_is_as_all_at_once(found: list[tuple[int, bytes | None, bytes | None, Any]], size: int) -> None:
    wanted = table_of(placed(found), guessed, fields.MAX_FIELDS)
    assert_same(columns(placed(found), size), wanted)
    assert_same(latest(placed(found), size), table_of(last_of_keys(placed(found)), guessed, fields.MAX_FIELDS))


def latest(found: Sequence[Row], size: int) -> pa.Table:
    last = Latest("t", has_headers=True)
    for chunk in chunks(found, size):
        last.add(chunk)
    made = Columns("t", Decoder("auto", None, is_key=True), Decoder("auto", None, is_key=False), None)
    for chunk in last.chunks():
        made.add(chunk)
    return made.to_arrow()


def test_what_is_overwritten_is_let_go_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ottla.console.sql.latest.WAITING", 8)
    found = [(0, n, 0, b"k%d" % (n * n % 17), None if n % 5 == 0 else b"%d" % n, ()) for n in range(200)]
    assert_same(latest(found, 3), table_of(last_of_keys(found), guessed, 10))


@pytest.mark.parametrize(
    ("form", "decode"), [("json", json.loads), ("text", bytes.decode), ("bytes", bytes), ("auto", guessed)]
)
def test_every_format(form: str, decode: Callable[[bytes], Any]) -> None:
    found = placed([(0, b"1", b"2.5", []), (0, b'"k"', b'"v"', []), (1, None, None, []), (1, b"[1]", b'{"a":[1]}', [])])
    for size in (1, 4):
        assert_same(columns(found, size, form), table_of(found, decode, 10))


@pytest.mark.parametrize(
    ("form", "value", "told"),
    [
        ("json", b"{", "t-1 at offset 1: the value is not what --value-format json says"),
        ("text", b"\xff", "can't decode"),
    ],
)
def test_what_is_no_such_value_is_named(form: str, value: bytes, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        columns(placed([(0, b"1", b"1", []), (1, b"1", value, [])]), 2, form)


def test_what_is_not_seen_is_null_and_its_name_is_known() -> None:
    found = placed([(0, b"k", b'{"a":1,"B":"x"}', [("h", b"1")])])
    made = columns(found, 1, seen=frozenset({"b", "_offset"}))
    assert made.to_pylist() == [
        {"_partition": 0, "_offset": 0, "_timestamp": made["_timestamp"][0].as_py()}
        | {"_key": None, "_value": None, "_headers": None, "a": None, "B": "x"}
    ]
    assert columns(found, 1, seen=frozenset({"_key"})).schema.names == [
        "_partition", "_offset", "_timestamp", "_key", "_value", "_headers"
    ]  # fmt: skip


def test_there_are_not_more_fields_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ottla.console.sql.fields.MAX_FIELDS", 3)
    found = placed([(0, None, b'{"a":1,"A":2}', []), (0, None, b'{"b":1,"c":1,"d":1}', [])])
    assert_same(columns(found, 1), table_of(found, guessed, 3))


def test_half_a_surrogate_pair_stays_as_json_names_it() -> None:
    value = b'{"a":"\\ud800","b":{"c":"\\udfff"},"d":"x"}'
    (made,) = columns(placed([(0, value, value, [("\udcff", None)])]), 1).to_pylist()
    assert (made["a"], made["b"], made["d"]) == ("\\ud800", '{"c":"\\udfff"}', "x")
    assert made["_key"] == made["_value"] == value.decode()
    assert made["_headers"] == [{"name": "?", "value": None}]


def test_what_nobody_can_read_is_text() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    (made,) = columns(placed([(0, None, deep, [])]), 1).to_pylist()
    assert made["_value"] == deep.decode()
