"""The state of one consumer group, all of it replicated: replay alone changes it.

```
 Empty ──── a member joins ───► Assigning ── a target assignment ──► Reconciling ── everybody is there ──► Stable
   ▲                               ▲   for the group's epoch               │   ▲          │                   │
   └── nobody is left              └───────── members, subscriptions, topics change: the group's epoch goes up ┘
```

Three epochs tell the way (KIP-848): the group's goes up with every change of members, subscriptions and topics; the
assignment's says for which group epoch the target assignment was made; each member's says which target it has reached.
A member takes the target's epoch when it has given up what others shall have. Volatile are `metadata_refresh` and
`regex_is_resolving` alone. Source: ModernGroup, ConsumerGroup.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from ottla.coordinator.group.assignor.spec import NOTHING, Partitions
from ottla.coordinator.group.consumer.consumer_member import (
    UNRELEASED_PARTITIONS,
    ConsumerGroupMember,
    OwnedPartitions,
)

CONSUMER_PROTOCOL_TYPE = "consumer"
INITIAL_EPOCH = 1
NO_ASSIGNMENT_EPOCH = -1


class ConsumerGroupState(Enum):
    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


@dataclass(slots=True, frozen=True)
class ResolvedExpression:
    """The topics that a regular expression meant at a metadata version (an offset of the metadata log)."""

    topics: frozenset[str]
    version: int
    timestamp_ms: int


@dataclass(slots=True)
class ConsumerGroup:
    group_id: str
    group_epoch: int = INITIAL_EPOCH
    metadata_hash: int = 0
    assignment_epoch: int = INITIAL_EPOCH
    assignment_timestamp_ms: int = 0
    members: dict[str, ConsumerGroupMember] = field(default_factory=dict)
    # group.instance.id -> member id
    static_members: dict[str, str] = field(default_factory=dict)
    target: dict[str, Partitions] = field(default_factory=dict)
    resolved: dict[str, ResolvedExpression] = field(default_factory=dict)
    # A record of Kafka before 4.1, which is to be deleted.
    has_partition_metadata: bool = False
    # topic name -> how many members name it; expression -> how many members subscribe by it
    name_counts: dict[str, int] = field(default_factory=dict)
    regex_counts: dict[str, int] = field(default_factory=dict)
    # topic id -> partition -> the member that owns it, or has not given it up yet
    owners: dict[bytes, dict[int, str]] = field(default_factory=dict)
    # (until when what is known of the topics holds, for which group epoch)
    metadata_refresh: tuple[int, int] = (0, 0)
    regex_is_resolving: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.members

    @property
    def state(self) -> ConsumerGroupState:
        if not self.members:
            return ConsumerGroupState.EMPTY
        if self.group_epoch > self.assignment_epoch:
            return ConsumerGroupState.ASSIGNING
        if all(member.is_reconciled_to(self.assignment_epoch) for member in self.members.values()):
            return ConsumerGroupState.STABLE
        return ConsumerGroupState.RECONCILING

    # -- members

    def static_member(self, instance_id: str | None) -> ConsumerGroupMember | None:
        if instance_id is None:
            return None
        member_id = self.static_members.get(instance_id)
        return None if member_id is None else self.members.get(member_id)

    def put_member(self, member: ConsumerGroupMember) -> None:
        old = self.members.get(member.member_id)
        if old is not None:
            self._forget(old)
        self.members[member.member_id] = member
        _count(self.name_counts, member.subscribed_topic_names, 1)
        if member.regex is not None:
            _count(self.regex_counts, (member.regex,), 1)
        if member.instance_id is not None:
            self.static_members[member.instance_id] = member.member_id
        for owned in (member.assigned, member.pending_revocation):
            for topic_id, partitions in owned.items():
                owners = self.owners.setdefault(topic_id, {})
                for partition in partitions:
                    owners[partition] = member.member_id

    def remove_member(self, member_id: str) -> None:
        member = self.members.pop(member_id, None)
        if member is None:
            return
        self._forget(member)
        if member.instance_id is not None and self.static_members.get(member.instance_id) == member_id:
            del self.static_members[member.instance_id]

    def _forget(self, member: ConsumerGroupMember) -> None:
        _count(self.name_counts, member.subscribed_topic_names, -1)
        if member.regex is not None:
            _count(self.regex_counts, (member.regex,), -1)
        for owned in (member.assigned, member.pending_revocation):
            self._release(owned, member.member_id)

    def _release(self, owned: OwnedPartitions, member_id: str) -> None:
        for topic_id, partitions in owned.items():
            owners = self.owners.get(topic_id)
            if owners is None:
                continue
            for partition in partitions:
                # In a log that is not compacted yet the next owner may come before the last word of this one.
                if owners.get(partition) == member_id:
                    del owners[partition]
            if not owners:
                del self.owners[topic_id]

    def is_owned(self, topic_id: bytes, partition: int) -> bool:
        return partition in self.owners.get(topic_id, {})

    # -- target assignment

    def target_of(self, member: ConsumerGroupMember) -> Partitions:
        """A static member that has just come back under another id has the target of the old one."""
        member_id: str | None = member.member_id
        if member.instance_id is not None:
            member_id = self.static_members.get(member.instance_id)
        return NOTHING if member_id is None else self.target.get(member_id, NOTHING)

    def waits_for_others(self, member: ConsumerGroupMember) -> bool:
        """Whether a partition that it shall have is still another's."""
        if member.state is not UNRELEASED_PARTITIONS:
            return False
        return any(
            partition not in member.assigned.get(topic_id, {}) and self.is_owned(topic_id, partition)
            for topic_id, partitions in self.target.get(member.member_id, NOTHING).items()
            for partition in partitions
        )

    # -- subscriptions

    def topics_of(self, member: ConsumerGroupMember) -> frozenset[str]:
        """The names a member subscribes to, by itself and by its expression; nothing while that is not resolved."""
        resolved = self.resolved.get(member.regex) if member.regex is not None else None
        return member.subscribed_topic_names if resolved is None else member.subscribed_topic_names | resolved.topics

    def subscribed_topics(self) -> set[str]:
        topics = set(self.name_counts)
        for expression in self.resolved.values():
            topics |= expression.topics
        return topics

    def is_subscribed_to(self, topic: str) -> bool:
        return topic in self.name_counts or any(topic in each.topics for each in self.resolved.values())

    # -- classic members

    @property
    def classic_members(self) -> Iterator[ConsumerGroupMember]:
        return (member for member in self.members.values() if member.classic is not None)

    def all_use_classic_protocol_without(self, leaving: Iterable[str]) -> bool:
        gone = set(leaving)
        return all(member.classic is not None for member_id, member in self.members.items() if member_id not in gone)

    def supports_classic_protocols(self, protocol_type: str, names: Iterable[str]) -> bool:
        """Whether a classic member that offers these could join the classic members that are here."""
        if protocol_type != CONSUMER_PROTOCOL_TYPE:
            return False
        offered = set(names)
        for member in self.classic_members:
            assert member.classic is not None
            offered &= {name for name, _ in member.classic.protocols}
        return bool(offered)

    # -- what is known of the topics

    def metadata_has_expired(self, now_ms: int) -> bool:
        deadline_ms, epoch = self.metadata_refresh
        return now_ms >= deadline_ms or self.group_epoch < epoch

    def request_metadata_refresh(self) -> None:
        self.metadata_refresh = (0, 0)


def _count(counts: dict[str, int], keys: Iterable[str], by: int) -> None:
    for key in keys:
        count = counts.get(key, 0) + by
        if count:
            counts[key] = count
        else:
            counts.pop(key, None)
