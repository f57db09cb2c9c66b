"""How many partitions internal topics get, and what is refused."""

from __future__ import annotations

import re

import pytest

from ottla.streams.membership.described_topology import describe_topology
from ottla.streams.membership.internal_topics import (
    IncorrectlyPartitionedError,
    MissingSourceTopicsError,
    plan_topics,
)
from ottla.streams.topology.built import BuiltTopology, InternalTopic, SubTopology


def sub(
    number: int,
    *sources: str,
    reads: dict[str, int | None] | None = None,
    writes: tuple[str, ...] = (),
    changelogs: tuple[str, ...] = (),
    together: tuple[tuple[str, ...], ...] = (),
    pattern: str | None = None,
) -> SubTopology:
    internal = {name: InternalTopic(name, {}, count) for name, count in (reads or {}).items()}
    return SubTopology(
        id=number,
        nodes={},
        stores={},
        source_topics=frozenset({*sources, *internal}),
        source_patterns=() if pattern is None else (re.compile(pattern),),
        sink_topics=frozenset(writes),
        repartition_source_topics=internal,
        repartition_sink_topics=frozenset(writes),
        changelog_topics={name: InternalTopic(name, {"cleanup.policy": "compact"}) for name in changelogs},
        source_topic_changelogs={},
        copartition_groups=tuple(map(frozenset, together)),
    )


def counts(existing: dict[str, int], *subs: SubTopology) -> dict[str, int]:
    return {name: count for name, (_, count) in plan_topics(BuiltTopology("a", {}, subs), existing).missing.items()}


def test_repartition_topics_are_as_wide_as_what_feeds_them_and_changelogs_as_their_tasks() -> None:
    subs = (
        sub(0, "a", "b", writes=("r",)),
        sub(1, reads={"r": None}, writes=("s",), changelogs=("c",)),
        sub(2, reads={"s": None}),
    )
    assert counts({"a": 3, "b": 5}, *subs) == {"r": 5, "s": 5, "c": 5}
    plan = plan_topics(BuiltTopology("a", {}, subs), {"a": 3, "b": 5, "r": 5, "s": 5, "c": 5})
    assert plan.missing == {}
    assert sum(plan.tasks.values()) == 5
    assert len(plan.tasks) == 15


def test_a_number_that_was_asked_for_counts() -> None:
    assert counts({"a": 3}, sub(0, "a", writes=("r",)), sub(1, reads={"r": 7}, changelogs=("c",))) == {"r": 7, "c": 7}


def test_what_is_joined_with_a_topic_follows_it() -> None:
    subs = (sub(0, "a", writes=("r",)), sub(1, "b", reads={"r": None}, together=(("b", "r"),)))
    assert counts({"a": 3, "b": 4}, *subs) == {"r": 4}


def test_joined_topics_must_be_alike() -> None:
    with pytest.raises(IncorrectlyPartitionedError, match="a=3, b=4"):
        counts({"a": 3, "b": 4}, sub(0, "a", "b", together=(("a", "b"),)))
    with pytest.raises(IncorrectlyPartitionedError, match="r=2"):
        counts({"a": 3}, sub(0, "a", reads={"r": 2}, writes=("r",), together=(("a", "r"),)))


def test_missing_sources_and_wrong_internal_topics_are_said() -> None:
    with pytest.raises(MissingSourceTopicsError, match="nowhere"):
        counts({"a": 1}, sub(0, "a", "nowhere"))
    with pytest.raises(IncorrectlyPartitionedError, match="c has 2 partitions and must have 3"):
        counts({"a": 3, "c": 2}, sub(0, "a", changelogs=("c",)))


def test_patterns_find_topics() -> None:
    assert counts({"log-1": 2, "log-2": 3, "other": 9}, sub(0, pattern="log-.*", changelogs=("c",))) == {"c": 3}


def test_what_a_broker_is_told() -> None:
    subs = (sub(0, "b", "a", writes=("r",)), sub(1, "z", reads={"r": 2}, changelogs=("c",), together=(("z", "r"),)))
    told = describe_topology(BuiltTopology("a", {}, subs), -1)
    assert [each.subtopology_id for each in told.subtopologies] == ["0", "1"]
    assert told.subtopologies[0].source_topics == ["a", "b"]
    second = told.subtopologies[1]
    assert [(each.name, each.partitions) for each in second.repartition_source_topics] == [("r", 2)]
    assert second.state_changelog_topics[0].topic_configs[0].value == "compact"
    group = second.copartition_groups[0]
    assert (group.source_topics, group.repartition_source_topics) == ([0], [0])
