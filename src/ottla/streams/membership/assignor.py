"""Who runs which task in a classic group: sticky, balanced, and never far from its state (KIP-441).

    1  a task with state goes to a process that is caught up with it, the one that runs it before all others
    2  where balance wants it on a process that is not, that one gets a warm-up, as long as there are warm-ups left
    3  standbys go to other processes, those that have state of it first
    4  tasks without state fill up what is least loaded, their last owner first
    5  within a process, tasks stay with their threads

A task that another member still runs is not given away yet: it is free once that member has joined again without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.streams.membership.assignment import Assignment, TaskId
from ottla.streams.membership.classic_metadata import CAUGHT_UP, MemberData

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class AssignorSettings:
    standby_replicas: int = 0
    acceptable_recovery_lag: int = 10_000
    max_warmup_replicas: int = 2


@dataclass(slots=True)
class _Process:
    name: str
    members: list[str]
    previous: set[TaskId] = field(default_factory=set)
    copies_before: set[TaskId] = field(default_factory=set)
    lags: dict[TaskId, int] = field(default_factory=dict)
    active: set[TaskId] = field(default_factory=set)
    standby: set[TaskId] = field(default_factory=set)
    warmup: set[TaskId] = field(default_factory=set)

    @property
    def load(self) -> float:
        return len(self.active) / len(self.members)

    @property
    def whole_load(self) -> float:
        return (len(self.active) + len(self.standby) + len(self.warmup)) / len(self.members)

    def has(self, task: TaskId) -> bool:
        return task in self.active or task in self.standby or task in self.warmup


@dataclass(frozen=True, slots=True)
class Plan:
    assignments: Mapping[str, Assignment]
    is_stable: bool
    """No warm-ups: nothing will change while the members stay the same."""


def assign_tasks(
    tasks: Mapping[TaskId, bool],
    members: Mapping[str, MemberData],
    settings: AssignorSettings,
    end_offsets: Mapping[TaskId, int],
) -> Plan:
    """`tasks` says of each whether it has state that is logged; `end_offsets` are the sums of its changelogs' ends."""
    processes = _processes(tasks, members, end_offsets)
    stateful = sorted(task for task, has_state in tasks.items() if has_state)
    _assign_stateful(stateful, processes, settings)
    _assign_standbys(stateful, processes, settings.standby_replicas)
    _assign_stateless(sorted(task for task, has_state in tasks.items() if not has_state), processes)
    assignments: dict[str, Assignment] = {}
    for process in processes:
        assignments |= _to_members(process, members)
    is_stable = not any(process.warmup for process in processes)
    return Plan(_withhold(assignments, members, tasks), is_stable)


def _processes(
    tasks: Mapping[TaskId, bool], members: Mapping[str, MemberData], end_offsets: Mapping[TaskId, int]
) -> list[_Process]:
    found: dict[str, _Process] = {}
    for name, data in sorted(members.items()):
        process = found.setdefault(data.process_id, _Process(data.process_id, []))
        process.members.append(name)
        process.previous |= data.owned.active & tasks.keys()
        process.copies_before |= data.owned.copies & tasks.keys()
        for task, offset in data.offsets.items():
            lag = 0 if offset == CAUGHT_UP else max(0, end_offsets.get(task, 0) - offset)
            process.lags[task] = min(lag, process.lags.get(task, lag))
        process.lags |= dict.fromkeys(data.owned.active, 0)
    return [found[name] for name in sorted(found)]


def _assign_stateful(tasks: list[TaskId], processes: list[_Process], settings: AssignorSettings) -> None:
    wanted = _balanced(tasks, processes)
    warmups = settings.max_warmup_replicas
    for task in tasks:
        ready = [each for each in processes if _caught_up(each, task, settings.acceptable_recovery_lag)]
        target = wanted[task]
        if not ready or target in ready:
            if not ready and (nearest := _nearest(task, processes)) is not None:
                target = nearest
            target.active.add(task)
            continue
        holder = min(ready, key=lambda each: (task not in each.previous, each.load, each.name))
        holder.active.add(task)
        if warmups > 0:
            target.warmup.add(task)
            warmups -= 1


def _caught_up(process: _Process, task: TaskId, acceptable_lag: int) -> bool:
    lag = process.lags.get(task)
    return lag is not None and lag <= acceptable_lag


