"""Sets of MySQL's global transaction ids are sets, whatever they are made of, as text and as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.connectors.mysql.gtid_set import GtidSet

FIRST, SECOND = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"
SOURCES = [(FIRST, ""), (FIRST, "blue"), (SECOND, ""), (SECOND, "_1")]
Plain = set[tuple[str, str, int]]
plain_sets = st.sets(st.tuples(st.sampled_from(SOURCES), st.integers(1, 12))).map(
    lambda found: {(*source, number) for source, number in found}
)


def made(plain: Plain) -> GtidSet:
    found = GtidSet({})
    for source, tag, number in plain:
        found = found.after(f"{source}:{tag}:{number}" if tag else f"{source}:{number}")
    return found


def numbers(found: GtidSet) -> Plain:
    return {
        (*source, number)
        for source, intervals in found.intervals.items()
        for first, end in intervals
        for number in range(first, end)
    }


@given(plain_sets, plain_sets)
def test_they_are_sets(left: Plain, right: Plain) -> None:
    one, other = made(left), made(right)
    assert numbers(one) == left
    assert numbers(one | other) == left | right
    assert numbers(one - other) == left - right
    assert bool(one) == bool(left)
    assert (one | other) - other == one - other
    assert numbers(one.of_sources(lambda source: source == FIRST)) == {each for each in left if each[0] == FIRST}


@given(plain_sets)
def test_text_and_bytes_say_the_same(plain: Plain) -> None:
    found = made(plain)
    assert GtidSet.parse(str(found)) == found
    assert GtidSet.decode(found.encoded()) == found


def test_the_servers_own_text() -> None:
    text = f"{FIRST}:1-5:7:blue:1-2,\n{SECOND.upper()}:3"
    found = GtidSet.parse(text)
    assert found is not None
    assert str(found) == f"{FIRST}:1-5:7:blue:1-2,{SECOND}:3"
    assert GtidSet.parse("") == GtidSet({})
    assert found.encoded()[:8] == bytes((1, 3, 0, 0, 0, 0, 0, 1))
    assert len(GtidSet.parse(f"{FIRST}:1-5").encoded()) == 8 + 16 + 8 + 16  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["0-1-100", "x:1", FIRST, f"{FIRST}:1-", f"{FIRST}:-tag:1"])
def test_other_texts_are_none(text: str) -> None:
    assert GtidSet.parse(text) is None


@pytest.mark.parametrize("data", [b"", bytes(7), (5).to_bytes(8, "little"), bytes(7) + b"\2"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        GtidSet.decode(data)
