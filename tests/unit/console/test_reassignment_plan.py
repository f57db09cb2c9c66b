"""Proposals: what they always keep to, over random clusters, and how much they move."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.clients.consumer import TopicPartition
from ottla.console.operations.reassignment_plan import PlanError, propose

if TYPE_CHECKING:
    from collections.abc import Sequence


def assignment(replicas: Sequence[tuple[int, ...]], topic: str = "t") -> dict[TopicPartition, tuple[int, ...]]:
    return {TopicPartition(topic, index): each for index, each in enumerate(replicas)}


def proposed(replicas: Sequence[tuple[int, ...]], brokers: list[int], **options: object) -> list[tuple[int, ...]]:
    return [each.replicas for each in propose(assignment(replicas), brokers, **options)]  # type: ignore[arg-type]


def copies(before: Sequence[tuple[int, ...]], after: Sequence[tuple[int, ...]]) -> int:
    return sum(len(set(new) - set(old)) for old, new in zip(before, after, strict=True))


def test_what_is_even_already_stays() -> None:
    even = [(1, 2), (2, 3), (3, 1)]
    assert proposed(even, [1, 2, 3]) == even


def test_who_comes_takes_the_place_of_who_leaves() -> None:
    assert proposed([(1, 2, 3)], [2, 3, 4]) == [(4, 2, 3)]
    assert proposed([(1, 2), (2, 1)], [1, 3]) == [(1, 3), (3, 1)]


def test_a_new_broker_gets_its_share_and_no_more_is_moved() -> None:
    before = [(1, 2), (2, 3), (3, 1), (1, 2), (2, 3), (3, 1)]
    after = proposed(before, [1, 2, 3, 4])
    load = Counter(broker for replicas in after for broker in replicas)
    assert load == {1: 3, 2: 3, 3: 3, 4: 3}
    assert copies(before, after) == 3
    assert max(Counter(replicas[0] for replicas in after).values()) == 2


def test_leaders_are_spread_without_copying() -> None:
    before = [(1, 2, 3)] * 6
    after = proposed(before, [1, 2, 3])
    assert copies(before, after) == 0
    assert Counter(replicas[0] for replicas in after) == {1: 2, 2: 2, 3: 2}


def test_a_chain_of_leaders_is_found() -> None:
    after = proposed([(1, 2), (1, 2), (2, 3), (1, 2), (3, 2)], [1, 2, 3])
    assert sorted(Counter(replicas[0] for replicas in after).values()) == [1, 2, 2]


def test_racks_are_as_many_as_there_are() -> None:
    racks = {1: "a", 2: "a", 3: "b", 4: "b"}
    after = proposed([(1, 2), (3, 4)], [1, 2, 3, 4], racks=racks)
    assert all({racks[broker] for broker in replicas} == {"a", "b"} for replicas in after)
    assert copies([(1, 2), (3, 4)], after) == 2


def test_another_replication_factor() -> None:
    assert [len(set(each)) for each in proposed([(1,), (2,)], [1, 2, 3], replication_factor=3)] == [3, 3]
    assert sorted(proposed([(1, 2, 3), (1, 2, 3)], [1, 2, 3], replication_factor=1)) == [(1,), (2,)]


@pytest.mark.parametrize(
    ("brokers", "options", "wrong"),
    [
        ([], {}, "there is no broker"),
        ([1], {}, "2 replicas need as many brokers, and there are 1"),
        ([1, 2], {"replication_factor": 3}, "3 replicas need as many brokers"),
        ([1, 2], {"racks": {1: "a", 2: None}}, "some brokers have a rack, and others have none: 2"),
    ],
)
def test_what_cannot_be(brokers: list[int], options: dict[str, object], wrong: str) -> None:
    with pytest.raises(PlanError, match=wrong):
        proposed([(1, 2)], brokers, **options)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], list[int], dict[int, str | None]]:
    brokers = list(range(draw(st.integers(1, 9))))
    racks: dict[int, str | None] = {broker: f"rack {draw(st.integers(0, 3))}" for broker in brokers}
    targets = draw(st.lists(st.sampled_from(brokers), min_size=1, unique=True))
    factor = draw(st.integers(1, len(targets)))
    count = draw(st.integers(1, 20))
    replicas = [tuple(draw(st.permutations(brokers))[: min(factor, len(brokers))]) for _ in range(count)]
    return replicas, targets, racks


@given(clusters())
def test_what_every_proposal_keeps_to(cluster: tuple[list[tuple[int, ...]], list[int], dict[int, str | None]]) -> None:
    before, targets, racks = cluster
    factor = len(before[0])
    after = proposed(before, targets, racks=racks)
    for replicas in after:
        assert len(set(replicas)) == len(replicas) == factor
        assert set(replicas) <= set(targets)
        in_rack = Counter(racks[broker] for broker in replicas)
        with_room = {racks[broker] for broker in targets if broker not in replicas}
        assert all(max(in_rack.values()) - in_rack[rack] <= 1 for rack in with_room)
    assert proposed(after, targets, racks=racks) == after  # nothing more to gain


@given(clusters())
def test_without_racks_load_and_leaders_are_even(
    cluster: tuple[list[tuple[int, ...]], list[int], dict[int, str | None]],
) -> None:
    before, targets, _ = cluster
    after = proposed(before, targets)
    load = Counter(dict.fromkeys(targets, 0))
    load.update(broker for replicas in after for broker in replicas)
    assert max(load.values()) - min(load.values()) <= 1
