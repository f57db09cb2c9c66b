"""Which fields a mask hides, and that it hides nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.console.web.access.masking import FieldPath, Mask, MaskRule

VALUE: dict[str, Any] = {
    "card": {"number": "4992123456789012", "cvc": 123, "none": None},
    "items": [{"price": 5, "note": "a"}, {"price": 6}],
    "odd name": "x",
    "deep": {"a": [{"password": "p"}], "password": {"old": "q"}},
}


def masked(*fields: str, how: str = "redact", value: Any = VALUE, part: str = "value") -> tuple[Any, bool]:
    rule = MaskRule(("orders*",), tuple(map(FieldPath.parse, fields)), how)
    return Mask([rule], b"secret").apply("orders-1", part, value)


def test_a_field_is_hidden_and_the_rest_is_not_touched() -> None:
    before = repr(VALUE)
    found, changed = masked("value.card.number", "value.items[*].price", 'value["odd name"]')
    assert changed
    assert found == {
        **VALUE,
        "card": {**VALUE["card"], "number": "***"},
        "items": [{"price": "***", "note": "a"}, {"price": "***"}],
        "odd name": "***",
    }
    assert repr(VALUE) == before


def test_at_any_depth() -> None:
    assert masked("value.**.password")[0]["deep"] == {"a": [{"password": "***"}], "password": "***"}
    assert masked("value.card.*")[0]["card"] == {"number": "***", "cvc": "***", "none": None}
    assert masked("value.items[1].price")[0]["items"] == [{"price": 5, "note": "a"}, {"price": "***"}]


def test_how() -> None:
    assert masked("value.card.number", how="partial")[0]["card"]["number"] == "************9012"
    assert masked("value.card.cvc", how="partial")[0]["card"]["cvc"] == "***"
    hashed = masked("value.card.number", how="hash")[0]["card"]["number"]
    assert hashed.startswith("h:")
    assert masked("value.card.number", how="hash")[0]["card"]["number"] == hashed
    assert masked("value.items", how="hash")[0]["items"] != masked("value.card", how="hash")[0]["card"]


def test_what_cannot_be_looked_into_is_hidden_whole() -> None:
    assert masked("value.card.number", value="card=4992") == ("***", True)
    assert masked("value.card.number", value=b"\0") == ("***", True)
    assert masked("value.card.number", value=None) == (None, False)
    assert masked("value.nothing.there") == (VALUE, False)
    assert masked("key", value="k", part="key") == ("***", True)
    assert masked("key", value="k", part="value") == ("k", False)


def test_headers_by_name() -> None:
    mask = Mask([MaskRule(("*",), (FieldPath.parse("headers.auth"),))], b"secret")
    assert mask.header("t", "auth", b"x") == ("***", True)
    assert mask.header("t", "other", b"x") == (None, False)
    assert mask.header("t", "auth", None) == (None, False)
    assert mask.touches("t")
    assert not mask.touches("t", "value")


@pytest.mark.parametrize("text", ["val.x", "value..x", "value.**", "headers", "headers.a.b", "value[x]", "value.", ""])
def test_paths_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        FieldPath.parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "secret"]), inner, max_size=3)
    ),
)


@given(JSON)
def test_nothing_of_a_secret_is_left(value: Any) -> None:
    found, _ = masked("value.**.secret", value=value)

    def check(each: Any) -> None:
        if isinstance(each, dict):
            assert each.get("secret") in (None, "***")
        for below in each.values() if isinstance(each, dict) else each if isinstance(each, list) else ():
            check(below)

    check(found)
