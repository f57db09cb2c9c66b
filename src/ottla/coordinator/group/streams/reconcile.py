"""How a member gets from the tasks it has to its target: give up first, take what is free, wait for the rest.

```
                    has to give something up           a task is not free yet
  STABLE ───────► UNREVOKED_TASKS ────────────┐  ┌───► UNRELEASED_TASKS ───────┐
    ▲  keeps its epoch until it no longer     │  │ takes the target's epoch,   │ each heartbeat takes
    │  reports what it gave up                ▼  │ and what is free            │ what has become free
    └────────────────── everything is there: the target's epoch ◄─────────────┘
```

An active task is free when no process has it active, and the member's own process has no copy of it; a standby or
warm-up is free when the member's own process has the task in no form: one state directory, one user of a task's state.
Source: CurrentAssignmentBuilder of Apache Kafka 4.3.1.
"""

from collections.abc import Callable
from dataclasses import replace

from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import (
    STABLE,
    UNRELEASED_TASKS,
    UNREVOKED_TASKS,
    MemberState,
    StreamsGroupMember,
)
from ottla.coordinator.group.streams.target import Target
from ottla.coordinator.group.streams.tasks import NO_TASKS, OwnedTasks, Tasks, TaskSet, TasksWithEpochs
from ottla.protocol.errors import ErrorCode, KafkaError

IsHeld = Callable[[str, int], bool]


def next_step(
    group: StreamsGroup, member: StreamsGroupMember, target: Target, reported: TaskSet | None
) -> StreamsGroupMember:
    """The member after this step; unchanged if there is nothing to do. `reported`: what it says it has, if it does."""
    step = _Step(group, member, target, reported)
    if member.state is STABLE:
        return member if member.member_epoch == target.epoch else step.towards_target(member.member_epoch)
    if member.state is UNREVOKED_TASKS:
        if reported is None or reported.has_any_of(member.pending_revocation):
            return member
        return step.towards_target(member.member_epoch + 1)
    if member.state is UNRELEASED_TASKS:
        return step.towards_target(member.member_epoch)
    # A state of a later version: only a member that has nothing can be led on from there.
    if reported is None or not reported.is_empty:
        message = "The member is in an unknown state; it must give up its tasks and rejoin."
        raise KafkaError(ErrorCode.FENCED_MEMBER_EPOCH, message)
    return step.towards_target(target.epoch)


class _Step:
    def __init__(
        self, group: StreamsGroup, member: StreamsGroupMember, target: Target, reported: TaskSet | None
    ) -> None:
        self._group = group
        self._member = member
        self._target = target
        self._reported = reported

    def towards_target(self, member_epoch: int) -> StreamsGroupMember:
        """`member_epoch`: the epoch it has while it still must give something up."""
        has, wanted = self._member.assigned, self._target.tasks
        active = _active_difference(has.active, wanted.active, self._target.epoch, self._is_active_held)
        standby = _difference(has.standby, wanted.standby, self._is_copy_held)
        warmup = _difference(has.warmup, wanted.warmup, self._is_copy_held)
        kept = OwnedTasks(active.kept, standby.kept, warmup.kept)
        revoked = OwnedTasks(active.revoked, standby.revoked, warmup.revoked)
        if not revoked.is_empty and (self._reported is None or self._reported.has_any_of(revoked)):
            return self._at(member_epoch, UNREVOKED_TASKS, kept, revoked)
        taken = OwnedTasks(active.taken, standby.taken, warmup.taken)
        waits = active.waits or standby.waits or warmup.waits
        return self._at(self._target.epoch, UNRELEASED_TASKS if waits else STABLE, kept.with_more(taken), NO_TASKS)

    def _is_active_held(self, subtopology_id: str, partition: int) -> bool:
        if self._group.active_process(subtopology_id, partition) is not None:
            return True
        return self._group.has_copy(subtopology_id, partition, self._member.process_id)

    def _is_copy_held(self, subtopology_id: str, partition: int) -> bool:
        process_id = self._member.process_id
        if self._group.active_process(subtopology_id, partition) == process_id:
            return True
        return self._group.has_copy(subtopology_id, partition, process_id)

    def _at(
        self, epoch: int, state: MemberState, assigned: OwnedTasks, pending_revocation: OwnedTasks
    ) -> StreamsGroupMember:
        return replace(
            self._member,
            member_epoch=epoch,
            previous_member_epoch=self._member.member_epoch,
            state=state,
            assigned=assigned,
            pending_revocation=pending_revocation,
        )


class _ActiveDifference:
    """What is kept, given up, taken, with epochs; whether something wanted is another's."""

    __slots__ = ("kept", "revoked", "taken", "waits")

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, int]] = {}
        self.revoked: dict[str, dict[int, int]] = {}
        self.taken: dict[str, dict[int, int]] = {}
        self.waits = False


class _Difference:
    """The same, of standbys or warm-ups."""

    __slots__ = ("kept", "revoked", "taken", "waits")

    def __init__(self) -> None:
        self.kept: dict[str, frozenset[int]] = {}
        self.revoked: dict[str, frozenset[int]] = {}
        self.taken: dict[str, frozenset[int]] = {}
        self.waits = False


def _active_difference(has: TasksWithEpochs, wanted: Tasks, epoch: int, is_held: IsHeld) -> _ActiveDifference:
    result = _ActiveDifference()
    for each in dict.fromkeys([*wanted, *has]):
        shall, owned = wanted.get(each, frozenset[int]()), has.get(each, {})
        for index, since in owned.items():
            (result.kept if index in shall else result.revoked).setdefault(each, {})[index] = since
        for index in shall - owned.keys():
            if is_held(each, index):
                result.waits = True
            else:
                result.taken.setdefault(each, {})[index] = epoch
    return result


def _difference(has: Tasks, wanted: Tasks, is_held: IsHeld) -> _Difference:
    result = _Difference()
    for each in dict.fromkeys([*wanted, *has]):
        shall, owned = wanted.get(each, frozenset[int]()), has.get(each, frozenset[int]())
        if owned & shall:
            result.kept[each] = owned & shall
        if owned - shall:
            result.revoked[each] = owned - shall
        held = frozenset(index for index in shall - owned if is_held(each, index))
        result.waits = result.waits or bool(held)
        if shall - owned - held:
            result.taken[each] = shall - owned - held
    return result
