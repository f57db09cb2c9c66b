"""A share group: its members, what each shall have and has, and whose state its coordinators keep.

    group epoch ──(someone joined, left, resubscribed; topics changed; state came to be)──► +1
    assignment epoch ──(a target assignment was computed)──► the group's
    member epoch ──(the member was given its target)──► the assignment's

Several members may have the same partition. Only partitions whose state is initialized are assigned:

    not there ─► initializing ─► initialized ─► deleting ─► not there

Changed by replay alone. Source: ShareGroup, ModernGroup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from ottla.metadata.image import TopicsImage

LEAVE_GROUP_MEMBER_EPOCH = -1
JOIN_GROUP_MEMBER_EPOCH = 0
MEMBER_STABLE = 0

# topic id -> partitions
Partitions: TypeAlias = Mapping[bytes, frozenset[int]]


class ShareGroupState(Enum):
    EMPTY = "Empty"
    STABLE = "Stable"


@dataclass(slots=True, frozen=True)
class ShareGroupMember:
    member_id: str
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    subscribed_topic_names: tuple[str, ...] = ()
    member_epoch: int = 0
    previous_member_epoch: int = -1
    assigned: Partitions = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class StateTopic:
    """Partitions of a topic whose state is begun or there, and since when this node knows."""

    name: str
    partitions: frozenset[int]
    since_ms: int = 0


# topic id -> partitions with state
StateTopics: TypeAlias = Mapping[bytes, StateTopic]


@dataclass(slots=True, frozen=True)
class StatePartitions:
    initializing: StateTopics = field(default_factory=dict)
    initialized: StateTopics = field(default_factory=dict)
    deleting: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(slots=True)
class ShareGroup:
    """`hashed_topics`: the topics that `metadata_hash` was last compared with; volatile."""

    group_id: str
    epoch: int = 1  # of a group that nobody has joined yet
    metadata_hash: int = 0
    assignment_epoch: int = 0
    assignment_timestamp_ms: int = 0
    members: dict[str, ShareGroupMember] = field(default_factory=dict)
    target: dict[str, Partitions] = field(default_factory=dict)
    state_partitions: StatePartitions = field(default_factory=StatePartitions)
    hashed_topics: TopicsImage | None = None

    @property
    def state(self) -> ShareGroupState:
        return ShareGroupState.STABLE if self.members else ShareGroupState.EMPTY

    def assignable(self) -> dict[bytes, frozenset[int]]:
        return {topic_id: topic.partitions for topic_id, topic in self.state_partitions.initialized.items()}


def subscribed_names(members: Iterable[ShareGroupMember]) -> set[str]:
    return {name for member in members for name in member.subscribed_topic_names}


def add_state_topics(topics: StateTopics, more: StateTopics) -> dict[bytes, StateTopic]:
    """All partitions of both; what is in both is as old as in `more`."""
    result = dict(topics)
    for topic_id, topic in more.items():
        known = result.get(topic_id)
        partitions = topic.partitions if known is None else known.partitions | topic.partitions
        result[topic_id] = StateTopic(topic.name, partitions, topic.since_ms)
    return result


def remove_state_topics(topics: StateTopics, gone: Mapping[bytes, Iterable[int]]) -> dict[bytes, StateTopic]:
    result = dict(topics)
    for topic_id, partitions in gone.items():
        known = result.get(topic_id)
        if known is None:
            continue
        left = known.partitions - frozenset(partitions)
        if left:
            result[topic_id] = StateTopic(known.name, left, known.since_ms)
        else:
            del result[topic_id]
    return result
