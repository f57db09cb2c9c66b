"""Java's hash of a string, and the partition that it leads to."""

from __future__ import annotations

import pytest

from ottla.coordinator.partitioner import java_hash_code, partition_for


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 97),
        ("hello", 99_162_322),
        ("group", 98_629_247),
        ("polygenelubricants", -(1 << 31)),
        ("é", 0xE9),
        ("\U0001f600", 0xD83D * 31 + 0xDE00),  # two UTF-16 code units
    ],
)
def test_the_hash_is_javas(text: str, expected: int) -> None:
    assert java_hash_code(text) == expected


def test_a_negative_hash_is_made_positive() -> None:
    assert java_hash_code("test-group") < 0 or java_hash_code("test-consumer-group") < 0
    for group in ("test-group", "test-consumer-group", "g", "connect-cluster"):
        assert partition_for(group, 50) == abs(java_hash_code(group)) % 50


def test_the_smallest_hash_has_no_positive_and_is_zero() -> None:
    assert partition_for("polygenelubricants", 50) == 0
