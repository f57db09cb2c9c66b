"""The records of a consumer group on `__consumer_offsets`, as Kafka 4.3 writes them. Every value has version 0.

```
type  key                                     value
 3    ConsumerGroupMetadata            group  group epoch, hash of the topics' metadata
 4    ConsumerGroupPartitionMetadata   group  no longer written; tombstones are
 5    ConsumerGroupMemberMetadata      member what the member said of itself
 6    …TargetAssignmentMetadata        group  assignment epoch and time
 7    …TargetAssignmentMember          member what it shall own
 8    …CurrentMemberAssignment         member member epoch, what it owns and has to give up
16    ConsumerGroupRegularExpression   expression: the topics it means
```

Source: GroupCoordinatorRecordHelpers.
"""

from collections.abc import Iterator

from ottla.coordinator.group.assignor.spec import NOTHING, Partitions
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup, ResolvedExpression
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember, OwnedPartitions
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record.consumer_group_current_member_assignment import (
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
    TopicPartitions,
)
from ottla.protocol.coordinator_record.consumer_group_member_metadata import (
    ClassicMemberMetadata,
    ClassicProtocol,
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
    TopicPartition,
)
from ottla.protocol.coordinator_record.consumer_group_target_assignment_metadata import (
    ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
)

# -- of the group


def group_epoch_record(group_id: str, group_epoch: int, metadata_hash: int) -> CoordinatorRecord:
    value = ConsumerGroupMetadataValue(epoch=group_epoch, metadata_hash=metadata_hash)
    return CoordinatorRecord(ConsumerGroupMetadataKey(group_id=group_id), value)


def partition_metadata_tombstone(group_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(ConsumerGroupPartitionMetadataKey(group_id=group_id), None)


def target_metadata_record(group_id: str, assignment_epoch: int, timestamp_ms: int) -> CoordinatorRecord:
    value = ConsumerGroupTargetAssignmentMetadataValue(
        assignment_epoch=assignment_epoch, assignment_timestamp=timestamp_ms
    )
    return CoordinatorRecord(ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id), value)


def regular_expression_record(group_id: str, expression: str, resolved: ResolvedExpression) -> CoordinatorRecord:
    value = ConsumerGroupRegularExpressionValue(
        topics=sorted(resolved.topics), version=resolved.version, timestamp=resolved.timestamp_ms
    )
    key = ConsumerGroupRegularExpressionKey(group_id=group_id, regular_expression=expression)
    return CoordinatorRecord(key, value)


def regular_expression_tombstone(group_id: str, expression: str) -> CoordinatorRecord:
    key = ConsumerGroupRegularExpressionKey(group_id=group_id, regular_expression=expression)
    return CoordinatorRecord(key, None)


# -- of a member


def member_metadata_record(group_id: str, member: ConsumerGroupMember) -> CoordinatorRecord:
    classic = None
    if member.classic is not None:
        classic = ClassicMemberMetadata(
            session_timeout_ms=member.classic.session_timeout_ms,
            supported_protocols=[
                ClassicProtocol(name=name, metadata=metadata) for name, metadata in member.classic.protocols
            ],
        )
    value = ConsumerGroupMemberMetadataValue(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.subscribed_topic_names),
        subscribed_topic_regex=member.subscribed_topic_regex,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        server_assignor=member.server_assignor,
        classic_member_metadata=classic,
    )
    return CoordinatorRecord(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member.member_id), value)


def target_record(group_id: str, member_id: str, target: Partitions) -> CoordinatorRecord:
    value = ConsumerGroupTargetAssignmentMemberValue(
        topic_partitions=[
            TopicPartition(topic_id=topic_id, partitions=sorted(partitions)) for topic_id, partitions in target.items()
        ]
    )
    return CoordinatorRecord(ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), value)


def current_assignment_record(group_id: str, member: ConsumerGroupMember) -> CoordinatorRecord:
    value = ConsumerGroupCurrentMemberAssignmentValue(
        member_epoch=member.member_epoch,
        previous_member_epoch=member.previous_member_epoch,
        state=member.state,
        assigned_partitions=_topic_partitions(member.assigned),
        partitions_pending_revocation=_topic_partitions(member.pending_revocation),
    )
    key = ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member.member_id)
    return CoordinatorRecord(key, value)


def _topic_partitions(owned: OwnedPartitions) -> list[TopicPartitions]:
    topics = []
    for topic_id, epochs in owned.items():
        partitions = sorted(epochs)
        topics.append(
            TopicPartitions(
                topic_id=topic_id, partitions=partitions, assignment_epochs=[epochs[each] for each in partitions]
            )
        )
    return topics


def member_tombstones(group_id: str, member_id: str) -> Iterator[CoordinatorRecord]:
    yield _current_tombstone(group_id, member_id)
    yield _target_tombstone(group_id, member_id)
    yield _metadata_tombstone(group_id, member_id)


def _current_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id), None)


def _target_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), None)


def _metadata_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member_id), None)


# -- a whole group


def group_tombstones(group: ConsumerGroup, *, replaced: tuple[str, str] | None = None) -> list[CoordinatorRecord]:
    """All that a group has in the log. `replaced` (old, new): this batch has already renamed a static member."""
    group_id = group.group_id
    old, new = replaced or ("", "")
    member_ids = [new if replaced and member_id == old else member_id for member_id in group.members]
    records = [_current_tombstone(group_id, member_id) for member_id in member_ids]
    records += [_target_tombstone(group_id, member_id) for member_id in member_ids]
    records.append(CoordinatorRecord(ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id), None))
    records += [_metadata_tombstone(group_id, member_id) for member_id in member_ids]
    records += [regular_expression_tombstone(group_id, expression) for expression in group.resolved]
    records.append(partition_metadata_tombstone(group_id))
    records.append(CoordinatorRecord(ConsumerGroupMetadataKey(group_id=group_id), None))
    return records


def group_records(group: ConsumerGroup) -> list[CoordinatorRecord]:
    """A group that was made from a classic one."""
    group_id = group.group_id
    members = group.members.values()
    records = [member_metadata_record(group_id, member) for member in members]
    records.append(group_epoch_record(group_id, group.group_epoch, group.metadata_hash))
    records += [target_record(group_id, each.member_id, group.target.get(each.member_id, NOTHING)) for each in members]
    records.append(target_metadata_record(group_id, group.assignment_epoch, group.assignment_timestamp_ms))
    records += [current_assignment_record(group_id, member) for member in members]
    return records
