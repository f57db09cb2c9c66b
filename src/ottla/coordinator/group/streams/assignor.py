"""The `sticky` assignor of streams groups: tasks stay where they are as long as every member has its share.

```
active   to who had it active ─► to who had it standby ─► to the process with the least load
standby  to who had it active ─► to who had it standby ─► to the process with the least load that has no copy of it
```

The first two steps stop at a member's quota: its share of all active tasks, or of all tasks. Standbys are for stateful
subtopologies, never twice in one process, and fewer than wanted if there are too few processes. Ties are broken as
Apache Kafka breaks them (`iteration_order`). Source: StickyTaskAssignor (KIP-1071).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ottla.coordinator.group.streams.configured_topology import ConfiguredSubtopology
from ottla.coordinator.group.streams.iteration_order import PriorityQueue, hash_order
from ottla.coordinator.group.streams.process_state import ProcessState, TaskId
from ottla.coordinator.group.streams.tasks import NO_TARGET, Tasks, TaskSet


@dataclass(slots=True, frozen=True)
class MemberSpec:
    """`previous`: what it shall have until now."""

    process_id: str
    previous: TaskSet = NO_TARGET


def assign(
    members: Mapping[str, MemberSpec], topology: Mapping[str, ConfiguredSubtopology], standby_replicas: int = 0
) -> dict[str, TaskSet]:
    """By member id. `members` are in Kafka's order (`hash_order`), `topology` is by subtopology id, in order."""
    assignment = _Assignment(members, topology, standby_replicas)
    assignment.give_active()
    if standby_replicas > 0:
        assignment.give_standby()
    return assignment.result()


