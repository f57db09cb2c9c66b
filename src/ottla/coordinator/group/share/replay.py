"""Replay: records of share groups into state. The only writer of share groups."""

from dataclasses import replace

from ottla.coordinator.group.share.share_group import (
    LEAVE_GROUP_MEMBER_EPOCH,
    ShareGroup,
    ShareGroupMember,
    StatePartitions,
    StateTopic,
)
from ottla.coordinator.group.share.share_groups import ShareGroups
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record.share_group_current_member_assignment import (
    ShareGroupCurrentMemberAssignmentKey,
    ShareGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.coordinator_record.share_group_member_metadata import (
    ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue,
)
from ottla.protocol.coordinator_record.share_group_metadata import ShareGroupMetadataKey, ShareGroupMetadataValue
from ottla.protocol.coordinator_record.share_group_state_partition_metadata import (
    ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue,
)
from ottla.protocol.coordinator_record.share_group_target_assignment_member import (
    ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMemberValue,
)
from ottla.protocol.coordinator_record.share_group_target_assignment_metadata import (
    ShareGroupTargetAssignmentMetadataKey,
    ShareGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.message import CoordinatorValue


def replay(groups: ShareGroups, record: CoordinatorRecord) -> bool:
    """Whether the record is one of a share group. A tombstone of what is not there changes nothing."""
    key, value = record.key, record.value
    match key:
        case ShareGroupMemberMetadataKey():
            _replay_member(groups, key, value)
        case ShareGroupMetadataKey():
            _replay_group(groups, key, value)
        case ShareGroupTargetAssignmentMetadataKey():
            _replay_assignment_epoch(groups, key, value)
        case ShareGroupTargetAssignmentMemberKey():
            _replay_target(groups, key, value)
        case ShareGroupCurrentMemberAssignmentKey():
            _replay_current(groups, key, value)
        case ShareGroupStatePartitionMetadataKey():
            _replay_state_partitions(groups, key, value)
        case _:
            return False
    return True


def _get_or_create(groups: ShareGroups, group_id: str) -> ShareGroup:
    group = groups.by_id.get(group_id)
    if group is None:
        group = groups.by_id[group_id] = ShareGroup(group_id)
    return group


def _replay_member(groups: ShareGroups, key: ShareGroupMemberMetadataKey, value: CoordinatorValue | None) -> None:
    if value is None:
        known = groups.by_id.get(key.group_id)
        if known is not None:
            known.members.pop(key.member_id, None)
        return
    assert isinstance(value, ShareGroupMemberMetadataValue)
    members = _get_or_create(groups, key.group_id).members
    members[key.member_id] = replace(
        members.get(key.member_id) or ShareGroupMember(key.member_id),
        rack_id=value.rack_id,
        client_id=value.client_id,
        client_host=value.client_host,
        subscribed_topic_names=tuple(value.subscribed_topic_names),
    )


def _replay_group(groups: ShareGroups, key: ShareGroupMetadataKey, value: CoordinatorValue | None) -> None:
    if value is None:
        groups.by_id.pop(key.group_id, None)
        return
    assert isinstance(value, ShareGroupMetadataValue)
    group = _get_or_create(groups, key.group_id)
    group.epoch = value.epoch
    group.metadata_hash = value.metadata_hash


def _replay_assignment_epoch(
    groups: ShareGroups, key: ShareGroupTargetAssignmentMetadataKey, value: CoordinatorValue | None
) -> None:
    if value is None:
        known = groups.by_id.get(key.group_id)
        if known is not None:
            known.assignment_epoch = -1
        return
    assert isinstance(value, ShareGroupTargetAssignmentMetadataValue)
    group = _get_or_create(groups, key.group_id)
    group.assignment_epoch = value.assignment_epoch
    group.assignment_timestamp_ms = value.assignment_timestamp


def _replay_target(
    groups: ShareGroups, key: ShareGroupTargetAssignmentMemberKey, value: CoordinatorValue | None
) -> None:
    if value is None:
        known = groups.by_id.get(key.group_id)
        if known is not None:
            known.target.pop(key.member_id, None)
        return
    assert isinstance(value, ShareGroupTargetAssignmentMemberValue)
    _get_or_create(groups, key.group_id).target[key.member_id] = {
        each.topic_id: frozenset(each.partitions) for each in value.topic_partitions
    }


def _replay_current(
    groups: ShareGroups, key: ShareGroupCurrentMemberAssignmentKey, value: CoordinatorValue | None
) -> None:
    if value is None:
        known = groups.by_id.get(key.group_id)
        member = None if known is None else known.members.get(key.member_id)
        if known is not None and member is not None:
            epoch = LEAVE_GROUP_MEMBER_EPOCH
            known.members[key.member_id] = replace(member, member_epoch=epoch, previous_member_epoch=epoch, assigned={})
        return
    assert isinstance(value, ShareGroupCurrentMemberAssignmentValue)
    members = _get_or_create(groups, key.group_id).members
    members[key.member_id] = replace(
        members.get(key.member_id) or ShareGroupMember(key.member_id),
        member_epoch=value.member_epoch,
        previous_member_epoch=value.previous_member_epoch,
        assigned={each.topic_id: frozenset(each.partitions) for each in value.assigned_partitions},
    )


def _replay_state_partitions(
    groups: ShareGroups, key: ShareGroupStatePartitionMetadataKey, value: CoordinatorValue | None
) -> None:
    if value is None:
        known = groups.by_id.get(key.group_id)
        if known is not None:
            known.state_partitions = StatePartitions()
        return
    assert isinstance(value, ShareGroupStatePartitionMetadataValue)
    now_ms = groups.clock.now_ms()
    _get_or_create(groups, key.group_id).state_partitions = StatePartitions(
        initializing={
            each.topic_id: StateTopic(each.topic_name, frozenset(each.partitions), now_ms)
            for each in value.initializing_topics
        },
        initialized={
            each.topic_id: StateTopic(each.topic_name, frozenset(each.partitions), now_ms)
            for each in value.initialized_topics
        },
        deleting={each.topic_id: each.topic_name for each in value.deleting_topics},
    )
