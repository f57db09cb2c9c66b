"""The language of `where`: what it means, what it refuses, and that whatever is typed ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.console.web.messages.expression import LENGTH_MAX, ExpressionError, parse_expression

ROW: dict[str, Any] = {
    "key": "k1",
    "value": {
        "amount": 12,
        "price": 1.5,
        "name": "Ottla Kafka",
        "ok": True,
        "nothing": None,
        "items": [{"id": 1}, {"id": 2}],
        "from": "Prague",
        "odd name": "yes",
    },
    "headers": {"trace": "t1", "none": None},
    "partition": 2,
    "offset": 100,
    "timestamp": 1_795_939_200_000,
    "size": 50,
    "topic": "orders",
}


@pytest.mark.parametrize(
    "text",
    [
        "value.amount > 10 and key == 'k1'",
        "value.amount >= 12 && value.amount <= 12.0",
        "value.amount * 2 - 4 == 20 and value.amount / 8 == value.price",
        "value.amount % 5 == 2 and -value.amount < 0",
        "value.items[1].id == 2 and value.items[-1].id == 2 and value.items[9].id == null",
        'value["odd name"] == "yes" and value.from == "Prague"',
        "value.ok and not value.nothing and !(value.ok == false)",
        "value.nothing == null and value.missing == null and value.missing.deeper == null",
        "value.missing != 1 and not (value.missing < 1) and not (value.missing > 1)",
        'header("trace") == "t1" and header("other") == null and headers.trace == "t1"',
        "partition in [0, 2] and 3 not in [partition] and not (offset in [1])",
        'value.name contains "Kafka" and value.name starts_with "Ott" and value.name ends_with "ka"',
        'value.name like "%Kaf_a" and value.name like "Ottla%" and not (value.name like "Kafka")',
        'lower(value.name) == "ottla kafka" and upper(key) == "K1" and length(value.items) == 2',
        'number("12") == 12 and number("1.5") == value.price and number("x") == null and text(12) == "12"',
        'timestamp >= time("2026-11-29T08:00Z") and timestamp < time("2026-11-29T09:00:01+01:00")',
        "exists(value.amount) and not exists(value.nothing)",
        "value contains 'amount' and [1, 2] contains 2",
        'value.amount != "12" and value.ok != 1 and not (value.amount < "9")',
        'key + "-" + topic == "k1-orders" and key + 1 == null and 1 / 0 == null',
        "(offset == 1 or offset == 100) and true",
        r'"a\"b" == "a\u0022b" and "it\'s" == "it\'s"'.replace(r"\'", "'"),
    ],
)
def test_true(text: str) -> None:
    assert parse_expression(text)(ROW) is True


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("value.amount >", "column 15: the end"),
        ("valu == 1", "there is no 'valu'"),
        ("value.a = 1", "column 9"),
        ("1 < 2 < 3", "compares a second time"),
        ("eval('x')", "there is no function 'eval'"),
        ("length(1, 2)", "takes one thing"),
        ("time(key)", "takes a time"),
        ("value.(a)", "no name of a field"),
        ("(1", "')'"),
        ("value; 1", "column 6: ';'"),
        ("1 1", "column 3: '1' is not expected here"),
        ("'open", "column 1"),
        ("(" * 50 + "1" + ")" * 50, "nested too deeply"),
        ("a" * (LENGTH_MAX + 1), "characters"),
        ("!" * 900, "words and signs"),
        ("", "the end"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(ExpressionError, match=r".*") as refused:
        parse_expression(text)
    assert told in str(refused.value)


def test_a_pattern_does_not_run_away() -> None:
    assert not parse_expression(f'value like "{"%a" * 100}b"')({**ROW, "value": "a" * 20_000})


THINGS = ("key", "value", ".amount", '["x"]', "[0]", "header('x')", "1", "2.5", '"a"', "null", "(", ")", "[", "]", ",")
SIGNS = ("==", "!=", "<", "<=", ">", "in", "contains", "like", "+", "-", "*", "/", "%", "and", "or", "not")
WORDS = st.sampled_from([*THINGS, *SIGNS])


@settings(max_examples=60)
@given(
    st.lists(WORDS, max_size=30).map(" ".join),
    st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=3),
)
def test_whatever_is_typed_is_refused_or_answered(text: str, value: Any) -> None:
    try:
        fits = parse_expression(text)
    except ExpressionError:
        return
    assert fits({**ROW, "value": value}) in (True, False)
