"""Replay of a consumer group's records: the only writer of its state."""

from ottla.coordinator.group.consumer.consumer_group import (
    NO_ASSIGNMENT_EPOCH,
    ConsumerGroup,
    ResolvedExpression,
)
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record.consumer_group_current_member_assignment import (
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.coordinator_record.consumer_group_member_metadata import (
    ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue,
)
from ottla.protocol.coordinator_record.consumer_group_metadata import (
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
)
from ottla.protocol.coordinator_record.consumer_group_partition_metadata import ConsumerGroupPartitionMetadataKey
from ottla.protocol.coordinator_record.consumer_group_regular_expression import (
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
)
from ottla.protocol.coordinator_record.consumer_group_target_assignment_member import (
    ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue,
)
from ottla.protocol.coordinator_record.consumer_group_target_assignment_metadata import (
    ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
)


def replay_consumer_record(groups: Groups, record: CoordinatorRecord) -> bool:
    """False: it is no record of a consumer group. A tombstone for what is not there changes nothing."""
    key, value = record.key, record.value
    match key:
        case ConsumerGroupMetadataKey():
            assert value is None or isinstance(value, ConsumerGroupMetadataValue)
            _replay_group(groups, key.group_id, value)
        case ConsumerGroupPartitionMetadataKey():
            group = _find(groups, key.group_id, create=value is not None)
            if group is not None:
                group.has_partition_metadata = value is not None
        case ConsumerGroupMemberMetadataKey():
            assert value is None or isinstance(value, ConsumerGroupMemberMetadataValue)
            _replay_member(groups, key, value)
        case ConsumerGroupTargetAssignmentMetadataKey():
            assert value is None or isinstance(value, ConsumerGroupTargetAssignmentMetadataValue)
            group = _find(groups, key.group_id, create=value is not None)
            if group is not None:
                group.assignment_epoch = NO_ASSIGNMENT_EPOCH if value is None else value.assignment_epoch
                group.assignment_timestamp_ms = 0 if value is None else value.assignment_timestamp
        case ConsumerGroupTargetAssignmentMemberKey():
            assert value is None or isinstance(value, ConsumerGroupTargetAssignmentMemberValue)
            _replay_target(groups, key, value)
        case ConsumerGroupCurrentMemberAssignmentKey():
            assert value is None or isinstance(value, ConsumerGroupCurrentMemberAssignmentValue)
            _replay_current(groups, key, value)
        case ConsumerGroupRegularExpressionKey():
            assert value is None or isinstance(value, ConsumerGroupRegularExpressionValue)
            _replay_expression(groups, key, value)
        case _:
            return False
    return True


def _find(groups: Groups, group_id: str, *, create: bool) -> ConsumerGroup | None:
    """A classic group of that name is one that offsets alone have made; members make it a consumer group."""
    group = groups.consumer(group_id)
    if group is None and create:
        groups.remove(group_id)
        group = groups.by_id[group_id] = ConsumerGroup(group_id)
    return group


def _replay_group(groups: Groups, group_id: str, value: ConsumerGroupMetadataValue | None) -> None:
    group = _find(groups, group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        groups.remove(group_id)
        return
    group.group_epoch = value.epoch
    group.metadata_hash = value.metadata_hash


def _replay_member(
    groups: Groups, key: ConsumerGroupMemberMetadataKey, value: ConsumerGroupMemberMetadataValue | None
) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        group.remove_member(key.member_id)
        return
    member = group.members.get(key.member_id) or ConsumerGroupMember.new(key.member_id)
    group.put_member(member.with_metadata(value))


def _replay_target(
    groups: Groups, key: ConsumerGroupTargetAssignmentMemberKey, value: ConsumerGroupTargetAssignmentMemberValue | None
) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        group.target.pop(key.member_id, None)
        return
    group.target[key.member_id] = {each.topic_id: frozenset(each.partitions) for each in value.topic_partitions}


def _replay_current(
    groups: Groups,
    key: ConsumerGroupCurrentMemberAssignmentKey,
    value: ConsumerGroupCurrentMemberAssignmentValue | None,
) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    member = group.members.get(key.member_id)
    if value is not None:
        member = member or ConsumerGroupMember.new(key.member_id)
        group.put_member(member.with_current_assignment(value))
    elif member is not None:
        group.put_member(member.without_current_assignment())


def _replay_expression(
    groups: Groups, key: ConsumerGroupRegularExpressionKey, value: ConsumerGroupRegularExpressionValue | None
) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        group.resolved.pop(key.regular_expression, None)
        return
    resolved = ResolvedExpression(frozenset(value.topics), value.version, value.timestamp)
    group.resolved[key.regular_expression] = resolved
