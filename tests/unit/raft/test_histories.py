"""Epochs and voters by offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.raft.replicas import key, voter_set

from ottla.raft.epoch_history import EpochHistory, OffsetAndEpoch
from ottla.raft.quorum_history import QuorumHistory


@pytest.mark.parametrize(
    ("epoch", "end"), [(0, (0, 0)), (1, (5, 1)), (2, (5, 1)), (3, (9, 3)), (4, (9, 3)), (6, (20, 6)), (7, (20, 6))]
)
def test_where_epochs_end(epoch: int, end: tuple[int, int]) -> None:
    assert EpochHistory([(1, 0), (3, 5), (6, 9)]).end_of(epoch, 20) == end


def test_an_empty_log() -> None:
    history = EpochHistory()
    assert (history.last_epoch, history.end_of(0, 0), history.end_of(4, 0)) == (0, (0, 0), (0, 0))
    history.start_at(OffsetAndEpoch(30, 4))
    assert (history.last_epoch, history.end_of(4, 30), history.end_of(9, 30)) == (4, (30, 4), (30, 4))
    history.assign(6, 30)
    assert (history.last_epoch, history.end_of(4, 35), history.end_of(6, 35)) == (6, (30, 4), (35, 6))
    history.truncate_to(30)
    assert history.last_epoch == 4


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(0, 30), st.integers(0, 9))
def test_epochs_are_those_of_the_records(steps: list[int], cut: int, asked: int) -> None:
    """Against a list of one epoch a record."""
    epochs = [sum(1 for step in steps[: index + 1] if step > 7) + 1 for index in range(len(steps))]
    history = EpochHistory()
    for offset, epoch in enumerate(epochs):
        history.assign(epoch, offset)
    history.truncate_to(cut)
    kept = epochs[:cut]
    assert history.last_epoch == (kept[-1] if kept else 0)
    not_above = [epoch for epoch in kept if epoch <= asked]
    if not_above:
        assert history.end_of(asked, len(kept)) == (len(not_above), not_above[-1])


def test_voters_by_offset() -> None:
    history = QuorumHistory(0, voter_set(1))
    history.set_voters(voter_set(1, 2), 5)
    history.set_voters(voter_set(1, 2, 3), 9)
    history.set_kraft_version(1, 4)
    assert [history.before(end)[1].node_ids for end in (0, 5, 6, 9, 10)] == [[1], [1], [1, 2], [1, 2], [1, 2, 3]]
    assert [history.before(end)[0] for end in (0, 4, 5)] == [0, 0, 1]
    history.truncate_to(9)
    assert (history.voters.node_ids, history.voters_offset) == ([1, 2], 5)
    history.truncate_to(0)
    assert (history.voters.node_ids, history.voters_offset, history.kraft_version) == ([1], -1, 0)
    history.set_voters(voter_set(1, 2), 5)
    history.set_voters(voter_set(2), 7)
    history.forget_before(7)
    assert history.before(7)[1].node_ids == [1, 2]
    history.start_at(20, 1, voter_set(4))
    assert (history.voters.node_ids, history.voters_offset, history.kraft_version) == ([4], 19, 1)


def test_sets_of_voters() -> None:
    voters = voter_set(1, 2)
    assert (len(voters), voters.majority, voter_set(1, 2, 3).majority) == (2, 2, 2)
    assert key(1) in voters
    assert key(3) not in voters
    assert voters.without(key(3)) is None
    assert voter_set(1).without(key(1)) is None
    with pytest.raises(ValueError, match="already"):
        voters.with_voter(voters.voters[0])
