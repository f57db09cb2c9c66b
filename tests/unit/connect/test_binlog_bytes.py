"""What a server writes into a binary log, from its bytes: documents of JSON and what changes in them, numbers."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import pytest

from ottla.connect.connectors.mysql.json_diff import JsonDiff, changed, json_diffs
from ottla.connect.connectors.mysql.json_document import json_document, json_text
from ottla.connect.connectors.mysql.packed import packed_bytes, packed_int
from ottla.connect.connectors.mysql.packed_decimal import decimal_of

# {"a": 1, "bb": [true, null, "x"]}, as MySQL 9.7 stores it
OBJECT = bytes.fromhex("000200 2300 1200 0100 1300 0200 05 0100 02 1500".replace(" ", "") + "616262")
ARRAY = bytes.fromhex("0300 0e00 04 0100 04 0000 0c 0d00".replace(" ", "")) + bytes.fromhex("0178")


def test_an_object_and_an_array() -> None:
    document = json_document(OBJECT + ARRAY.ljust(14, b"\0"))
    assert document == {"a": 1, "bb": [True, None, "x"]}
    assert json_text(document) == '{"a":1,"bb":[true,null,"x"]}'


@pytest.mark.parametrize("end", range(1, len(OBJECT) + len(ARRAY)))
def test_documents_that_are_cut_are_refused(end: int) -> None:
    with pytest.raises((ValueError, IndexError, struct.error)):
        json_document((OBJECT + ARRAY)[:end])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "0.0000000999999999999999954748111825886258685613938723690807819366455078125"),
        (1e7, "10000000"),
        (1.5, "1.5"),
        (Decimal("-1.50"), "-1.50"),
        ('"\\\n\x01/ž', '"\\"\\\\\\n\\u0001/ž"'),
        ({}, "{}"),
    ],
)
def test_text_of_values(value: Any, text: str) -> None:
    assert json_text(value) == text


def test_changes_of_parts_keep_the_servers_order() -> None:
    document: Any = {"b": 1, "cc": [1, 2]}
    diffs = json_diffs(b"\1\4$.aa\3\5\7\0" + b"\0\7$.cc[1]\3\5\x09\0" + b"\2\3$.b" + b'\1\6$."a""'[:8] + b"\3\5\1\0")
    assert [each.path for each in diffs[:3]] == ["$.aa", "$.cc[1]", "$.b"]
    assert json_text(changed(document, diffs[:3])) == '{"aa":7,"cc":[1,9]}'
    whole = JsonDiff(diffs[0].operation, "$", [1])
    assert changed({"a": 1}, [whole]) == [1]
    with pytest.raises(ValueError, match="is none"):
        changed({}, [JsonDiff(diffs[0].operation, "$..", 1)])


def test_packed_numbers() -> None:
    assert packed_int(b"\xfa", 0) == (250, 1)
    assert packed_int(b"\xfc\0\1", 0) == (256, 3)
    assert packed_int(b"\xfe" + bytes(7) + b"\1", 0) == (1 << 56, 9)
    for data in (b"", b"\xfc\0", b"\xfb"):
        with pytest.raises((ValueError, IndexError)):
            packed_int(data, 0)
    with pytest.raises(IndexError):
        packed_bytes(b"\3ab", 0)


@pytest.mark.parametrize("text", ["0.00", "-0.01", "123456789012345678.99", "-999999999.10"])
def test_decimals(text: str) -> None:
    scaled = abs(int(Decimal(text).scaleb(2)))
    whole, fraction = divmod(scaled, 100)
    high, low = divmod(whole, 10**9)
    data = high.to_bytes(4, "big") + low.to_bytes(4, "big") + fraction.to_bytes(1, "big")
    if text.startswith("-"):
        data = bytes(each ^ 0xFF for each in data)
    assert decimal_of(bytes((20, 2, data[0] ^ 0x80)) + data[1:]) == Decimal(text)
