"""How a member gets from what it owns to its target: give up first, take what is free, wait for the rest.

```
                       has to give something up              a partition is not free yet
  STABLE ───────────► UNREVOKED_PARTITIONS ───────┐  ┌────► UNRELEASED_PARTITIONS ──┐
    ▲  keeps its epoch until it no longer reports │  │ takes the target's epoch,    │ each heartbeat takes
    │  what it gave up                            ▼  │ and what is free             │ what has become free
    └──────────────────── everything is there: the target's epoch ◄─────────────────┘
```

A partition has one owner at a time: it is free when nobody has it assigned or still to give up. Source:
CurrentAssignmentBuilder of Apache Kafka 4.3.1.
"""

from dataclasses import replace

from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import (
    STABLE,
    UNRELEASED_PARTITIONS,
    UNREVOKED_PARTITIONS,
    ConsumerGroupMember,
    MemberState,
    OwnedPartitions,
)
from ottla.coordinator.group.consumer.fence import schedule_rebalance_timeout
from ottla.coordinator.group.consumer.records import current_assignment_record
from ottla.coordinator.group.consumer.target import Target
from ottla.coordinator.group.groups import Groups, rebalance_timer
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.api.consumer_group_heartbeat import TopicPartitions
from ottla.protocol.errors import ErrorCode, KafkaError

Reported = list[TopicPartitions] | None
"""What a member says it owns; None: it does not say."""


def reconcile(
    groups: Groups,
    group: ConsumerGroup,
    member: ConsumerGroupMember,
    target: Target,
    reported: Reported,
    *,
    subscription_changed: bool,
    records: list[CoordinatorRecord],
) -> ConsumerGroupMember:
    """The member after this step; unchanged if there is nothing to do. A member that has to revoke gets its timeout."""
    if not subscription_changed and member.is_reconciled_to(target.epoch):
        return member
    topics = groups.image().topics
    subscribed = frozenset(
        topic.topic_id for name in group.topics_of(member) if (topic := topics.by_name.get(name)) is not None
    )
    updated = _Step(group, member, target, reported, subscribed).next(subscription_changed=subscription_changed)
    if updated == member:
        return member
    records.append(current_assignment_record(group.group_id, updated))
    if not updated.uses_classic_protocol:
        if updated.state is UNREVOKED_PARTITIONS:
            schedule_rebalance_timeout(groups, group.group_id, updated)
        else:
            groups.timers.cancel(rebalance_timer(group.group_id, updated.member_id))
    return updated


class _Step:
    def __init__(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        target: Target,
        reported: Reported,
        subscribed: frozenset[bytes],
    ) -> None:
        self._group = group
        self._member = member
        self._target = target
        self._reported = reported
        self._subscribed = subscribed

    def next(self, *, subscription_changed: bool) -> ConsumerGroupMember:
        member = self._member
        if member.state is STABLE:
            if member.member_epoch != self._target.epoch:
                return self._towards_target(member.member_epoch)
            return self._drop_unsubscribed() if subscription_changed else member
        if member.state is UNREVOKED_PARTITIONS:
            if not self._still_owns(member.pending_revocation):
                return self._towards_target(member.member_epoch)
            return self._drop_unsubscribed() if subscription_changed else member
        if member.state is UNRELEASED_PARTITIONS:
            return self._towards_target(member.member_epoch)
        # A state of a later version: only a member that owns nothing can be led on from there.
        if self._reported is None or self._reported:
            message = "The member is in an unknown state; it must give up its partitions and rejoin."
            raise KafkaError(ErrorCode.FENCED_MEMBER_EPOCH, message)
        return self._towards_target(self._target.epoch)

    def _still_owns(self, revoked: OwnedPartitions) -> bool:
        """Whether the member, as far as it says, still has something that it should have given up."""
        if self._reported is None:
            return True
        return any(
            partition in revoked.get(topic.topic_id, {}) for topic in self._reported for partition in topic.partitions
        )

    def _drop_unsubscribed(self) -> ConsumerGroupMember:
        """Topics the member has just unsubscribed from go at once, before the next target is there."""
        member = self._member
        dropped = {each: owned for each, owned in member.assigned.items() if each not in self._subscribed}
        if not dropped:
            return member
        kept = {each: owned for each, owned in member.assigned.items() if each in self._subscribed}
        revoked = dict(member.pending_revocation)
        for topic_id, owned in dropped.items():
            revoked[topic_id] = {**revoked.get(topic_id, {}), **owned}
        if revoked and self._still_owns(revoked):
            return self._revoking(member.member_epoch, kept, revoked)
        return replace(member, previous_member_epoch=member.member_epoch, assigned=kept)

    def _towards_target(self, member_epoch: int) -> ConsumerGroupMember:
        member, target = self._member, self._target.partitions
        kept: dict[bytes, dict[int, int]] = {}
        revoked: dict[bytes, dict[int, int]] = {}
        taken: dict[bytes, list[int]] = {}
        has_unreleased = False
        for topic_id in dict.fromkeys([*target, *member.assigned]):
            wanted = target.get(topic_id, frozenset[int]()) if topic_id in self._subscribed else frozenset[int]()
            owned = member.assigned.get(topic_id, {})
            for partition, epoch in owned.items():
                (kept if partition in wanted else revoked).setdefault(topic_id, {})[partition] = epoch
            ours_to_revoke = member.pending_revocation.get(topic_id, {})
            for partition in sorted(wanted):
                if partition in owned:
                    continue
                if self._group.is_owned(topic_id, partition) and partition not in ours_to_revoke:
                    has_unreleased = True
                else:
                    taken.setdefault(topic_id, []).append(partition)
        if revoked and self._still_owns(revoked):
            return self._revoking(member_epoch, kept, revoked)
        for topic_id, partitions in taken.items():
            kept.setdefault(topic_id, {}).update(dict.fromkeys(partitions, self._target.epoch))
        state = UNRELEASED_PARTITIONS if has_unreleased else STABLE
        return self._at(self._target.epoch, state, kept, {})

    def _revoking(self, epoch: int, kept: OwnedPartitions, revoked: OwnedPartitions) -> ConsumerGroupMember:
        return self._at(epoch, UNREVOKED_PARTITIONS, kept, revoked)

    def _at(
        self, epoch: int, state: MemberState, assigned: OwnedPartitions, pending_revocation: OwnedPartitions
    ) -> ConsumerGroupMember:
        return replace(
            self._member,
            member_epoch=epoch,
            previous_member_epoch=self._member.member_epoch,
            state=state,
            assigned=assigned,
            pending_revocation=pending_revocation,
        )
