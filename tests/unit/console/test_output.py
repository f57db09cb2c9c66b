"""Tables, bytes and times for people."""

from ottla.console.cli.output import json_fields, table, text_of, time_text
from ottla.console.operations.near_names import did_you_mean


def test_a_table_aligns_numbers_right_and_shows_nothing_as_a_dash() -> None:
    assert table(("NAME", "N"), [("a", 1), ("long", 200), ("x", None)]) == "NAME    N\na       1\nlong  200\nx       -"


def test_bytes_that_are_no_text() -> None:
    assert text_of(b"a\xff") == "a\\xff"
    assert text_of(None) == "null"
    assert json_fields("key", b"a") == {"key": "a"}
    assert json_fields("key", None) == {"key": None}
    assert json_fields("value", b"\xff") == {"value_base64": "/w=="}


def test_times() -> None:
    assert time_text(1_795_442_405_500) == "2026-11-23T14:00:05.500Z"
    assert time_text(-1) == "-"
    assert time_text(9_223_372_036_854_775_807) == "@9223372036854775807"


def test_near_names() -> None:
    assert did_you_mean("ordes", ["orders", "invoices"]) == " Did you mean 'orders'?"
    assert did_you_mean("ORDERS", ["orders"]) == " Did you mean 'orders'?"
    assert did_you_mean("zzz", ["orders"]) == ""
