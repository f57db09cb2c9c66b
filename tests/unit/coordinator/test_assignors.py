"""Assignors: complete, balanced as they promise, and sticky."""

from __future__ import annotations

from random import Random

import pytest

from ottla.coordinator.group.assignor.range_assignor import assign_range
from ottla.coordinator.group.assignor.spec import Assignments, GroupSpec, MemberSpec, Partitions
from ottla.coordinator.group.assignor.uniform import assign_uniform

TOPICS = {b"a": 6, b"b": 4, b"c": 1}


def spec(
    subscriptions: dict[str, tuple[bytes, ...]], current: Assignments | None = None, **instances: str
) -> GroupSpec:
    current = current or {}
    assigned = {
        (each, index) for partitions in current.values() for each, owned in partitions.items() for index in owned
    }
    members = {
        member_id: MemberSpec(instances.get(member_id), topics, current.get(member_id, {}))
        for member_id, topics in subscriptions.items()
    }
    return GroupSpec(
        members,
        homogeneous=len(set(subscriptions.values())) <= 1,
        partition_count=TOPICS.__getitem__,
        is_assigned=lambda each, index: (each, index) in assigned,
    )


def count(partitions: Partitions) -> int:
    return sum(map(len, partitions.values()))


def check_complete(group: GroupSpec, assignments: Assignments) -> None:
    owners: dict[tuple[bytes, int], str] = {}
    for member_id, partitions in assignments.items():
        for each, indexes in partitions.items():
            assert indexes
            assert each in group.members[member_id].topic_ids
            for index in indexes:
                assert owners.setdefault((each, index), member_id) == member_id
    wanted = {each for member in group.members.values() for each in member.topic_ids}
    assert set(owners) == {(each, index) for each in wanted for index in range(TOPICS[each])}


def test_range_gives_neighbours_topic_by_topic() -> None:
    group = spec(dict.fromkeys(("m1", "m2", "m3", "m4"), (b"a", b"b")))
    assert assign_range(group) == {
        "m1": {b"a": {0, 1}, b"b": {0}},
        "m2": {b"a": {2, 3}, b"b": {1}},
        "m3": {b"a": {4}, b"b": {2}},
        "m4": {b"a": {5}, b"b": {3}},
    }
    static = spec(dict.fromkeys(("m1", "m2"), (b"c",)), m2="i")
    assert assign_range(static) == {"m2": {b"c": {0}}, "m1": {}}
    assert assign_range(spec({"m1": (b"a",), "m2": (b"a", b"c")})) == {
        "m1": {b"a": {0, 1, 2}},
        "m2": {b"a": {3, 4, 5}, b"c": {0}},
    }
    assert assign_range(spec({})) == {}


def test_uniform_balances_to_one_partition() -> None:
    for size in range(1, 14):
        group = spec({f"m{n}": (b"a", b"b", b"c") for n in range(size)})
        assignments = assign_uniform(group)
        check_complete(group, assignments)
        counts = [count(each) for each in assignments.values()]
        assert max(counts) - min(counts) <= 1
    assert assign_uniform(spec({})) == {}
    assert assign_uniform(spec({"m1": ()})) == {}


def test_uniform_moves_no_more_than_it_must() -> None:
    topics = (b"a", b"b", b"c")
    two = assign_uniform(spec({"m1": topics, "m2": topics}))
    three = assign_uniform(spec({"m1": topics, "m2": topics, "m3": topics}, two))
    for member_id in ("m1", "m2"):
        for each, indexes in three[member_id].items():
            assert indexes <= two[member_id][each]
    assert count(three["m3"]) == 3
    again = assign_uniform(spec({"m1": topics, "m2": topics, "m3": topics}, three))
    assert again == three
    without = assign_uniform(spec({"m1": topics, "m3": topics}, {each: three[each] for each in ("m1", "m3")}))
    for member_id in ("m1", "m3"):
        for each, indexes in three[member_id].items():
            assert indexes <= without[member_id][each]


def test_uniform_serves_who_has_least_choice_first() -> None:
    group = spec({"m1": (b"a",), "m2": (b"a", b"b"), "m3": (b"b", b"c")})
    assignments = assign_uniform(group)
    check_complete(group, assignments)
    counts = [count(each) for each in assignments.values()]
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("seed", range(60))
def test_uniform_is_complete_and_settles_whatever_members_want(seed: int) -> None:
    random = Random(seed)
    subscriptions: dict[str, tuple[bytes, ...]] = {}
    current: Assignments = {}
    for _ in range(12):
        member_id = f"m{random.randrange(6)}"
        if random.random() < 0.25:
            subscriptions.pop(member_id, None)
        else:
            subscriptions[member_id] = tuple(sorted(random.sample(sorted(TOPICS), random.randint(1, 3))))
        current = {each: partitions for each, partitions in current.items() if each in subscriptions}
        group = spec(subscriptions, current)
        current = assign_uniform(group)
        check_complete(group, current)
        again = assign_uniform(spec(subscriptions, current))
        assert {each: owned for each, owned in again.items() if owned} == {
            each: owned for each, owned in current.items() if owned
        }
