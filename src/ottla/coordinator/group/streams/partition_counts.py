"""How many partitions the internal topics of a topology must have.

```
repartition topic  as the topology says; else as many as the widest input of the subtopologies that write it
copartition group  one count for all: that of the topics which are not the application's own, else the fixed one,
                   else the widest
changelog topic    as many as its subtopology has tasks: the widest of what it reads
```

Source: RepartitionTopics, CopartitionedTopicsEnforcer, ChangelogTopics (KIP-1071).
"""

from collections.abc import Callable, Iterable, Mapping

from ottla.coordinator.group.streams.topology import StreamsTopology, source_names
from ottla.protocol.coordinator_record.streams_group_topology import CopartitionGroup, Subtopology
from ottla.protocol.errors import ErrorCode, KafkaError


class IncorrectlyPartitionedError(Exception):
    """Topics do not fit together; the text says which."""


def decide_partition_counts(topology: StreamsTopology, existing: Callable[[str], int | None]) -> dict[str, int]:
    """Of all internal topics. `existing` says how many a topic has, None if it is not there.

    Raises `IncorrectlyPartitionedError`; `KafkaError` with `STREAMS_INVALID_TOPOLOGY` where no topics could help.
    """
    parts = list(topology.subtopologies.values())
    decided: dict[str, int] = {}

    def count_of(topic: str) -> int:
        count = existing(topic)
        count = decided.get(topic) if count is None else count
        if count is None:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
        return count

    decided.update(_repartition_counts(parts, existing))
    fixed = [info.name for each in parts for info in each.repartition_source_topics if info.partitions != 0]
    flexible = {info.name for each in parts for info in each.repartition_source_topics if info.partitions == 0}
    for part in parts:
        for group in part.copartition_groups:
            decided.update(_enforce(_topics_of(group, part), fixed, flexible, count_of))
    for part in parts:
        width = max((count_of(name) for name in source_names(part)), default=None)
        if width is None:
            raise _invalid(f"Subtopology {part.subtopology_id} reads no topics.")
        decided.update(dict.fromkeys((info.name for info in part.state_changelog_topics), width))
    return decided


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)


# -- repartition topics


def _repartition_counts(parts: list[Subtopology], existing: Callable[[str], int | None]) -> dict[str, int]:
    counts = {
        info.name: info.partitions for each in parts for info in each.repartition_source_topics if info.partitions != 0
    }
    is_missing = True
    while is_missing:
        is_missing = progressed = False
        for part in parts:
            for sink in part.repartition_sink_topics:
                if sink in counts:
                    continue
                width = _widest_input(part, counts, existing)
                if width is None:
                    is_missing = True
                else:
                    counts[sink] = width
                    progressed = True
        if is_missing and not progressed:
            raise _invalid("Repartition topics feed each other in a loop: their partitions cannot be counted.")
    if any(info.name not in counts for part in parts for info in part.repartition_source_topics):
        raise _invalid("A repartition topic is read and never written: its partitions cannot be counted.")
    return counts


def _widest_input(part: Subtopology, counts: Mapping[str, int], existing: Callable[[str], int | None]) -> int | None:
    known = [counts.get(info.name) for info in part.repartition_source_topics]
    known += [existing(name) for name in part.source_topics]
    return max((count for count in known if count is not None), default=None)


# -- copartition groups


def _topics_of(group: CopartitionGroup, part: Subtopology) -> list[str]:
    names = [_at(part.source_topics, index) for index in group.source_topics]
    repartition = [info.name for info in part.repartition_source_topics]
    names += [_at(repartition, index) for index in group.repartition_source_topics]
    return list(dict.fromkeys(names))


def _at(names: list[str], index: int) -> str:
    if not 0 <= index < len(names):
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
    return names[index]


def _enforce(
    group: list[str], fixed: Iterable[str], flexible: set[str], count_of: Callable[[str], int]
) -> dict[str, int]:
    """What the repartition topics of a group must have."""
    if not group:
        return {}
    fixed_names = set(fixed)
    own = {name: count_of(name) for name in group if name in fixed_names or name in flexible}
    others = {name: count_of(name) for name in group if name not in own}
    if others:
        width = _same(others.values(), others)
    elif fixed_names:
        width = _same((count_of(name) for name in fixed), own)
    else:
        width = max(own.values())
        if width <= 0:
            raise _invalid(f"No topic of the copartition group {', '.join(own)} says how many partitions it has.")
    for name, count in own.items():
        if name in fixed_names and count != width:
            message = f"Repartition topic {name} is to have {count} partitions, its copartition group has {width}."
            raise IncorrectlyPartitionedError(message)
    return dict.fromkeys(own, width)


def _same(counts: Iterable[int], shown: Mapping[str, int]) -> int:
    distinct = set(counts)
    if len(distinct) > 1:
        text = ", ".join(f"{name}={shown[name]}" for name in sorted(shown))
        raise IncorrectlyPartitionedError(f"Topics to be copartitioned differ in their partitions: {text}")
    return distinct.pop()
