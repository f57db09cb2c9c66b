"""The `simple` assignor of share groups: every partition to some member, every member some partition, few moves.

Where there are more members than partitions, partitions are shared by several. Topics that have the same subscribers
are spread together: with m members and p partitions each partition has at most ⌈m / p⌉ members, and the ⌈m / p⌉ · p
places are given out evenly. A member keeps what it has as long as that fits. Source: SimpleAssignor (KIP-932).
"""

from collections.abc import Mapping, Set
from typing import TypeAlias

from ottla.coordinator.group.share.share_group import Partitions

TopicPartition: TypeAlias = tuple[bytes, int]


def assign(
    subscriptions: Mapping[str, Set[bytes]], assignable: Partitions, current: Mapping[str, Partitions]
) -> dict[str, Partitions]:
    """`subscriptions`: member id -> topic ids; `current`: member id -> what it shall have until now."""
    by_subscribers: dict[tuple[str, ...], list[TopicPartition]] = {}
    for topic_id in sorted(assignable):
        subscribers = tuple(sorted(member for member, topics in subscriptions.items() if topic_id in topics))
        if subscribers:
            places = by_subscribers.setdefault(subscribers, [])
            places += [(topic_id, index) for index in sorted(assignable[topic_id])]
    result: dict[str, dict[bytes, set[int]]] = {member: {} for member in subscriptions}
    for subscribers, places in by_subscribers.items():
        if places:
            for member, given in _spread(subscribers, places, current).items():
                for topic_id, index in given:
                    result[member].setdefault(topic_id, set()).add(index)
    return {
        member: {topic_id: frozenset(indexes) for topic_id, indexes in topics.items()}
        for member, topics in result.items()
    }


def _spread(
    members: tuple[str, ...], places: list[TopicPartition], current: Mapping[str, Partitions]
) -> dict[str, dict[TopicPartition, None]]:
    sharing = -(-len(members) // len(places))
    sharers = dict.fromkeys(places, 0)
    given: dict[str, dict[TopicPartition, None]] = {member: {} for member in members}
    wanted = {
        member: -(-sharing * len(places) * (i + 1) // len(members)) - -(-sharing * len(places) * i // len(members))
        for i, member in enumerate(members)
    }

    def give(member: str, place: TopicPartition) -> None:
        given[member][place] = None
        sharers[place] += 1

    for member in members:
        for topic_id, indexes in sorted(current.get(member, {}).items(), reverse=True):
            for index in sorted(indexes, reverse=True):
                place = (topic_id, index)
                if sharers.get(place, sharing) < sharing and len(given[member]) < wanted[member]:
                    give(member, place)
    for member in members:
        if len(given[member]) < wanted[member]:
            for place in sorted(places, key=lambda each: sharers[each]):
                if len(given[member]) == wanted[member]:
                    break
                if sharers[place] < sharing and place not in given[member]:
                    give(member, place)
    for place in places:
        if not sharers[place]:
            give(min(members, key=lambda each: len(given[each])), place)
    for member in members:
        if not given[member]:
            give(member, min(places, key=lambda each: sharers[each]))
    return given
