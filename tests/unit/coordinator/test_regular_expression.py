"""Expressions in RE2's syntax, against Python's own where both mean the same."""

from __future__ import annotations

import re
import time

import pytest

from ottla.coordinator.group.regular_expression.matcher import TopicMatcher
from ottla.coordinator.group.regular_expression.syntax import InvalidExpressionError

NAMES = [
    "foo",
    "foo-1",
    "foo-12",
    "FOO",
    "abac",
    "c",
    "aa",
    "aaa",
    "aaaa",
    "a.b",
    "a_b",
    "x",
    "w.1",
    "abc",
    "fooBARx",
    "foobarx",
    "fooBARX",
    "a",
    "z",
    "ab",
    "a-z",
    "foo.bar",
    "A1",
    "__x",
    "bb",
    "aab",
    "aaab",
    "fo",
    "foofoo",
    "Foo-1",
    "1",
    ".",
    "-",
    "_",
]
SAME = (
    "foo.*", "^foo-[0-9]+$", "(a|b)*c", "(?i)FOO", r"\bfoo\b.*", "a{2,3}", "a{2,}", "a{2}", "[^a-c]+", "(a+)+b", "x|",
    r"\w+\.\d", "(?:ab)?c", "foo(?i:BAR)x", r"[a\-z]+", "(?P<n>a)b", r"\x61", r"\141", "[]a]+", r"a\Bb", "", "a??b",
    r"[\d.]+", r"\D+", r"[^\w]", r"\W", "(?s:.+)", "(?i)[f-o]+", "a*?b", "(foo){2}", r"\Afoo\Z", "^$", "$^", "(|a)+b",
)  # fmt: skip
INVALID = (
    "(", "a)", "[a", "*", "a**", "a{2}{3}", "\\", "(?=a)", "(?<!a)", "(?<=a)", "a{1001}", "(a{100}){100}", r"\1",
    "[z-a]", "(?P<>a)", r"\p{Foo}", "(?-)", "a{3,2}", "a*+", "[[:foo:]]", r"\8", r"\y", "(?z)", r"\p{L",
    r"\C", "{2}a", "(" * 300 + ")" * 300,
)  # fmt: skip


@pytest.mark.parametrize("pattern", SAME)
def test_matches_what_python_matches(pattern: str) -> None:
    expected = [name for name in NAMES if re.fullmatch(pattern, name, re.ASCII)]
    assert TopicMatcher(pattern.replace(r"\Z", r"\z")).select(NAMES) == expected


@pytest.mark.parametrize(
    ("pattern", "like"),
    [
        (r"\Qa.b\E", r"a\.b"),
        (r"\Qa.\Eb+", r"a\.b+"),
        (r"[[:alpha:]]+", "[a-zA-Z]+"),
        (r"[[:^alpha:]]+", "[^a-zA-Z]+"),
        (r"\pL+", "[a-zA-Z]+"),
        (r"\p{Lu}+", "[A-Z]+"),
        (r"\P{L}+", "[^a-zA-Z]+"),
        (r"\p{^Nd}+", "[^0-9]+"),
        (r"\p{Greek}a?", "(?!)"),
        (r"a{,3}", r"a\{,3\}"),
        (r"(?<n>a)b", "ab"),
        (r"(?i-i)foo", "foo"),
        (r"(?U)a+b", "a+b"),
    ],
)
def test_what_re2_says_otherwise(pattern: str, like: str) -> None:
    assert TopicMatcher(pattern).select(NAMES) == [name for name in NAMES if re.fullmatch(like, name)]


@pytest.mark.parametrize("pattern", INVALID)
def test_refuses(pattern: str) -> None:
    with pytest.raises(InvalidExpressionError):
        TopicMatcher(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$x", "(a|aa)+b", "(.*.*.*.*.*.*.*.*.*)*!", "(a?){900}b", "(x+x+)+y|(a*)*c"])
def test_takes_time_linear_in_the_name(pattern: str) -> None:
    matcher = TopicMatcher(pattern)
    begun = time.process_time()
    assert not matcher.matches("a" * 249)
    assert time.process_time() - begun < 5, "a backtracking matcher would take for ever"


def test_an_expression_that_needs_too_many_states_is_refused() -> None:
    with pytest.raises(InvalidExpressionError, match="too large"):
        TopicMatcher("(" + "a" * 100 + "){1000}")