def _nearest(task: TaskId, processes: list[_Process]) -> _Process | None:
    """Where nobody is caught up: whoever lacks least."""
    some = [each for each in processes if task in each.lags]
    return min(some, key=lambda each: (each.lags[task], each.load, each.name)) if some else None


def _balanced(tasks: list[TaskId], processes: list[_Process]) -> dict[TaskId, _Process]:
    """Where each would best be if its state did not matter: as many on each thread, with as few moves as can be."""
    threads = sum(len(each.members) for each in processes)
    share = {each.name: len(tasks) * len(each.members) / threads for each in processes}
    counts = dict.fromkeys(share, 0)
    wanted: dict[TaskId, _Process] = {}
    spare = len(tasks) - sum(math.floor(each) for each in share.values())
    for before in ("previous", "copies_before"):
        for task in tasks:
            if task in wanted:
                continue
            for process in processes:
                full = math.floor(share[process.name])
                if task not in getattr(process, before) or counts[process.name] > full:
                    continue
                if counts[process.name] == full:
                    if spare <= 0 or full == share[process.name]:
                        continue
                    spare -= 1
                wanted[task] = process
                counts[process.name] += 1
                break
    for task in tasks:
        if task not in wanted:
            process = min(processes, key=lambda each: (counts[each.name] / len(each.members), each.name))
            wanted[task] = process
            counts[process.name] += 1
    return wanted


def _assign_standbys(tasks: list[TaskId], processes: list[_Process], replicas: int) -> None:
    for task in tasks:
        for _ in range(replicas):
            free = [each for each in processes if not each.has(task)]
            if not free:
                break
            process = min(
                free,
                key=lambda each: (
                    task not in each.previous and task not in each.copies_before,
                    task not in each.lags,
                    each.whole_load,
                    each.name,
                ),
            )
            if len(free) > 1 and process.whole_load >= _mean_load(processes) + 1:
                process = min(free, key=lambda each: (each.whole_load, each.name))
            process.standby.add(task)


def _mean_load(processes: list[_Process]) -> float:
    return sum(each.whole_load for each in processes) / len(processes)


def _assign_stateless(tasks: list[TaskId], processes: list[_Process]) -> None:
    total = len(tasks) + sum(len(each.active) for each in processes)
    threads = sum(len(each.members) for each in processes)
    rest = []
    for task in tasks:
        owner = next((each for each in processes if task in each.previous), None)
        if owner is not None and len(owner.active) < math.ceil(total * len(owner.members) / threads):
            owner.active.add(task)
        else:
            rest.append(task)
    for task in rest:
        min(processes, key=lambda each: (each.load, each.name)).active.add(task)


def _to_members(process: _Process, members: Mapping[str, MemberData]) -> dict[str, Assignment]:
    active = _spread(process.active, process.members, {each: members[each].owned.active for each in process.members})
    copies = {each: members[each].owned.copies for each in process.members}
    standby = _spread(process.standby, process.members, copies)
    warmup = _spread(process.warmup, process.members, copies)
    return {
        each: Assignment(frozenset(active[each]), frozenset(standby[each]), frozenset(warmup[each]))
        for each in process.members
    }


def _spread(
    tasks: Iterable[TaskId], names: list[str], before: Mapping[str, frozenset[TaskId]]
) -> dict[str, set[TaskId]]:
    ordered = sorted(tasks)
    most = math.ceil(len(ordered) / len(names))
    given: dict[str, set[TaskId]] = {name: set() for name in names}
    rest = []
    for task in ordered:
        owner = next((name for name in names if task in before[name]), None)
        if owner is not None and len(given[owner]) < most:
            given[owner].add(task)
        else:
            rest.append(task)
    for task in rest:
        given[min(names, key=lambda name: (len(given[name]), name))].add(task)
    return given


def _withhold(
    assignments: dict[str, Assignment], members: Mapping[str, MemberData], tasks: Mapping[TaskId, bool]
) -> dict[str, Assignment]:
    """Until its owner has given it up, the next one keeps a copy of it."""
    owners = {task: name for name, data in members.items() for task in data.owned.active}
    found: dict[str, Assignment] = {}
    for name, each in assignments.items():
        held = frozenset(task for task in each.active if owners.get(task, name) != name)
        copies = frozenset(task for task in held if tasks[task] and _elsewhere(owners[task], name, members))
        found[name] = Assignment(each.active - held, each.standby, each.warmup | copies)
    return found


def _elsewhere(owner: str, name: str, members: Mapping[str, MemberData]) -> bool:
    return members[owner].process_id != members[name].process_id
