"""A proposal of where replicas are to be: on these brokers, evenly, over as many racks as there are, moving the fewest.

Pure. In this order: replicas on these brokers stay; what is missing goes to the broker with the fewest, in a rack that
the partition has least of; racks that have two more than another give one away; then brokers with more than others give
replicas away, first those that are on the move in any case; at last partitions change who is their first replica, until
brokers are first equally often (which moves nothing).
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence

from ottla.clients.consumer import TopicPartition
from ottla.console.operations.partition_files import Assignment

Replicas = tuple[int, ...]


class PlanError(Exception):
    """What is asked for cannot be; the text says why."""


def propose(
    current: Mapping[TopicPartition, Replicas],
    brokers: Sequence[int],
    *,
    racks: Mapping[int, str | None] | None = None,
    replication_factor: int | None = None,
) -> list[Assignment]:
    """For each partition, in order. `racks` of `None`: they do not matter. Raises `PlanError`."""
    plan = _Plan(current, list(dict.fromkeys(brokers)), racks, replication_factor)
    plan.keep()
    plan.fill()
    plan.spread()
    plan.level()
    plan.level_first()
    return [Assignment(where.topic, where.partition, tuple(plan.replicas[where])) for where in sorted(current)]


class _Plan:
    def __init__(
        self,
        current: Mapping[TopicPartition, Replicas],
        brokers: list[int],
        racks: Mapping[int, str | None] | None,
        replication_factor: int | None,
    ) -> None:
        if not brokers:
            raise PlanError("there is no broker to move to")
        without = [broker for broker in brokers if racks is not None and racks.get(broker) is None]
        if without and len(without) < len(brokers):
            raise PlanError(f"some brokers have a rack, and others have none: {', '.join(map(str, without))}")
        self._current = current
        self._brokers = brokers
        self._rack = {broker: (racks or {}).get(broker) or f"broker {broker}" for broker in brokers}
        self._factor = {where: replication_factor or len(replicas) for where, replicas in current.items()}
        largest = max(self._factor.values(), default=0)
        if largest > len(brokers):
            raise PlanError(f"{largest} replicas need as many brokers, and there are {len(brokers)}")
        self.replicas: dict[TopicPartition, list[int]] = {where: [] for where in sorted(current)}
        self._load = Counter(dict.fromkeys(brokers, 0))
        self._topic_load: Counter[tuple[str, int]] = Counter()
        self._taken: dict[TopicPartition, Counter[str]] = {where: Counter() for where in current}
        # By broker: the partitions that it holds, and those of them that it does not hold yet.
        self._on: dict[int, dict[TopicPartition, None]] = {broker: {} for broker in brokers}
        self._came: dict[int, dict[TopicPartition, None]] = {broker: {} for broker in brokers}

    def keep(self) -> None:
        """Replicas on these brokers stay, the first first."""
        for where, replicas in self.replicas.items():
            for broker in self._current[where]:
                if broker in self._on and len(replicas) < self._factor[where]:
                    self._add(where, broker, len(replicas))

    def fill(self) -> None:
        for where, replicas in self.replicas.items():
            before = self._current[where]
            while len(replicas) < self._factor[where]:
                # Who comes takes the place of who leaves.
                place = next((at for at, broker in enumerate(before) if broker not in replicas), len(replicas))
                broker = self._emptiest(where)
                assert broker is not None, "there are as many brokers as replicas"
                self._add(where, broker, min(place, len(replicas)))

    def spread(self) -> None:
        """Over racks: none has two more than one that has a broker left."""
        for where, replicas in self.replicas.items():
            while True:
                taken = self._taken[where]
                to = self._emptiest(where)
                if to is None:
                    break
                fullest = max(replicas, key=lambda broker: (taken[self._rack[broker]], self._load[broker]))
                if taken[self._rack[fullest]] - taken[self._rack[to]] < 2:
                    break
                self._replace(where, fullest, to)

    def level(self) -> None:
        """Move replicas from the fullest broker that can give one to the emptiest that can take it."""
        while self._level_once():
            pass

    def level_first(self) -> None:
        first = Counter(dict.fromkeys(self._brokers, 0))
        first.update(replicas[0] for replicas in self.replicas.values())
        for broker in sorted(self._brokers, key=lambda each: -first[each]):
            while path := self._path_of_firsts(broker, first):
                for where, to in path:
                    replicas = self.replicas[where]
                    first[replicas[0]] -= 1
                    first[to] += 1
                    replicas.remove(to)
                    replicas.insert(0, to)

    def _level_once(self) -> bool:
        order = sorted(self._brokers, key=lambda broker: (self._load[broker], broker))
        for full in reversed(order):
            for empty in order:
                if self._load[full] - self._load[empty] < 2:
                    break
                where = self._movable(full, empty)
                if where is not None:
                    self._replace(where, full, empty)
                    return True
        return False

    def _movable(self, full: int, empty: int) -> TopicPartition | None:
        """A partition that can go from one to the other; one that `full` has not yet is moved for nothing."""
        racks = self._rack[full], self._rack[empty]
        for partitions in (self._came[full], self._on[full]):
            for where in partitions:
                taken = self._taken[where]
                if where not in self._on[empty] and (racks[0] == racks[1] or taken[racks[1]] < taken[racks[0]]):
                    return where
        return None

    def _path_of_firsts(self, start: int, first: Counter[int]) -> list[tuple[TopicPartition, int]]:
        """Partitions, each with its new first replica: after all, `start` is first once less, another once more."""
        came: dict[int, tuple[int, TopicPartition]] = {}
        leads: dict[int, list[TopicPartition]] = {broker: [] for broker in self._brokers}
        for where, replicas in self.replicas.items():
            leads[replicas[0]].append(where)
        queue = deque([start])
        while queue:
            broker = queue.popleft()
            if first[start] - first[broker] >= 2:
                path: list[tuple[TopicPartition, int]] = []
                while broker != start:
                    before, where = came[broker]
                    path.append((where, broker))
                    broker = before
                return path
            for where in leads[broker]:
                for other in self.replicas[where][1:]:
                    if other != start and other not in came:
                        came[other] = (broker, where)
                        queue.append(other)
        return []

    def _emptiest(self, where: TopicPartition) -> int | None:
        """The best broker that the partition is not on."""
        replicas = self.replicas[where]
        taken = self._taken[where]
        return min(
            (broker for broker in self._brokers if broker not in replicas),
            key=lambda broker: (
                taken[self._rack[broker]],
                self._load[broker],
                self._topic_load[where.topic, broker],
                broker,
            ),
            default=None,
        )

    def _add(self, where: TopicPartition, broker: int, place: int) -> None:
        self.replicas[where].insert(place, broker)
        self._taken[where][self._rack[broker]] += 1
        self._on[broker][where] = None
        if broker not in self._current[where]:
            self._came[broker][where] = None
        self._load[broker] += 1
        self._topic_load[where.topic, broker] += 1

    def _replace(self, where: TopicPartition, broker: int, by: int) -> None:
        place = self.replicas[where].index(broker)
        self.replicas[where].remove(broker)
        self._add(where, by, place)
        self._taken[where][self._rack[broker]] -= 1
        del self._on[broker][where]
        self._came[broker].pop(where, None)
        self._load[broker] -= 1
        self._topic_load[where.topic, broker] -= 1
