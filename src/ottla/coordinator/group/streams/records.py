"""The records of a streams group on `__consumer_offsets`, as Kafka 4.3 writes them. Every value has version 0.

```
type  key                                     value
17    StreamsGroupMetadata             group  group epoch, hash of the topics' metadata, validated topology, configs
19    StreamsGroupMemberMetadata       member what the member said of itself
20    …TargetAssignmentMetadata        group  assignment epoch and time
21    …TargetAssignmentMember          member tasks it shall have
22    …CurrentMemberAssignment         member member epoch, tasks it has and has to give up
23    StreamsGroupTopology             group  the application's topology
```

Source: StreamsCoordinatorRecordHelpers.
"""

from collections.abc import Mapping

from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import StreamsGroupMember
from ottla.coordinator.group.streams.tasks import Tasks, TaskSet, TasksWithEpochs
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record import streams_group_current_member_assignment as current
from ottla.protocol.coordinator_record import streams_group_target_assignment_member as target
from ottla.protocol.coordinator_record.streams_group_current_member_assignment import (
    StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.coordinator_record.streams_group_member_metadata import (
    Endpoint,
    KeyValue,
    StreamsGroupMemberMetadataKey,
    StreamsGroupMemberMetadataValue,
)
from ottla.protocol.coordinator_record.streams_group_metadata import (
    LastAssignmentConfig,
    StreamsGroupMetadataKey,
    StreamsGroupMetadataValue,
)
from ottla.protocol.coordinator_record.streams_group_target_assignment_member import (
    StreamsGroupTargetAssignmentMemberKey,
    StreamsGroupTargetAssignmentMemberValue,
)
from ottla.protocol.coordinator_record.streams_group_target_assignment_metadata import (
    StreamsGroupTargetAssignmentMetadataKey,
    StreamsGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.coordinator_record.streams_group_topology import StreamsGroupTopologyKey, StreamsGroupTopologyValue

# -- of the group


def group_record(
    group_id: str, epoch: int, metadata_hash: int, validated_topology_epoch: int, configs: Mapping[str, str]
) -> CoordinatorRecord:
    value = StreamsGroupMetadataValue(
        epoch=epoch,
        metadata_hash=metadata_hash,
        validated_topology_epoch=validated_topology_epoch,
        last_assignment_configs=[LastAssignmentConfig(key=key, value=configs[key]) for key in sorted(configs)],
    )
    return CoordinatorRecord(StreamsGroupMetadataKey(group_id=group_id), value)


def topology_record(group_id: str, value: StreamsGroupTopologyValue) -> CoordinatorRecord:
    return CoordinatorRecord(StreamsGroupTopologyKey(group_id=group_id), value)


def target_metadata_record(group_id: str, assignment_epoch: int, timestamp_ms: int) -> CoordinatorRecord:
    value = StreamsGroupTargetAssignmentMetadataValue(
        assignment_epoch=assignment_epoch, assignment_timestamp=timestamp_ms
    )
    return CoordinatorRecord(StreamsGroupTargetAssignmentMetadataKey(group_id=group_id), value)


# -- of a member


def member_record(group_id: str, member: StreamsGroupMember) -> CoordinatorRecord:
    endpoint = member.user_endpoint
    value = StreamsGroupMemberMetadataValue(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=None if endpoint is None else Endpoint(host=endpoint.host, port=endpoint.port),
        client_tags=[KeyValue(key=key, value=member.client_tags[key]) for key in sorted(member.client_tags)],
    )
    return CoordinatorRecord(StreamsGroupMemberMetadataKey(group_id=group_id, member_id=member.member_id), value)


def target_record(group_id: str, member_id: str, tasks: TaskSet) -> CoordinatorRecord:
    value = StreamsGroupTargetAssignmentMemberValue(
        active_tasks=_target_tasks(tasks.active),
        standby_tasks=_target_tasks(tasks.standby),
        warmup_tasks=_target_tasks(tasks.warmup),
    )
    return CoordinatorRecord(StreamsGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), value)


def current_record(group_id: str, member: StreamsGroupMember) -> CoordinatorRecord:
    assigned, revoked = member.assigned, member.pending_revocation
    value = StreamsGroupCurrentMemberAssignmentValue(
        member_epoch=member.member_epoch,
        previous_member_epoch=member.previous_member_epoch,
        state=member.state,
        active_tasks=_active_tasks(assigned.active),
        standby_tasks=_other_tasks(assigned.standby),
        warmup_tasks=_other_tasks(assigned.warmup),
        active_tasks_pending_revocation=_active_tasks(revoked.active),
        standby_tasks_pending_revocation=_other_tasks(revoked.standby),
        warmup_tasks_pending_revocation=_other_tasks(revoked.warmup),
    )
    key = StreamsGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member.member_id)
    return CoordinatorRecord(key, value)


def _target_tasks(tasks: Tasks) -> list[target.TaskIds]:
    return [target.TaskIds(subtopology_id=each, partitions=sorted(tasks[each])) for each in sorted(tasks)]


def _active_tasks(tasks: TasksWithEpochs) -> list[current.TaskIds]:
    return [
        current.TaskIds(
            subtopology_id=each,
            partitions=sorted(tasks[each]),
            assignment_epochs=[tasks[each][index] for index in sorted(tasks[each])],
        )
        for each in sorted(tasks)
    ]


def _other_tasks(tasks: Tasks) -> list[current.TaskIds]:
    return [current.TaskIds(subtopology_id=each, partitions=sorted(tasks[each])) for each in sorted(tasks)]


# -- what is gone


def member_tombstones(group_id: str, member_id: str) -> list[CoordinatorRecord]:
    """A member is gone: first what it has and should have, then itself."""
    return [
        _current_tombstone(group_id, member_id),
        _target_tombstone(group_id, member_id),
        _member_tombstone(group_id, member_id),
    ]


def group_tombstones(group: StreamsGroup) -> list[CoordinatorRecord]:
    """All that a group has in the log beside its offsets."""
    group_id, member_ids = group.group_id, list(group.members)
    records = [_current_tombstone(group_id, member_id) for member_id in member_ids]
    records += [_target_tombstone(group_id, member_id) for member_id in member_ids]
    records.append(CoordinatorRecord(StreamsGroupTargetAssignmentMetadataKey(group_id=group_id), None))
    records += [_member_tombstone(group_id, member_id) for member_id in member_ids]
    records.append(CoordinatorRecord(StreamsGroupMetadataKey(group_id=group_id), None))
    records.append(CoordinatorRecord(StreamsGroupTopologyKey(group_id=group_id), None))
    return records


def _current_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(StreamsGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id), None)


def _target_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(StreamsGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), None)


def _member_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(StreamsGroupMemberMetadataKey(group_id=group_id, member_id=member_id), None)
