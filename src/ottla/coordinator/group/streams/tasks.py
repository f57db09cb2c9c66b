"""Tasks: a subtopology of the application on one partition of its inputs. Values; never changed.

An *active* task processes, a *standby* keeps a copy of its state, a *warm-up* makes one (not assigned by Kafka 4.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Tasks: TypeAlias = Mapping[str, frozenset[int]]
"""Subtopology id -> partitions; a subtopology without partitions is not in it, but where a client has said so."""

TasksWithEpochs: TypeAlias = Mapping[str, Mapping[int, int]]
"""Subtopology id -> partition -> the assignment epoch in which the member got the task (KIP-1251)."""


@dataclass(slots=True, frozen=True)
class TaskSet:
    """What a member shall have, or says that it has."""

    active: Tasks = field(default_factory=dict)
    standby: Tasks = field(default_factory=dict)
    warmup: Tasks = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.active or self.standby or self.warmup)

    def has_any_of(self, other: "OwnedTasks") -> bool:
        return (
            any(not indexes.isdisjoint(other.active.get(each, ())) for each, indexes in self.active.items())
            or _overlap(self.standby, other.standby)
            or _overlap(self.warmup, other.warmup)
        )


@dataclass(slots=True, frozen=True)
class OwnedTasks:
    """What a member has, or has still to give up."""

    active: TasksWithEpochs = field(default_factory=dict)
    standby: Tasks = field(default_factory=dict)
    warmup: Tasks = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.active or self.standby or self.warmup)

    def with_more(self, more: "OwnedTasks") -> "OwnedTasks":
        active = {each: dict(epochs) for each, epochs in self.active.items()}
        for each, epochs in more.active.items():
            active.setdefault(each, {}).update(epochs)
        return OwnedTasks(active, _union(self.standby, more.standby), _union(self.warmup, more.warmup))


NO_TARGET = TaskSet()
NO_TASKS = OwnedTasks()


def _overlap(one: Tasks, other: Tasks) -> bool:
    return any(not indexes.isdisjoint(other.get(each, ())) for each, indexes in one.items())


def _union(one: Tasks, other: Tasks) -> Tasks:
    result = dict(one)
    for each, indexes in other.items():
        result[each] = result.get(each, frozenset()) | indexes
    return result
