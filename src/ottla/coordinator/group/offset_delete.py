"""Committed offsets that go: by OffsetDelete (KIP-496), with their topic, with their group, and by age (KIP-211).

An offset's age counts from its commit, or, in a group that had members, from when the last of them left. A group whose
offsets are all gone and that has no members goes too. Source: OffsetMetadataManager, OffsetExpirationConditionImpl.
"""

from collections.abc import Iterable

from ottla.coordinator.group.classic_group import DEAD, EMPTY, STABLE, ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.records import group_tombstones
from ottla.coordinator.group.groups import Group, Groups
from ottla.coordinator.group.offsets import OffsetAndMetadata, Offsets
from ottla.coordinator.group.records import group_metadata_tombstone, offset_commit_tombstone
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)
from ottla.protocol.errors import ErrorCode


def delete_offsets(
    groups: Groups, offsets: Offsets, request: OffsetDeleteRequest
) -> CoordinatorResult[OffsetDeleteResponse]:
    """Refused as a whole for a group that is not there or has members of another protocol than the consumers'."""
    group = groups.get(request.group_id)
    if group is None or group.state is DEAD:
        return CoordinatorResult([], OffsetDeleteResponse(error_code=ErrorCode.GROUP_ID_NOT_FOUND, topics=[]))
    if isinstance(group, ClassicGroup) and group.state is not EMPTY and not group.uses_consumer_protocol:
        return CoordinatorResult([], OffsetDeleteResponse(error_code=ErrorCode.NON_EMPTY_GROUP, topics=[]))
    records: list[CoordinatorRecord] = []
    topics: list[OffsetDeleteResponseTopic] = []
    for topic in request.topics:
        subscribed = group.is_subscribed_to(topic.name)
        error = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if subscribed else ErrorCode.NONE
        partitions = []
        for partition in topic.partitions:
            index = partition.partition_index
            partitions.append(OffsetDeleteResponsePartition(partition_index=index, error_code=error))
            if not subscribed and _is_there(offsets, request.group_id, topic.name, index):
                records.append(offset_commit_tombstone(request.group_id, topic.name, index))
        topics.append(OffsetDeleteResponseTopic(name=topic.name, partitions=partitions))
    return CoordinatorResult(records, OffsetDeleteResponse(error_code=ErrorCode.NONE, topics=topics))


def _is_there(offsets: Offsets, group_id: str, topic: str, partition: int) -> bool:
    return offsets.get(group_id, topic, partition) is not None or offsets.has_pending(group_id, topic, partition)


def topics_deleted(offsets: Offsets, topics: Iterable[str]) -> CoordinatorResult[None]:
    """The offsets that every group has committed for topics that are no more."""
    records = [
        offset_commit_tombstone(group_id, topic, partition)
        for topic in topics
        for group_id, partition in offsets.each_of_topic(topic)
    ]
    return CoordinatorResult(records, None, atomic=False)


def delete_group(groups: Groups, offsets: Offsets, group_id: str) -> tuple[ErrorCode, list[CoordinatorRecord]]:
    """DeleteGroups for one group: its offsets, then itself."""
    group = groups.get(group_id)
    if group is None or group.state is DEAD:
        return ErrorCode.GROUP_ID_NOT_FOUND, []
    if not group.is_empty:
        return ErrorCode.NON_EMPTY_GROUP, []
    records = [offset_commit_tombstone(group_id, *each) for each in offsets.each_of_group(group_id)]
    records += _tombstones(group)
    return ErrorCode.NONE, records


def _tombstones(group: Group) -> list[CoordinatorRecord]:
    """All that an empty group has in the log beside its offsets."""
    if isinstance(group, ClassicGroup):
        return [group_metadata_tombstone(group.group_id)]
    if isinstance(group, ConsumerGroup):
        return group_tombstones(group)
    from ottla.coordinator.group.streams.records import group_tombstones as streams_tombstones

    return streams_tombstones(group)


def expire(groups: Groups, offsets: Offsets) -> CoordinatorResult[None]:
    """What has been kept long enough, and the groups that nothing is left of."""
    records: list[CoordinatorRecord] = []
    for group in groups.by_id.values():
        all_gone = _expire_group(groups, offsets, group, records)
        awaits_members = isinstance(group, ClassicGroup) and group.pending_join_members
        if all_gone and group.is_empty and not awaits_members:
            records += _tombstones(group)
    return CoordinatorResult(records, None, atomic=False)


def _expire_group(groups: Groups, offsets: Offsets, group: Group, records: list[CoordinatorRecord]) -> bool:
    """Add a tombstone for each expired offset; whether no offset is left then."""
    by_topic = offsets.of_group(group.group_id)
    has_open_transactions = group.group_id in offsets.open_transactions
    if not by_topic:
        return not has_open_transactions
    since_empty_ms = None
    if isinstance(group, ClassicGroup) and group.protocol_type is not None:
        if group.state is EMPTY:
            since_empty_ms = None if group.state_timestamp_ms == -1 else group.state_timestamp_ms
        elif not (group.uses_consumer_protocol and group.subscribed_topics is not None and group.state is STABLE):
            return False
    now_ms, retention_ms = groups.clock.now_ms(), groups.config.offsets_retention_ms
    all_expired = True
    for topic, partitions in by_topic.items():
        if group.is_subscribed_to(topic):
            all_expired = False
            continue
        for partition, offset in partitions.items():
            base_ms = offset.commit_timestamp_ms if since_empty_ms is None else since_empty_ms
            if _is_expired(offset, base_ms, now_ms, retention_ms) and not offsets.has_pending(
                group.group_id, topic, partition
            ):
                records.append(offset_commit_tombstone(group.group_id, topic, partition))
            else:
                all_expired = False
    return all_expired and not has_open_transactions


def _is_expired(offset: OffsetAndMetadata, base_ms: int, now_ms: int, retention_ms: int) -> bool:
    if offset.expire_timestamp_ms != -1:
        return now_ms >= offset.expire_timestamp_ms
    return now_ms - base_ms >= retention_ms
