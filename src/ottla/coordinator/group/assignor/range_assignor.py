"""The `range` assignor: of every topic each subscriber gets one run of neighbouring partitions, in the members' order.

Topics with as many partitions are so laid out alike, which joins need (KIP-848). Static members come first, by their
instance, and so keep their ranges over restarts. Racks play no part, as in Apache Kafka 4.3. Source: RangeAssignor.
"""

from ottla.coordinator.group.assignor.spec import Assignments, GroupSpec


class _Topic:
    """How far a topic has been handed out. `quota` is what everybody gets, `extra` how many get one more."""

    __slots__ = ("extra", "next", "partition_count", "quota")

    def __init__(self, partition_count: int, subscribers: int) -> None:
        self.partition_count = partition_count
        self.quota, self.extra = divmod(partition_count, subscribers)
        self.next = 0

    def take(self) -> frozenset[int]:
        size = self.quota
        if self.extra > 0:
            size += 1
            self.extra -= 1
        start = self.next
        self.next = min(start + size, self.partition_count)
        return frozenset(range(start, self.next))


def assign_range(spec: GroupSpec) -> Assignments:
    subscribers: dict[bytes, int] = {}
    for member in spec.members.values():
        for topic_id in member.topic_ids:
            subscribers[topic_id] = subscribers.get(topic_id, 0) + 1
    topics = {topic_id: _Topic(spec.partition_count(topic_id), count) for topic_id, count in subscribers.items()}
    assignments: Assignments = {}
    for member_id in sorted(spec.members, key=lambda each: _place(spec, each)):
        taken = {topic_id: topics[topic_id].take() for topic_id in spec.members[member_id].topic_ids}
        assignments[member_id] = {topic_id: partitions for topic_id, partitions in taken.items() if partitions}
    return assignments


def _place(spec: GroupSpec, member_id: str) -> tuple[bool, str]:
    instance_id = spec.members[member_id].instance_id
    return (True, member_id) if instance_id is None else (False, instance_id)
