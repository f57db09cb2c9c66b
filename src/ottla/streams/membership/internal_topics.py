"""How many partitions the topics of an application have, which are to be made, and which tasks there are.

repartition topic  as the topology says; else as many as the widest input of the sub-topologies that write it
copartition group  one count for all: that of the topics which are not the application's own, else the fixed one,
                   else the widest
changelog          as many as its sub-topology has tasks: the widest of what it reads
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.streams.errors import StreamsError
from ottla.streams.membership.assignment import TaskId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.topology.built import BuiltTopology, InternalTopic, SubTopology


class MissingSourceTopicsError(StreamsError):
    """Topics that the application reads and does not own are not there."""


class IncorrectlyPartitionedError(StreamsError):
    """Topics that must have as many partitions as each other do not, or an internal topic has the wrong number."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    tasks: Mapping[TaskId, bool]
    """Whether the task has state that is logged."""

    missing: Mapping[str, tuple[InternalTopic, int]]
    """Internal topics to be made, and with how many partitions."""


def sources_of(sub: SubTopology, existing: Mapping[str, int]) -> frozenset[str]:
    """With what its patterns find among the topics that exist."""
    found = {name for name in existing for pattern in sub.source_patterns if pattern.fullmatch(name)}
    return sub.source_topics | found


def plan_topics(topology: BuiltTopology, existing: Mapping[str, int]) -> TopicPlan:
    """`existing` has the partition counts of every topic that is there."""
    subs = topology.sub_topologies
    own = {name: topic for sub in subs for name, topic in sub.repartition_source_topics.items()}
    missing = sorted({name for sub in subs for name in sub.source_topics} - own.keys() - existing.keys())
    if missing:
        raise MissingSourceTopicsError(f"source topics are missing: {', '.join(missing)}")
    counts = dict(existing) | _repartition_counts(subs, own, existing)
    for sub in subs:
        for group in sub.copartition_groups:
            counts |= _enforce(group, own, counts)
    for name, topic in own.items():
        _check(name, existing.get(name), topic.partitions or counts[name])
    widths = {sub.id: max((counts[name] for name in sources_of(sub, existing)), default=0) for sub in subs}
    tasks = {
        TaskId(sub.id, partition): bool(sub.changelog_topics or sub.source_topic_changelogs)
        for sub in subs
        for partition in range(widths[sub.id])
    }
    wanted = {name: (topic, counts[name]) for name, topic in own.items()}
    wanted |= {topic.name: (topic, widths[sub.id]) for sub in subs for topic in sub.changelog_topics.values()}
    for name, (_, count) in wanted.items():
        _check(name, existing.get(name), count)
    return TopicPlan(tasks, {name: each for name, each in wanted.items() if name not in existing and each[1]})


def _check(name: str, has: int | None, wants: int) -> None:
    if has is not None and has != wants:
        raise IncorrectlyPartitionedError(
            f"internal topic {name} has {has} partitions and must have {wants}: did the application's input change?"
            " Reset the application, or give the topic the partitions that it needs"
        )


def _repartition_counts(
    subs: tuple[SubTopology, ...], own: Mapping[str, InternalTopic], existing: Mapping[str, int]
) -> dict[str, int]:
    counts = {name: topic.partitions for name, topic in own.items() if topic.partitions}
    waiting = own.keys() - counts.keys()
    while waiting:
        found: dict[str, int] = {}
        for sub in subs:
            known = [
                counts.get(name) or (existing.get(name) if name not in own else None) for name in _inputs(sub, existing)
            ]
            width = max((each for each in known if each), default=None)
            if width is not None:
                for name in sub.repartition_sink_topics & waiting:
                    found[name] = max(width, found.get(name, 0))
        if not found:
            raise StreamsError(f"the partitions of {', '.join(sorted(waiting))} cannot be counted: nothing writes them")
        counts |= found
        waiting -= found.keys()
    return {name: count for name, count in counts.items() if count}


def _inputs(sub: SubTopology, existing: Mapping[str, int]) -> frozenset[str]:
    return sources_of(sub, existing)


def _enforce(group: frozenset[str], own: Mapping[str, InternalTopic], counts: Mapping[str, int]) -> dict[str, int]:
    others = {name: counts[name] for name in group if name not in own}
    fixed = {name: counts[name] for name in group if name in own and own[name].partitions}
    flexible = [name for name in group if name in own and name not in fixed]
    leading = others or fixed
    if len(set((others | fixed).values())) > 1:
        shown = ", ".join(f"{name}={count}" for name, count in sorted((others | fixed).items()))
        raise IncorrectlyPartitionedError(f"topics that are joined must have equally many partitions: {shown}")
    width = next(iter(leading.values())) if leading else max((counts[name] for name in flexible), default=0)
    return dict.fromkeys(flexible, width)
