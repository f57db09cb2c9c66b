"""Whoever starts again from a stored state misses nothing, whatever the order of records and states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.api.record import SourceRecord
from ottla.connect.bridges.checkpoints import Checkpoints


def record(key: str, number: int) -> SourceRecord:
    return SourceRecord({"stream": key}, None, "t", value=number)


def offsets(records: list[SourceRecord]) -> list[tuple[object, object]]:
    return [(each.value, (each.source_offset or {}).get("state")) for each in records]


def test_a_record_goes_with_the_last_state_that_covers_it() -> None:
    checkpoints = Checkpoints()
    checkpoints.begin("a", {"state": None})
    gone = checkpoints.record("a", record("a", 1)) + checkpoints.record("a", record("a", 2))
    checkpoints.state("a", {"state": 10})
    checkpoints.state("a", {"state": 20})
    assert offsets(gone) == [(1, None)]
    gone = checkpoints.record("a", record("a", 3))
    assert offsets(gone) == [(2, 20)]
    assert checkpoints.boundaries == gone
    assert checkpoints.release_covered() == []
    assert offsets(checkpoints.release()) == [(3, 20)]


def test_a_transaction_ends_only_where_all_streams_are_covered() -> None:
    checkpoints = Checkpoints()
    assert checkpoints.record("a", record("a", 1)) == checkpoints.record("b", record("b", 2)) == []
    checkpoints.state("a", {"state": 1})
    assert checkpoints.release_covered() == checkpoints.boundaries == []
    checkpoints.state("b", {"state": 2})
    assert offsets(checkpoints.release_covered()) == [(1, 1), (2, 2)]
    assert offsets(checkpoints.boundaries) == [(2, 2)]


STEPS = st.lists(st.tuples(st.sampled_from(["record", "state", "quiet"]), st.sampled_from("ab")), max_size=40)


@given(STEPS)
def test_no_record_is_lost_and_none_claims_what_comes_after_it(steps: list[tuple[str, str]]) -> None:
    checkpoints = Checkpoints()
    read = {"a": 0, "b": 0}
    gone: list[SourceRecord] = []
    for step, key in steps:
        if step == "record":
            read[key] += 1
            gone += checkpoints.record(key, record(key, read[key]))
        elif step == "state":
            checkpoints.state(key, {"state": read[key]})
        else:
            gone += checkpoints.release_covered()
    gone += checkpoints.release()
    for key, count in read.items():
        mine = [each for each in gone if each.source_partition == {"stream": key}]
        assert [each.value for each in mine] == list(range(1, count + 1))
        for each in mine:
            state = (each.source_offset or {"state": 0})["state"]
            assert isinstance(each.value, int)
            assert state <= each.value
