"""What a change of subscriptions or topics does to a group's epoch, and whether all members want the same."""

from dataclasses import dataclass

from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember
from ottla.coordinator.group.consumer.records import group_epoch_record, partition_metadata_tombstone
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.result import CoordinatorRecord

# Until topics change nothing expires what is known of them.
METADATA_REFRESH_INTERVAL_MS = 2_147_483_647


@dataclass(slots=True, frozen=True)
class Subscriptions:
    """All subscriptions of a group once `updated` has taken the place of `member`."""

    names: dict[str, int]
    expressions: dict[str, int]
    members: int

    def topics(self, group: ConsumerGroup) -> set[str]:
        """What the members name, and what their expressions were resolved to."""
        topics = set(self.names)
        for expression, resolved in group.resolved.items():
            if expression in self.expressions or expression not in group.regex_counts:
                topics |= resolved.topics
        return topics

    def are_homogeneous(self, group: ConsumerGroup) -> bool:
        if not self.expressions:
            return all(count == self.members for count in self.names.values())
        if self.names or len(self.expressions) != 1:
            return False
        return next(iter(self.expressions.values())) == self.members


def subscriptions_with(
    group: ConsumerGroup, member: ConsumerGroupMember, updated: ConsumerGroupMember
) -> Subscriptions:
    names = dict(group.name_counts)
    expressions = dict(group.regex_counts)
    known = member.member_id in group.members or group.static_member(updated.instance_id) is not None
    if known:
        for name in member.subscribed_topic_names:
            _change(names, name, -1)
        if member.regex is not None:
            _change(expressions, member.regex, -1)
    for name in updated.subscribed_topic_names:
        _change(names, name, 1)
    if updated.regex is not None:
        _change(expressions, updated.regex, 1)
    return Subscriptions(names, expressions, len(group.members) + (not known))


def _change(counts: dict[str, int], key: str, by: int) -> None:
    count = counts.get(key, 0) + by
    if count > 0:
        counts[key] = count
    else:
        counts.pop(key, None)


def update_metadata(
    groups: Groups, group: ConsumerGroup, subscriptions: Subscriptions, *, bump: bool, records: list[CoordinatorRecord]
) -> int:
    """The group's epoch, one more if `bump` or if its topics are not what they were."""
    group_epoch = group.group_epoch
    metadata_hash = groups.topic_hashes.group_hash(groups.image(), subscriptions.topics(group))
    if bump or metadata_hash != group.metadata_hash:
        group_epoch += 1
        records.append(group_epoch_record(group.group_id, group_epoch, metadata_hash))
    group.metadata_refresh = (groups.clock.now_ms() + METADATA_REFRESH_INTERVAL_MS, group_epoch)
    if group.has_partition_metadata:
        records.append(partition_metadata_tombstone(group.group_id))
    return group_epoch
