"""Tasks, and what a member is given: which it runs, which it keeps copies of, and who has the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.record import TopicPartition


class TaskId(NamedTuple):
    """`0_3` is partition 3 of sub-topology 0."""

    sub_topology: int
    partition: int

    def __str__(self) -> str:
        return f"{self.sub_topology}_{self.partition}"

    @classmethod
    def parse(cls, text: str) -> TaskId:
        sub_topology, _, partition = text.partition("_")
        return cls(int(sub_topology), int(partition))


class HostInfo(NamedTuple):
    """Where an instance answers queries (`application.server`)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class HostPartitions:
    """What an instance reads as its own, and of what it has copies."""

    active: frozenset[TopicPartition] = frozenset()
    standby: frozenset[TopicPartition] = frozenset()


@dataclass(frozen=True, slots=True)
class Assignment:
    """A warm-up is a standby that is to become active once it has caught up."""

    active: frozenset[TaskId] = frozenset()
    standby: frozenset[TaskId] = frozenset()
    warmup: frozenset[TaskId] = frozenset()
    is_group_ready: bool = True

    @property
    def copies(self) -> frozenset[TaskId]:
        return self.standby | self.warmup

    def same_tasks(self, other: Assignment) -> bool:
        return (self.active, self.standby, self.warmup) == (other.active, other.standby, other.warmup)


NOTHING = Assignment()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a member tells of itself for as long as it lives."""

    process_id: str
    rebalance_timeout_ms: int
    endpoint: HostInfo | None = None
    rack_id: str | None = None
    client_tags: Mapping[str, str] = field(default_factory=dict)
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Duty of the thread: give up what is not in the assignment (committing first), take up what is new."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class LoseAll:
    """Duty of the thread: close every task without committing; another member may run them already."""

    reason: str


Duty = Reconcile | LoseAll


def by_sub_topology(tasks: Iterable[TaskId]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for task in sorted(tasks):
        found.setdefault(task.sub_topology, []).append(task.partition)
    return found
