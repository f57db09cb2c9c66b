"""All groups of one coordinator, and what the transitions need besides: time, timers, ids, bounds, metadata."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.metadata_hash import TopicHashes
from ottla.coordinator.uncommitted import Uncommitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.coordinator.group.config import GroupCoordinatorConfig
    from ottla.coordinator.group.streams.streams_group import StreamsGroup
    from ottla.coordinator.result import CoordinatorTimers, TimerKey
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.time import Clock

Group: TypeAlias = "ClassicGroup | ConsumerGroup | StreamsGroup"
"""What is neither of the first two is a streams group, whose code is imported when there is one."""


@dataclass(slots=True)
class Groups:
    """`new_uuid` returns the text of a fresh UUID; member ids end in it. `image` gives the newest metadata."""

    config: GroupCoordinatorConfig
    clock: Clock
    timers: CoordinatorTimers
    new_uuid: Callable[[], str]
    image: Callable[[], MetadataImage]
    by_id: dict[str, Group] = field(default_factory=dict)
    topic_hashes: TopicHashes = field(default_factory=TopicHashes)
    # The newest metadata version (an offset of the metadata log) in which topics were made.
    topics_created_version: int = -1
    # group id -> what it was before changes that are not committed yet
    uncommitted: Uncommitted[str, Group | None] = field(default_factory=Uncommitted)

    def get(self, group_id: str) -> Group | None:
        return self.by_id.get(group_id)

    def classic(self, group_id: str) -> ClassicGroup | None:
        """None also for groups of another type."""
        group = self.by_id.get(group_id)
        return group if isinstance(group, ClassicGroup) else None

    def consumer(self, group_id: str) -> ConsumerGroup | None:
        """None also for groups of another type."""
        group = self.by_id.get(group_id)
        return group if isinstance(group, ConsumerGroup) else None

    def get_or_create(self, group_id: str) -> Group:
        """A group that nobody has heard of starts as an empty classic one."""
        group = self.by_id.get(group_id)
        if group is None:
            group = self.create(group_id)
        return group

    def get_or_new(self, group_id: str) -> Group:
        """What offsets are committed for: a group that nobody has heard of is there when they are replayed."""
        return self.by_id.get(group_id) or ClassicGroup(group_id, state_timestamp_ms=self.clock.now_ms())

    def create(self, group_id: str) -> ClassicGroup:
        group = self.by_id[group_id] = ClassicGroup(group_id, state_timestamp_ms=self.clock.now_ms())
        return group

    def remove(self, group_id: str) -> None:
        """Forget a group and what is scheduled for it."""
        group = self.by_id.pop(group_id, None)
        if group is None:
            return
        if isinstance(group, ClassicGroup):
            self.timers.cancel(join_timer(group_id))
            self.timers.cancel(sync_timer(group_id))
            for member_id in [*group.members, *group.pending_join_members]:
                self.timers.cancel(heartbeat_timer(group_id, member_id))
        elif isinstance(group, ConsumerGroup):
            self.timers.cancel(expressions_timer(group_id))
            for member_id in group.members:
                for timer in CONSUMER_MEMBER_TIMERS:
                    self.timers.cancel(timer(group_id, member_id))
        else:
            self.timers.cancel(initial_rebalance_timer(group_id))
            for member_id in group.members:
                self.timers.cancel(streams_session_timer(group_id, member_id))
                self.timers.cancel(streams_rebalance_timer(group_id, member_id))

    # -- what reads see

    def note(self, group_id: str, offset: int) -> None:
        """The batch at `offset` is about to change the group, and is not committed yet."""
        if not self.uncommitted.has(group_id, offset):
            self.uncommitted.note(group_id, offset, _as_it_is(self.by_id.get(group_id)))

    def committed(self, group_id: str) -> Group | None:
        """The group as of the last committed record."""
        return self.uncommitted.committed(group_id, self.by_id.get(group_id))

    def all_committed(self) -> list[Group]:
        if not self.uncommitted:
            return list(self.by_id.values())
        ids = dict.fromkeys([*self.by_id, *self.uncommitted.changed()])
        return [group for group_id in ids if (group := self.committed(group_id)) is not None]


def _as_it_is(group: Group | None) -> Group | None:
    """Replay replaces members and targets, it does not change them. A classic group is volatile: it is one for all."""
    if group is None or isinstance(group, ClassicGroup):
        return group
    if isinstance(group, ConsumerGroup):
        consumers = copy(group)
        consumers.members, consumers.target = dict(group.members), dict(group.target)
        return consumers
    streams = copy(group)
    streams.members, streams.target = dict(group.members), dict(group.target)
    return streams


# -- of classic groups


def heartbeat_timer(group_id: str, member_id: str) -> TimerKey:
    return ("heartbeat", group_id, member_id)


def join_timer(group_id: str) -> TimerKey:
    return ("join", group_id)


def sync_timer(group_id: str) -> TimerKey:
    return ("sync", group_id)


# -- of consumer groups


def session_timer(group_id: str, member_id: str) -> TimerKey:
    return ("session", group_id, member_id)


def rebalance_timer(group_id: str, member_id: str) -> TimerKey:
    return ("rebalance", group_id, member_id)


def classic_join_timer(group_id: str, member_id: str) -> TimerKey:
    """A classic member of a consumer group has been told to join again."""
    return ("classic-join", group_id, member_id)


def classic_sync_timer(group_id: str, member_id: str) -> TimerKey:
    """A classic member of a consumer group has joined and must sync."""
    return ("classic-sync", group_id, member_id)


def expressions_timer(group_id: str) -> TimerKey:
    return ("expressions", group_id)


# -- of streams groups


def streams_session_timer(group_id: str, member_id: str) -> TimerKey:
    return ("streams-session", group_id, member_id)


def streams_rebalance_timer(group_id: str, member_id: str) -> TimerKey:
    return ("streams-rebalance", group_id, member_id)


def initial_rebalance_timer(group_id: str) -> TimerKey:
    """A new group waits for more members."""
    return ("initial-rebalance", group_id)


CONSUMER_MEMBER_TIMERS = (session_timer, rebalance_timer, classic_join_timer, classic_sync_timer)
