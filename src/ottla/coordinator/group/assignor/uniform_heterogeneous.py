"""The `uniform` assignor for a group whose members subscribe to different topics.

Everybody keeps what it has and still subscribes to. What is free goes, topic by topic, to the subscriber with fewest
partitions; topics with most partitions a subscriber come first, for they leave least choice. Then partitions move from
the subscriber with most to the one with fewest, topic by topic, until a whole round moves nothing or `MAX_ROUNDS` are
over. Source: UniformHeterogeneousAssignmentBuilder.
"""

from collections.abc import Iterable

from ottla.coordinator.group.assignor.spec import Assignments, GroupSpec

MAX_ROUNDS = 16
_NOBODY = -1


def assign_heterogeneous(spec: GroupSpec) -> Assignments:
    return _Builder(spec).build()


class _Builder:
    """Members are numbered in the order of the spec."""

    def __init__(self, spec: GroupSpec) -> None:
        self._spec = spec
        self._members = list(spec.members.values())
        self._sizes = [0] * len(self._members)
        self._subscribers: dict[bytes, list[int]] = {}
        for number, member in enumerate(self._members):
            for topic_id in member.topic_ids:
                self._subscribers.setdefault(topic_id, []).append(number)
        self._owners = {topic_id: [_NOBODY] * spec.partition_count(topic_id) for topic_id in self._subscribers}

    def build(self) -> Assignments:
        self._keep()
        for topic_id in self._ordered(self._owners):
            free = [index for index, owner in enumerate(self._owners[topic_id]) if owner == _NOBODY]
            if free:
                balancer = _Balancer(self._sizes, self._subscribers[topic_id])
                for index in free:
                    self._give(topic_id, index, balancer.next_least_loaded())
        self._balance()
        owned: list[dict[bytes, set[int]]] = [{} for _ in self._members]
        for topic_id, owners in self._owners.items():
            for index, owner in enumerate(owners):
                owned[owner].setdefault(topic_id, set()).add(index)
        return {
            member_id: {topic_id: frozenset(indexes) for topic_id, indexes in owned[number].items()}
            for number, member_id in enumerate(self._spec.members)
        }

    def _keep(self) -> None:
        for number, member in enumerate(self._members):
            subscribed = frozenset(member.topic_ids)
            for topic_id, indexes in member.assignment.items():
                if topic_id in subscribed:
                    self._sizes[number] += len(indexes)
                    for index in indexes:
                        self._owners[topic_id][index] = number

    def _give(self, topic_id: bytes, index: int, number: int) -> None:
        owners = self._owners[topic_id]
        if owners[index] != _NOBODY:
            self._sizes[owners[index]] -= 1
        owners[index] = number
        self._sizes[number] += 1

    def _ordered(self, topic_ids: Iterable[bytes]) -> list[bytes]:
        def place(topic_id: bytes) -> tuple[float, int, bytes]:
            subscribers = len(self._subscribers[topic_id])
            return -len(self._owners[topic_id]) / subscribers, subscribers, topic_id

        return sorted(topic_ids, key=place)

    # -- moving partitions

    def _balance(self) -> None:
        topic_ids = self._ordered(each for each, members in self._subscribers.items() if len(members) > 1)
        last_moved: int | None = None
        for _ in range(MAX_ROUNDS):
            for position, topic_id in enumerate(topic_ids):
                if position == last_moved:
                    return
                if self._balance_topic(topic_id) or last_moved is None:
                    last_moved = position

    def _balance_topic(self, topic_id: bytes) -> int:
        """Move partitions of one topic; returns how many."""
        balancer = _Balancer(self._sizes, self._subscribers[topic_id])
        if balancer.imbalance <= 1:
            return 0
        movable: dict[int, list[int]] = {}
        for index, owner in enumerate(self._owners[topic_id]):
            movable.setdefault(owner, []).append(index)
        moved = 0
        while not balancer.is_balanced():
            most = balancer.next_most_loaded()
            while most is not None and not movable.get(most):
                balancer.exclude_most_loaded()
                most = balancer.next_most_loaded()
            if most is None:
                break
            index = movable[most].pop()
            least = balancer.next_least_loaded()
            if balancer.is_balanced():
                break
            self._give(topic_id, index, least)
            moved += 1
        return moved


class _Balancer:
    """Walks a topic's subscribers from both ends of their load, each end growing level by level.

    `sizes` are live: they change as partitions are given away. Levels at the low end are filled from their first member
    on, at the high end from their last.
    """

    def __init__(self, sizes: list[int], members: list[int]) -> None:
        self._order = sorted(members, key=lambda number: (sizes[number], number))
        self._sizes = sizes
        self._low_end = 0
        self._low = self._sizes[self._order[0]] - 1
        self._next_low = 0
        self._high_start = self._high_end = len(self._order)
        self._high = self._sizes[self._order[-1]] + 1
        self._next_high = len(self._order) - 1
        self.imbalance = self._sizes[self._order[-1]] - self._sizes[self._order[0]]

    def is_balanced(self) -> bool:
        """Changes as the two ends come together."""
        return self._high - self._low <= 1

    def next_least_loaded(self) -> int:
        if self._next_low >= self._low_end:
            self._low += 1
            while self._low_end < len(self._order) and self._sizes[self._order[self._low_end]] == self._low:
                self._low_end += 1
            self._next_low = 0
        number = self._order[self._next_low]
        self._next_low += 1
        return number

    def next_most_loaded(self) -> int | None:
        if self._next_high < self._high_start:
            if self._high_end <= self._high_start and self._high_start > 0:
                self._high = self._sizes[self._order[self._high_start - 1]]
            else:
                self._high -= 1
            while self._high_start > 0 and self._sizes[self._order[self._high_start - 1]] == self._high:
                self._high_start -= 1
            self._next_high = self._high_end - 1
        if self._next_high < 0:
            return None
        number = self._order[self._next_high]
        self._next_high -= 1
        return number

    def exclude_most_loaded(self) -> None:
        """The member that was named last has nothing to give."""
        at, last = self._next_high + 1, self._high_end - 1
        self._order[at], self._order[last] = self._order[last], self._order[at]
        self._high_end -= 1
