"""Serdes against the bytes that Kafka's Java clients and Kafka Streams 4.3.1 wrote of the same values."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.streams.change import Change
from ottla.streams.errors import SerializationError
from ottla.streams.serdes.change import change_serde
from ottla.streams.serdes.murmur3 import hash128
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.serdes.subscription import (
    Instruction,
    SubscriptionResponseWrapper,
    SubscriptionWrapper,
    subscription_response_serde,
    subscription_serde,
)

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Serde

JAVA: list[tuple[Serde[Any], Any, str]] = [
    (Serdes.bytes(), b"\x00\xff", "00ff"),
    (Serdes.str(), "aä", "61c3a4"),
    (Serdes.int16(), -2, "fffe"),
    (Serdes.int32(), 258, "00000102"),
    (Serdes.int64(), -2, "fffffffffffffffe"),
    (Serdes.float32(), 1.5, "3fc00000"),
    (Serdes.float64(), 1.5, "3ff8000000000000"),
    (Serdes.bool(), True, "01"),
    (Serdes.bool(), False, "00"),
    (Serdes.uuid(), uuid.UUID(int=(1 << 64) + 2), b"00000000-0000-0001-0000-000000000002".hex()),
    (Serdes.list(Serdes.int64()), [1, None, -2], "000000000100000001000000030000000000000001fffffffffffffffe"),
    (Serdes.list(Serdes.str()), ["a", None, "bc"], "01000000030000000161ffffffff000000026263"),
    (change_serde(Serdes.str()), Change("new", "old"), "066e65776f6c6402"),
    (change_serde(Serdes.str()), Change("new", None), "6e657701"),
    (change_serde(Serdes.str()), Change(None, "old"), "6f6c6400"),
    (change_serde(Serdes.str()), Change("x" * 100, "o"), "c801" + "78" * 100 + "6f02"),
    (
        subscription_serde(Serdes.str(), "pseudo"),
        SubscriptionWrapper(
            bytes.fromhex("0000000000000001fffffffffffffffe"), Instruction.PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE, "pk", 7
        ),
        "01030000000000000001fffffffffffffffe706b00000007",
    ),
    (
        subscription_response_serde(Serdes.str()),
        SubscriptionResponseWrapper(bytes.fromhex("0000000000000001fffffffffffffffe"), "v", None),
        "000000000000000001fffffffffffffffe76",
    ),
    (subscription_response_serde(Serdes.str()), SubscriptionResponseWrapper(None, None, None), "80"),
]


@pytest.mark.parametrize(("serde", "value", "data"), JAVA)
def test_the_bytes_are_javas(serde: Serde[Any], value: Any, data: str) -> None:
    assert serde.serializer("t", value) == bytes.fromhex(data)
    assert serde.deserializer("t", bytes.fromhex(data)) == value


@pytest.mark.parametrize("serde", [each for each, value, _ in JAVA if not isinstance(value, Change)])
def test_none_is_none(serde: Serde[Any]) -> None:
    assert serde.serializer("t", None) is None
    assert serde.deserializer("t", None) is None


@pytest.mark.parametrize(
    ("serde", "value"),
    [
        (Serdes.bytes(), "text"),
        (Serdes.str(), 1),
        (Serdes.int16(), 40_000),
        (Serdes.int64(), "1"),
        (Serdes.int64(), 1 << 64),
        (Serdes.float64(), "1"),
        (Serdes.bool(), 1),
        (Serdes.uuid(), "x"),
        (Serdes.void(), 0),
        (Serdes.json(), object()),
        (change_serde(Serdes.str()), Change(None, None)),
        (change_serde(Serdes.str(), upgrade=True), Change("a", "b")),
    ],
)
def test_values_that_do_not_fit(serde: Serde[Any], value: Any) -> None:
    with pytest.raises(SerializationError):
        serde.serializer("t", value)


@pytest.mark.parametrize(
    ("serde", "data"),
    [
        (Serdes.int16(), b"\x00"),
        (Serdes.int64(), bytes(7)),
        (Serdes.bool(), b"\x02"),
        (Serdes.bool(), b""),
        (Serdes.uuid(), b"no"),
        (Serdes.void(), b""),
        (Serdes.list(Serdes.str()), b"\x02\x00\x00\x00\x00"),
        (Serdes.list(Serdes.str()), bytes.fromhex("010000000200000001")),
        (Serdes.list(Serdes.str()), bytes.fromhex("0000000000000000010000")),
        (Serdes.list(Serdes.int64()), bytes.fromhex("00000000000000000200")),
        (Serdes.json(), b"{"),
        (Serdes.json(), b"1 2"),
        (change_serde(Serdes.str()), b"a\x06"),
        (change_serde(Serdes.str()), b""),
        (subscription_serde(Serdes.str(), "p"), b"\x01"),
        (subscription_serde(Serdes.str(), "p"), b"\x01\x09"),
        (subscription_response_serde(Serdes.str()), b""),
    ],
)
def test_bytes_that_cannot_be_read(serde: Serde[Any], data: bytes) -> None:
    with pytest.raises(SerializationError):
        serde.deserializer("t", data)


def test_text_that_is_no_text() -> None:
    assert Serdes.str().serializer("t", "a\ud800b") == b"a?b"
    assert Serdes.str().deserializer("t", b"a\xffb") == "a�b"


def test_changes_that_say_whether_they_are_the_latest() -> None:
    read = change_serde(Serdes.str()).deserializer
    assert read("t", b"old\x01\x03") == Change(None, "old", True)
    assert read("t", b"new\x00\x04") == Change("new", None, False)
    assert read("t", b"\x06newold\x00\x05") == Change("new", "old", False)


def test_subscriptions_of_version_0() -> None:
    serde = subscription_serde(Serdes.str(), "p", upgrade_from_v0=True)
    written = serde.serializer("t", SubscriptionWrapper(None, Instruction.DELETE_KEY_AND_PROPAGATE, "pk", 3))
    assert written == b"\x80\x01pk"
    expected = SubscriptionWrapper(None, Instruction.DELETE_KEY_AND_PROPAGATE, "pk", None, 0)
    assert serde.deserializer("t", written) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "9d2764a018e329428c3cf3b035938518"),
        (1, "bff2166f25d4e3caad76f90042c32eb7"),
        (7, "e2c12aaa37615c8d78e8fff449acd2e3"),
        (8, "5376fe5d8752a4802bcfb922970c534c"),
        (9, "b79cc91e67eb164f7285936d18b5c4c8"),
        (15, "8541440932df88a8133781906f758397"),
        (16, "3b1ca826ba2a8ab100ff368af7e15570"),
        (17, "14606ec89b0c68c720e38f08a941bbdf"),
        (31, "0fc8bff6b4d635a2db8b6c0ce90a3cd8"),
        (32, "271fc7adca25c66d69f499a2c53fd088"),
        (45, "c11d69b4bc5312debcae45f57fd845ff"),
    ],
)
def test_murmur3(size: int, expected: str) -> None:
    data = bytes((at * 37 + 200) & 0xFF for at in range(size))
    assert hash128(data).hex() == expected


class Colour(Enum):
    RED = "red"


@dataclass
class Item:
    name: str
    price: float = 0.0


@dataclass
class Order:
    id: int
    items: list[Item] = field(default_factory=list)
    by_name: dict[str, Item] = field(default_factory=dict)
    colour: Colour | None = None
    note: str | None = None


def test_dataclasses_are_json() -> None:
    serde: Serde[Order] = Serdes.json(Order)
    order = Order(1, [Item("a", 1.0)], {"b": Item("b")}, Colour.RED)
    written = serde.serializer("t", order)
    assert written == (
        b'{"id":1,"items":[{"name":"a","price":1.0}],"by_name":{"b":{"name":"b","price":0.0}},"colour":"red","note":null}'
    )
    assert serde.deserializer("t", written) == order


def test_fields_that_the_class_does_not_have_are_left_out() -> None:
    assert Serdes.json(Item).deserializer("t", b' {"name": "a", "price": 2, "later": []}\n') == Item("a", 2.0)


def test_fields_that_are_missing() -> None:
    assert Serdes.json(Order).deserializer("t", b'{"id":1}') == Order(1)
    with pytest.raises(SerializationError):
        Serdes.json(Order).deserializer("t", b"{}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_json_comes_back(value: Any) -> None:
    serde: Serde[Any] = Serdes.json()
    assert serde.deserializer("t", serde.serializer("t", value)) == value


def test_a_serde_by_type() -> None:
    assert Serdes.serde_from(int) is Serdes.int64()
    assert Serdes.serde_from(Item).deserializer("t", b'{"name":"a"}') == Item("a")
    with pytest.raises(ValueError, match="complex"):
        Serdes.serde_from(complex)


class Line(msgspec.Struct):
    name: str
    n: int = 1


class Basket(msgspec.Struct):
    id: int
    lines: list[Line] = []


def test_structs_of_msgspec_are_json() -> None:
    serde: Serde[Basket] = Serdes.json(Basket)
    basket = Basket(1, [Line("a"), Line("b", 2)])
    written = serde.serializer("t", basket)
    assert written == b'{"id":1,"lines":[{"name":"a","n":1},{"name":"b","n":2}]}'
    assert serde.deserializer("t", written) == basket
    plain: Any = Serdes.json().deserializer("t", written)
    assert plain["lines"][1]["n"] == 2
    assert serde.deserializer("t", b'{"id":1,"later":[]}') == Basket(1)
    assert serde.serializer("t", None) is None
    for broken in (b"{}", b'{"id":"1"}', b"{"):
        with pytest.raises(SerializationError, match="is no Basket"):
            serde.deserializer("t", broken)
    unfit: Any = {1: object()}
    with pytest.raises(SerializationError, match="cannot go to t as JSON"):
        serde.serializer("t", unfit)
