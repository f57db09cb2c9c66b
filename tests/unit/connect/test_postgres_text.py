"""PostgreSQL's text and Debezium's dates: against Python's own calendar, and by round trips."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.connect.test_change_stream import STYLE

from ottla.connect.connectors.cdc import temporal
from ottla.connect.connectors.cdc.field_type import ConversionError
from ottla.connect.connectors.cdc.numbers import decimal_type
from ottla.connect.connectors.cdc.table import CapturedTable, Column
from ottla.connect.connectors.postgres import text_values
from ottla.connect.connectors.postgres.column_types import ColumnTypes, TypeInfo, TypeModes
from ottla.connect.data.struct import Struct

EPOCH = datetime.datetime(1970, 1, 1)
ELEMENT = st.one_of(st.none(), st.text(max_size=8))


@given(st.dates())
def test_days(date: datetime.date) -> None:
    days = (date - EPOCH.date()).days
    assert text_values.parse_date(date.isoformat()) == days
    assert temporal.civil_of(days) == (date.year, date.month, date.day)
    assert temporal.iso_date(days) == date.isoformat()


@given(st.integers(-3_000_000, 120_000_000))
def test_days_beyond_python(days: int) -> None:
    assert temporal.days_of(*temporal.civil_of(days)) == days


@given(st.datetimes(), st.sampled_from(["", "+00", "-03", "+05:45"]))
def test_timestamps(moment: datetime.datetime, zone: str) -> None:
    us = (moment - EPOCH) // datetime.timedelta(microseconds=1)
    east_min = {"": 0, "+00": 0, "-03": -180, "+05:45": 345}[zone]
    text = moment.isoformat(" ").rstrip("0") if moment.microsecond else moment.isoformat(" ")
    assert text_values.parse_timestamp(text + zone) == us - east_min * 60_000_000
    assert temporal.iso_timestamp(us, 6) == moment.isoformat(timespec="microseconds")


def test_years_before_christ_and_far_away() -> None:
    assert text_values.parse_date("0001-12-31 BC") == temporal.days_of(0, 12, 31)
    assert temporal.iso_date(text_values.parse_date("4713-01-01 BC")) == "-4712-01-01"
    assert temporal.iso_timestamp(text_values.parse_timestamp("294276-12-31 23:59:59.5")) == "+294276-12-31T23:59:59.5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 year 2 mons 3 days 04:05:06.78", (1, 2, 3, 14_706_780_000)),
        ("-1 days +02:03:00", (0, 0, -1, 7_380_000_000)),
        ("-00:00:00.000001", (0, 0, 0, -1)),
        ("00:00:00", (0, 0, 0, 0)),
        ("2 mons", (0, 2, 0, 0)),
    ],
)
def test_intervals(text: str, expected: tuple[int, ...]) -> None:
    assert text_values.parse_interval(text) == expected


def _array_text(elements: list[str | None]) -> str:
    def shown(element: str | None) -> str:
        if element is None:
            return "NULL"
        return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "{" + ",".join(map(shown, elements)) + "}"


@given(st.lists(ELEMENT, max_size=6), st.lists(ELEMENT, max_size=3))
def test_arrays(first: list[str | None], second: list[str | None]) -> None:
    assert text_values.parse_array(_array_text(first)) == first
    nested = "[0:1]={" + _array_text(first) + "," + _array_text(second) + "}"
    assert text_values.parse_array(nested) == [first, second]


@given(st.dictionaries(st.text(max_size=6), ELEMENT, max_size=4))
def test_hstore(pairs: dict[str, str | None]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = ", ".join(f"{quoted(key)}=>{'NULL' if value is None else quoted(value)}" for key, value in pairs.items())
    assert text_values.parse_hstore(text) == pairs


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (
        text_values.parse_array,
        text_values.parse_hstore,
        text_values.parse_interval,
        text_values.parse_date,
    ):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12))
def test_decimals(number: Decimal) -> None:
    text = f"{number:f}".encode()
    assert decimal_type("precise", 20, 3).convert(text) == number
    assert decimal_type("string", 20, 3).convert(text) == text.decode()
    variable = decimal_type("precise", None, 0).convert(text)
    assert isinstance(variable, Struct)
    scale, data = variable["scale"], variable["value"]
    assert isinstance(scale, int)
    assert isinstance(data, bytes)
    assert Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-scale) == number
    assert scale == 0 or int.from_bytes(data, "big", signed=True) % 10


def test_what_is_no_decimal() -> None:
    assert decimal_type("string", None, 0).convert(b"NaN") == "NAN"
    assert decimal_type("double", None, 0).convert(b"-Infinity") == float("-inf")
    with pytest.raises(ConversionError, match=r"decimal\.handling\.mode"):
        decimal_type("precise", None, 0).convert(b"NaN")


TYPES = {
    1: TypeInfo(1, "int4", "b", "N", 0, 0, -1, ",", ()),
    2: TypeInfo(2, "_int4", "b", "A", 1, 0, -1, ",", ()),
    3: TypeInfo(3, "mood", "e", "E", 0, 0, -1, ",", ("sad", "ok")),
    4: TypeInfo(4, "age", "d", "N", 0, 1, -1, ",", ()),
    5: TypeInfo(5, "pair", "c", "C", 0, 0, -1, ",", ()),
    6: TypeInfo(6, "bit", "b", "V", 0, 0, -1, ",", ()),
    7: TypeInfo(7, "interval", "b", "T", 0, 0, -1, ",", ()),
}


@pytest.mark.parametrize(
    ("oid", "modifier", "text", "expected"),
    [
        (1, -1, b"-7", -7),
        (2, -1, b"{1,NULL,3}", [1, None, 3]),
        (3, -1, b"ok", "ok"),
        (4, -1, b"12", 12),
        (5, -1, b"(1,2)", "(1,2)"),
        (6, 1, b"1", True),
        (6, 9, b"100000001", b"\x01\x01"),
        (7, -1, b"1 year 2 mons 3 days 04:05:06.78", 14 * 2_629_800_000_000 + 3 * 86_400_000_000 + 14_706_780_000),
    ],
)
def test_types(oid: int, modifier: int, text: bytes, expected: object) -> None:
    kind = ColumnTypes(TypeModes(), TYPES.get).field_type(oid, modifier)
    assert kind.convert(text) == expected


def test_arrays_of_several_dimensions_are_refused() -> None:
    kind = ColumnTypes(TypeModes(), TYPES.get).field_type(2, -1)
    with pytest.raises(ConversionError, match="several dimensions"):
        kind.convert(b"{{1,2},{3,4}}")
    with pytest.raises(ConversionError, match="not there any more"):
        ColumnTypes(TypeModes(), TYPES.get).field_type(99, -1)


def test_structs_have_the_schema_of_their_field() -> None:
    kinds = {
        8: TypeInfo(8, "numeric", "b", "N", 0, 0, -1, ",", ()),
        9: TypeInfo(9, "point", "b", "G", 0, 0, -1, ",", ()),
    }
    kinds[10] = TypeInfo(10, "_point", "b", "A", 9, 0, -1, ",", ())
    types = ColumnTypes(TypeModes(), kinds.get)
    columns = [Column(str(oid), types.field_type(oid, -1), "type", optional=oid != 8) for oid in kinds]
    table = CapturedTable(("public", "t"), columns, [0], STYLE)
    row = table.value([b"1.50", b"(1,2)", b'{"(3,4)",NULL}'])
    row.validate()
    assert str(row["9"]).startswith("Struct{x=1.0,y=2.0")
