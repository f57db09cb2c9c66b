"""Tables, bytes and times for people."""

import pytest

from ottla.console.cli.output import bytes_text, duration_text, json_fields, table, text_of, time_text
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


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, None),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10_239, "10.0 KiB"),
        (999 * 1024, "999 KiB"),
        (1024 * 1024 - 1, "1.00 MiB"),
        (5 * 1024**5, "5.00 PiB"),
        (5000 * 1024**5, "5000 PiB"),
    ],
)
def test_bytes_for_people(count: int | None, text: str | None) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(0, "0 ms"), (999, "999 ms"), (3400, "3.4 s"), (303_000, "5 min 3 s"), (8_040_000, "2 h 14 min")],
)
def test_durations_for_people(duration_ms: float, text: str) -> None:
    assert duration_text(duration_ms) == text