class _Quota:
    """How many tasks a member may have: members that are full take no part in what is left."""

    def __init__(self, tasks: int, members: int) -> None:
        self._tasks = tasks
        self._members = members
        self.by_member = self._share()

    def taken(self, task_count: int) -> None:
        """A member has this many now."""
        if task_count == self.by_member:
            self._members -= 1
            self._tasks -= task_count
            self.by_member = self._share()

    def _share(self) -> int:
        return -(-self._tasks // self._members) if self._members else 0


class _Assignment:
    def __init__(
        self, members: Mapping[str, MemberSpec], topology: Mapping[str, ConfiguredSubtopology], standby_replicas: int
    ) -> None:
        self._members = members
        self._replicas = standby_replicas
        self._active = _tasks(topology)
        self._stateful = _tasks({each: part for each, part in topology.items() if part.is_stateful})
        self._active_quota = _Quota(len(self._active), len(members))
        self._quota = _Quota(len(self._active) + len(self._stateful) * standby_replicas, len(members))
        self._processes: dict[str, ProcessState] = {}
        self._was_active: dict[TaskId, str] = {}
        self._was_standby: dict[TaskId, list[str]] = {}
        for member_id, member in members.items():
            process = self._processes.setdefault(member.process_id, ProcessState(member.process_id))
            process.add_member(member_id)
            self._was_active.update(dict.fromkeys(_each(member.previous.active), member_id))
            for task in _each(member.previous.standby):
                self._was_standby.setdefault(task, []).append(member_id)

    def result(self) -> dict[str, TaskSet]:
        return {
            member_id: TaskSet(
                _by_subtopology(self._process_of(member_id).active.get(member_id, ())),
                _by_subtopology(self._process_of(member_id).standby.get(member_id, ())),
            )
            for member_id in self._members
        }

    # -- active tasks

    def give_active(self) -> None:
        tasks = sorted(self._active, key=lambda each: (each[1], each[0]))
        left = [task for task in tasks if not self._give_if_below_quota(self._was_active.get(task), task)]
        rest = [
            task
            for task in left
            if not self._give_if_below_quota(self._least_loaded(self._was_standby.get(task), None), task)
        ]
        queue = self._queue()
        for task in sorted(rest):
            process = queue.poll()
            assert process is not None  # there is a member, else there would be nobody to ask
            self._take(process.add_to_least_loaded(task, active=True), active=True)
            queue.add(process)

    def _give_if_below_quota(self, member_id: str | None, task: TaskId) -> bool:
        if member_id is None:
            return False
        process = self._process_of(member_id)
        if process.task_counts[member_id] >= self._active_quota.by_member:
            return False
        self._take(process.add_task(member_id, task, active=True), active=True)
        return True

    # -- standby tasks

    def give_standby(self) -> None:
        left: list[tuple[TaskId, int]] = []
        for task in sorted(self._stateful, key=lambda each: (each[1], each[0]), reverse=True):
            for given in range(self._replicas):
                if not self._give_standby_back(task):
                    left.append((task, self._replicas - given))
                    break
        queue = self._queue()
        for task, wanted in sorted(left, reverse=True):
            for _ in range(wanted):
                if not self._give_standby_to_least_loaded(queue, task):
                    break

    def _give_standby_back(self, task: TaskId) -> bool:
        """To a member that had the task, active or standby."""
        member_id = self._was_active.get(task)
        if member_id is None or self._process_of(member_id).has_task(task) or not self._is_below_quota(member_id):
            member_id = self._least_loaded(self._was_standby.get(task), task)
            if member_id is None or not self._is_below_quota(member_id):
                return False
        self._take(self._process_of(member_id).add_task(member_id, task, active=False), active=False)
        return True

    def _give_standby_to_least_loaded(self, queue: PriorityQueue[ProcessState], task: TaskId) -> bool:
        tried: list[ProcessState] = []
        found = False
        while not found and (process := queue.poll()) is not None:
            tried.append(process)
            if not process.has_task(task):
                self._take(process.add_to_least_loaded(task, active=False), active=False)
                found = True
        for process in reversed(tried):
            queue.add(process)
        return found

    # -- members and processes

    def _process_of(self, member_id: str) -> ProcessState:
        return self._processes[self._members[member_id].process_id]

    def _queue(self) -> PriorityQueue[ProcessState]:
        queue: PriorityQueue[ProcessState] = PriorityQueue(lambda process: process.load)
        for process_id in hash_order(self._processes, max(len(self._members), 1)):
            queue.add(self._processes[process_id])
        return queue

    def _is_below_quota(self, member_id: str) -> bool:
        return self._process_of(member_id).task_counts[member_id] < self._quota.by_member

    def _take(self, task_count: int, *, active: bool) -> None:
        if active:
            self._active_quota.taken(task_count)
        self._quota.taken(task_count)

    def _least_loaded(self, member_ids: list[str] | None, task: TaskId | None) -> str | None:
        """Of those who had a task; with `task`, only if the first one's process does not have it now, as Kafka asks."""
        if not member_ids:
            return None
        candidate = member_ids[0]
        first = process = self._process_of(candidate)
        process_load, member_load = process.load, process.task_counts[candidate]
        for member_id in member_ids[1:]:
            process = self._process_of(member_id)
            load = process.task_counts[member_id]
            if process.load < process_load and load < member_load and not (task is not None and process.has_task(task)):
                candidate, process_load, member_load = member_id, process.load, load
        return candidate if task is None or not first.has_task(task) else None


def _tasks(topology: Mapping[str, ConfiguredSubtopology]) -> list[TaskId]:
    return [(each, index) for each, part in topology.items() for index in range(part.task_count)]


def _each(tasks: Tasks) -> list[TaskId]:
    return [(each, index) for each, indexes in tasks.items() for index in indexes]


def _by_subtopology(tasks: "set[TaskId] | tuple[()]") -> Tasks:
    by_id: dict[str, set[int]] = {}
    for subtopology_id, index in sorted(tasks):
        by_id.setdefault(subtopology_id, set()).add(index)
    return {each: frozenset(indexes) for each, indexes in by_id.items()}
