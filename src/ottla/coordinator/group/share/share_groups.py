"""All share groups of one coordinator, and what the transitions need besides: time, timers, configs, topics."""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field

from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.share.config import ShareGroupConfig, ShareGroupsConfig
from ottla.coordinator.group.share.share_group import ShareGroup
from ottla.coordinator.result import CoordinatorTimers, TimerKey
from ottla.coordinator.uncommitted import Uncommitted
from ottla.metadata.image import MetadataImage
from ottla.runtime.time import Clock


@dataclass(slots=True)
class ShareGroups:
    """`config_of` gives the configs of a group, `image` the newest metadata.

    `is_other` says whether a group of another type has this id; `metadata_hash` sums up what topics of these names are
    like (KIP-1101).
    """

    config: ShareGroupsConfig
    clock: Clock
    timers: CoordinatorTimers
    image: Callable[[], MetadataImage]
    config_of: Callable[[str], ShareGroupConfig]
    is_other: Callable[[str], bool]
    metadata_hash: Callable[[Iterable[str]], int]
    by_id: dict[str, ShareGroup] = field(default_factory=dict)
    # group id -> what it was before changes that are not committed yet
    uncommitted: Uncommitted[str, ShareGroup | None] = field(default_factory=Uncommitted)

    def note(self, group_id: str, offset: int) -> None:
        """The batch at `offset` is about to change the group, and is not committed yet."""
        if self.uncommitted.has(group_id, offset):
            return
        group = self.by_id.get(group_id)
        if group is not None:
            group = copy(group)
            group.members, group.target = dict(group.members), dict(group.target)
        self.uncommitted.note(group_id, offset, group)

    def committed(self, group_id: str) -> ShareGroup | None:
        """The group as of the last committed record."""
        return self.uncommitted.committed(group_id, self.by_id.get(group_id))

    def all_committed(self) -> list[ShareGroup]:
        ids = dict.fromkeys([*self.by_id, *self.uncommitted.changed()])
        return [group for group_id in ids if (group := self.committed(group_id)) is not None]


@dataclass(slots=True, frozen=True)
class ShareSettings:
    """What the node's configuration says of all share groups, and of one."""

    config: ShareGroupsConfig = field(default_factory=ShareGroupsConfig)
    config_of: Callable[[str], ShareGroupConfig] = lambda group_id: ShareGroupConfig()


def make_share_groups(others: Groups, settings: Callable[[], ShareSettings] | None = None) -> ShareGroups:
    """Those that stand beside `others` in one shard."""
    told = ShareSettings() if settings is None else settings()
    return ShareGroups(
        told.config,
        others.clock,
        others.timers,
        others.image,
        told.config_of,
        is_other=lambda group_id: others.get(group_id) is not None,
        metadata_hash=lambda names: others.topic_hashes.group_hash(others.image(), names),
    )


def session_timer(group_id: str, member_id: str) -> TimerKey:
    return ("share-session", group_id, member_id)
