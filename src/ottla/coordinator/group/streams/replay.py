"""Replay of a streams group's records: the only writer of its replicated state."""

from dataclasses import replace

from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.streams.streams_group import NO_ASSIGNMENT_EPOCH, StreamsGroup
from ottla.coordinator.group.streams.streams_member import LEAVE_EPOCH, Endpoint, MemberState, StreamsGroupMember
from ottla.coordinator.group.streams.tasks import NO_TASKS, OwnedTasks, Tasks, TaskSet
from ottla.coordinator.group.streams.topology import topology_of
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record import streams_group_current_member_assignment as current
from ottla.protocol.coordinator_record import streams_group_target_assignment_member as target
from ottla.protocol.coordinator_record.streams_group_current_member_assignment import (
    StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.coordinator_record.streams_group_member_metadata import (
    StreamsGroupMemberMetadataKey,
    StreamsGroupMemberMetadataValue,
)
from ottla.protocol.coordinator_record.streams_group_metadata import StreamsGroupMetadataKey, StreamsGroupMetadataValue
from ottla.protocol.coordinator_record.streams_group_target_assignment_member import (
    StreamsGroupTargetAssignmentMemberKey,
    StreamsGroupTargetAssignmentMemberValue,
)
from ottla.protocol.coordinator_record.streams_group_target_assignment_metadata import (
    StreamsGroupTargetAssignmentMetadataKey,
    StreamsGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.coordinator_record.streams_group_topology import StreamsGroupTopologyKey, StreamsGroupTopologyValue
from ottla.protocol.message import CoordinatorValue

_KNOWN_STATES = frozenset(MemberState)


def replay(groups: Groups, record: CoordinatorRecord) -> bool:
    """False: it is no record of a streams group. A tombstone for what is not there changes nothing."""
    key, value = record.key, record.value
    match key:
        case StreamsGroupMetadataKey():
            _replay_group(groups, key.group_id, value)
        case StreamsGroupMemberMetadataKey():
            _replay_member(groups, key, value)
        case StreamsGroupTargetAssignmentMetadataKey():
            _replay_target_metadata(groups, key.group_id, value)
        case StreamsGroupTargetAssignmentMemberKey():
            _replay_target(groups, key, value)
        case StreamsGroupCurrentMemberAssignmentKey():
            _replay_current(groups, key, value)
        case StreamsGroupTopologyKey():
            assert value is None or isinstance(value, StreamsGroupTopologyValue)
            group = _find(groups, key.group_id, create=value is not None)
            if group is not None:
                group.topology = None if value is None else topology_of(value)
        case _:
            return False
    return True


def _find(groups: Groups, group_id: str, *, create: bool) -> StreamsGroup | None:
    """A classic group of that name is one that offsets alone have made; members make it a streams group."""
    group = groups.by_id.get(group_id)
    if isinstance(group, StreamsGroup):
        return group
    if not create:
        return None
    groups.remove(group_id)
    made = groups.by_id[group_id] = StreamsGroup(group_id)
    return made


def _replay_group(groups: Groups, group_id: str, value: CoordinatorValue | None) -> None:
    group = _find(groups, group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        groups.remove(group_id)
        return
    assert isinstance(value, StreamsGroupMetadataValue)
    group.group_epoch = value.epoch
    group.metadata_hash = value.metadata_hash
    group.validated_topology_epoch = value.validated_topology_epoch
    group.assignment_configs = {each.key: each.value for each in value.last_assignment_configs or ()}


def _replay_target_metadata(groups: Groups, group_id: str, value: CoordinatorValue | None) -> None:
    group = _find(groups, group_id, create=value is not None)
    if group is None:
        return
    assert value is None or isinstance(value, StreamsGroupTargetAssignmentMetadataValue)
    group.assignment_epoch = NO_ASSIGNMENT_EPOCH if value is None else value.assignment_epoch
    group.assignment_timestamp_ms = 0 if value is None else value.assignment_timestamp


def _replay_member(groups: Groups, key: StreamsGroupMemberMetadataKey, value: CoordinatorValue | None) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        group.remove_member(key.member_id)
        return
    assert isinstance(value, StreamsGroupMemberMetadataValue)
    endpoint = value.user_endpoint
    member = group.members.get(key.member_id) or StreamsGroupMember(member_id=key.member_id)
    group.put_member(
        replace(
            member,
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            topology_epoch=value.topology_epoch,
            process_id=value.process_id,
            user_endpoint=None if endpoint is None else Endpoint(endpoint.host, endpoint.port),
            client_tags={each.key: each.value for each in value.client_tags},
        )
    )


def _replay_target(groups: Groups, key: StreamsGroupTargetAssignmentMemberKey, value: CoordinatorValue | None) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    if value is None:
        group.target.pop(key.member_id, None)
        return
    assert isinstance(value, StreamsGroupTargetAssignmentMemberValue)
    group.target[key.member_id] = TaskSet(
        _tasks(value.active_tasks), _tasks(value.standby_tasks), _tasks(value.warmup_tasks)
    )


def _replay_current(
    groups: Groups, key: StreamsGroupCurrentMemberAssignmentKey, value: CoordinatorValue | None
) -> None:
    group = _find(groups, key.group_id, create=value is not None)
    if group is None:
        return
    member = group.members.get(key.member_id)
    if value is None:
        if member is not None:
            gone = replace(
                member,
                member_epoch=LEAVE_EPOCH,
                previous_member_epoch=LEAVE_EPOCH,
                assigned=NO_TASKS,
                pending_revocation=NO_TASKS,
            )
            group.put_member(gone)
        return
    assert isinstance(value, StreamsGroupCurrentMemberAssignmentValue)
    epoch = value.member_epoch
    group.put_member(
        replace(
            member or StreamsGroupMember(member_id=key.member_id),
            member_epoch=epoch,
            previous_member_epoch=value.previous_member_epoch,
            state=MemberState(value.state) if value.state in _KNOWN_STATES else MemberState.UNKNOWN,
            assigned=OwnedTasks(
                _active(value.active_tasks, epoch), _tasks(value.standby_tasks), _tasks(value.warmup_tasks)
            ),
            pending_revocation=OwnedTasks(
                _active(value.active_tasks_pending_revocation, epoch),
                _tasks(value.standby_tasks_pending_revocation),
                _tasks(value.warmup_tasks_pending_revocation),
            ),
        )
    )


def _tasks(tasks: "list[current.TaskIds] | list[target.TaskIds]") -> Tasks:
    return {each.subtopology_id: frozenset(each.partitions) for each in tasks}


def _active(tasks: list[current.TaskIds], member_epoch: int) -> dict[str, dict[int, int]]:
    """Records before 4.3 have no epochs, which then are the member's."""
    owned: dict[str, dict[int, int]] = {}
    for each in tasks:
        epochs = each.assignment_epochs
        if epochs is None or len(epochs) != len(each.partitions):
            epochs = [member_epoch] * len(each.partitions)
        owned[each.subtopology_id] = dict(zip(each.partitions, epochs, strict=True))
    return owned
