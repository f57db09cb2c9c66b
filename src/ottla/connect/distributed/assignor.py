"""Who does what: the choices of Kafka Connect's `IncrementalCooperativeAssignor` (KIP-415, KAFKA-12487, KAFKA-14059).

Nobody stops what goes on: what a worker has too much of is revoked in one round and given to another in the next. What
a lost worker had is kept for it, until it comes back or a delay is over. Pure: time is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ottla.connect.distributed.group_protocol import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ottla.connect.store.task_id import TaskId

ResourceT = TypeVar("ResourceT", str, "TaskId")
_BACKOFF_BASE = 40
_BACKOFF_EXPONENT_MAX = 20


@dataclass(slots=True)
class Load:
    """What a worker has after the round."""

    worker: str
    work: Work


@dataclass(frozen=True, slots=True)
class ClusterAssignment:
    """By member: what is new for it, what it gives up, and all that it has then."""

    assigned: dict[str, Work]
    revoked: dict[str, Work]
    all: dict[str, Work]


class IncrementalCooperativeAssignor:
    """What a leader remembers from round to round; one that has just begun to lead remembers nothing."""

    def __init__(self, max_delay_ms: int) -> None:
        self.delay_ms = 0
        """After which the members are to join again, of the last round."""
        self._max_delay_ms = max_delay_ms
        self._previous = Work()
        self._previous_revocation = Work()
        self._revoked_in_previous = False
        self._candidates: dict[str, None] = {}
        self._scheduled_ms = 0
        self._previous_generation = -1
        self._previous_members: set[str] = set()
        self._successive_revocations = 0

    def assign(
        self, configured: Work, members: Mapping[str, Work], *, last_generation: int, generation: int, now_ms: int
    ) -> ClusterAssignment:
        """`members` have what they say they have; `last_generation` is the last that this worker saw completed."""
        if self._previous_generation != last_generation:
            self._previous = Work()  # another led meanwhile
        active = Work()
        for work in members.values():
            active.add(work)
        if self._previous_revocation:
            if self._previous_revocation.within(active):
                self._previous = active.copy()  # somebody has not heard what to give up
            self._previous_revocation = Work()
        deleted = self._previous.without(configured)
        lost = self._previous.without(active, deleted)
        created = configured.without(self._previous, active)
        duplicated = _duplicated(members.values())
        to_revoke = {name: work.within(deleted) for name, work in members.items()}
        for name, work in members.items():
            to_revoke[name].add(work.within(duplicated))
        loads = [Load(name, work.without(to_revoke[name])) for name, work in sorted(members.items())]

        reassigned = self._reassign_lost(lost, loads, now_ms)
        self._balance(configured, loads, to_revoke, now_ms)
        new = created.copy()
        new.add(reassigned)
        _assign(loads, sorted(new.connectors), lambda work: work.connectors)
        _assign(loads, sorted(new.tasks), lambda work: work.tasks)

        current = {name: work.without(deleted) for name, work in members.items()}
        assigned = {load.worker: load.work.without(current[load.worker]) for load in loads}
        revoked = {name: work for name, work in to_revoke.items() if work}
        self._remember(loads, revoked, lost, generation, set(members))
        return ClusterAssignment(assigned, revoked, {load.worker: load.work.copy() for load in loads})

    def _remember(
        self, loads: list[Load], revoked: dict[str, Work], lost: Work, generation: int, members: set[str]
    ) -> None:
        previous = Work()
        for load in loads:
            previous.add(load.work)
        for work in revoked.values():
            previous.remove(work)
            self._previous_revocation.add(work)
        previous.add(lost)
        self._previous = previous
        self._previous_generation = generation
        self._previous_members = members

    # What a lost worker had

    def _reassign_lost(self, lost: Work, loads: list[Load], now_ms: int) -> Work:
        """What is given to others now."""
        if not lost and not self._revoked_in_previous:
            self._reset_delay()
            return Work()
        members = {load.worker for load in loads}
        if (self._scheduled_ms <= 0 and self._previous_members <= members) or self._max_delay_ms == 0:
            return lost  # nobody is gone, somebody has only not heard; or nobody is waited for
        if 0 < self._scheduled_ms <= now_ms:
            given = self._give_to_candidates(lost, loads)
            self._reset_delay()
            self._revoked_in_previous = False
            return given
        self._candidates |= dict.fromkeys(load.worker for load in loads if not load.work)
        if now_ms < self._scheduled_ms:
            self.delay_ms = min(self._scheduled_ms - now_ms, self._max_delay_ms)
        else:
            self.delay_ms = self._max_delay_ms
        self._scheduled_ms = now_ms + self.delay_ms
        return Work()

    def _give_to_candidates(self, lost: Work, loads: list[Load]) -> Work:
        """To those who came while it was waited for, in turn: the lost one may be among them. The rest is for all."""
        candidates = [load for name in self._candidates for load in loads if load.worker == name]
        if not candidates:
            return lost
        for place, connector in enumerate(sorted(lost.connectors)):
            candidates[place % len(candidates)].work.connectors[connector] = None
        for place, task in enumerate(sorted(lost.tasks)):
            candidates[place % len(candidates)].work.tasks[task] = None
        return Work()

    def _reset_delay(self) -> None:
        self._candidates.clear()
        self._scheduled_ms = 0
        self.delay_ms = 0

    # What some have too much of

    def _balance(self, configured: Work, loads: list[Load], to_revoke: dict[str, Work], now_ms: int) -> None:
        if self.delay_ms:
            self._revoked_in_previous = False
            return
        surplus = _surplus(configured, loads)
        if not surplus:
            self._revoked_in_previous = False
            self._successive_revocations = 0
            return
        if self._revoked_in_previous:
            self._successive_revocations += 1
            self.delay_ms = self._revocation_backoff_ms()
            if self.delay_ms:
                self._scheduled_ms = now_ms + self.delay_ms
                return
        self._revoked_in_previous = True
        for load in loads:
            if load.worker in surplus:
                to_revoke[load.worker].add(surplus[load.worker])
                load.work.remove(surplus[load.worker])

    def _revocation_backoff_ms(self) -> int:
        """Of rounds in a row that revoke: 40 ms, 1.6 s … as long as a lost worker is waited for."""
        exponent = min(self._successive_revocations, _BACKOFF_EXPONENT_MAX)
        return 0 if self._max_delay_ms == 0 else min(_BACKOFF_BASE**exponent, self._max_delay_ms)


def _duplicated(works: Iterable[Work]) -> Work:
    seen, twice = Work(), Work()
    for work in works:
        twice.add(work.within(seen))
        seen.add(work)
    return twice


def _surplus(configured: Work, loads: list[Load]) -> dict[str, Work]:
    if not configured or not any(load.work for load in loads):
        return {}
    surplus: dict[str, Work] = {}
    connectors = _too_many(len(configured.connectors), [(load.worker, list(load.work.connectors)) for load in loads])
    tasks = _too_many(len(configured.tasks), [(load.worker, list(load.work.tasks)) for load in loads])
    for worker, extra in connectors.items():
        surplus.setdefault(worker, Work()).add(Work.of(connectors=extra))
    for worker, extra_tasks in tasks.items():
        surplus.setdefault(worker, Work()).add(Work.of(tasks=extra_tasks))
    return surplus


def _too_many(total: int, allocations: list[tuple[str, list[ResourceT]]]) -> dict[str, list[ResourceT]]:
    """What each has more than its share of: as many, or one more, as everybody."""
    least, with_extra = divmod(total, len(allocations))
    sizes = [len(allocation) for _, allocation in allocations]
    if sizes.count(least + 1) == with_extra and sizes.count(least) + sizes.count(least + 1) == len(sizes):
        return {}
    found: dict[str, list[ResourceT]] = {}
    extras = 0
    for worker, allocation in allocations:
        if len(allocation) <= least:
            continue
        most = least
        if extras < with_extra:
            extras += 1
            most += 1
        if len(allocation) > most:
            found[worker] = allocation[: len(allocation) - most]
    return found


def _assign(loads: list[Load], resources: list[ResourceT], part: Callable[[Work], dict[ResourceT, None]]) -> None:
    """Always to those that have the least, in turn."""
    loads.sort(key=lambda load: len(part(load.work)))
    waiting = iter(resources)
    while True:
        least = len(part(loads[0].work))
        upto = next((place for place, load in enumerate(loads) if len(part(load.work)) > least), len(loads))
        for load in loads[:upto]:
            resource = next(waiting, None)
            if resource is None:
                return
            part(load.work)[resource] = None
