"""`.properties` files, as Java reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.runtime.config.properties import format_properties, parse_properties


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("", {}),
        ("# comment\n! comment\n\n  \t\n", {}),
        ("a=b", {"a": "b"}),
        ("a = b ", {"a": "b "}),
        ("  a:b", {"a": "b"}),
        ("a b", {"a": "b"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("a==b", {"a": "=b"}),
        ("a : = b", {"a": "= b"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=b,\\\n   c", {"a": "b,c"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=b\\\n", {"a": "b"}),
        ("# comment \\\na=b", {"a": "b"}),
        ("a=b\\\n#c", {"a": "b#c"}),
        ("a\\=b=c", {"a=b": "c"}),
        ("a\\ b c", {"a b": "c"}),
        ("a=\\t\\n\\u00e9\\z", {"a": "\t\né" + "z"}),
        ("listeners=PLAINTEXT://:9092", {"listeners": "PLAINTEXT://:9092"}),
        ("path=C\\:\\\\x", {"path": "C:\\x"}),
    ],
)
def test_parsing(text: str, properties: dict[str, str]) -> None:
    assert parse_properties(text) == properties


@pytest.mark.parametrize("text", ["a=\\u12", "a=\\u12g4", "a=\\u"])
def test_a_broken_escape(text: str) -> None:
    with pytest.raises(ValueError, match="escape"):
        parse_properties(text)


def test_writing() -> None:
    text = format_properties({"version": "1", "a key": " é#=\\", "x": "a b"}, ("one", "two"))
    assert text == "#one\n#two\nversion=1\na\\ key=\\ \\u00e9#=\\\\\nx=a b\n"


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_what_is_written_is_read(properties: dict[str, str]) -> None:
    assert parse_properties(format_properties(properties)) == properties


@given(st.text())
def test_any_text_is_properties_or_a_value_error(text: str) -> None:
    try:
        parse_properties(text)
    except ValueError:
        assert "\\u" in text
