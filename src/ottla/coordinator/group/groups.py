"""All classic groups of one coordinator, and what the transitions need besides: time, timers, ids, bounds."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.config import GroupCoordinatorConfig
from ottla.coordinator.result import CoordinatorTimers, TimerKey
from ottla.runtime.time import Clock


@dataclass(slots=True)
class Groups:
    """`new_uuid` returns the text of a fresh UUID; member ids end in it."""

    config: GroupCoordinatorConfig
    clock: Clock
    timers: CoordinatorTimers
    new_uuid: Callable[[], str]
    by_id: dict[str, ClassicGroup] = field(default_factory=dict)

    def get(self, group_id: str) -> ClassicGroup | None:
        return self.by_id.get(group_id)

    def get_or_create(self, group_id: str) -> ClassicGroup:
        group = self.by_id.get(group_id)
        if group is None:
            group = self.by_id[group_id] = ClassicGroup(group_id, state_timestamp_ms=self.clock.now_ms())
        return group

    def remove(self, group_id: str) -> None:
        """Forget a group and what is scheduled for it."""
        group = self.by_id.pop(group_id, None)
        if group is None:
            return
        self.timers.cancel(join_timer(group_id))
        self.timers.cancel(sync_timer(group_id))
        for member_id in [*group.members, *group.pending_join_members]:
            self.timers.cancel(heartbeat_timer(group_id, member_id))


def heartbeat_timer(group_id: str, member_id: str) -> TimerKey:
    return ("heartbeat", group_id, member_id)


def join_timer(group_id: str) -> TimerKey:
    return ("join", group_id)


def sync_timer(group_id: str) -> TimerKey:
    return ("sync", group_id)
