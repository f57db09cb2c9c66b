"""The target assignment: which tasks who shall have, made when the group's epoch has gone up.

Not while a new group waits for its members, and not more often than every `group.streams.assignment.interval.ms`;
members are told that it is delayed. Source: GroupMetadataManager.maybeUpdateStreamsTargetAssignment.
"""

from dataclasses import dataclass

from ottla.coordinator.group.groups import Groups, initial_rebalance_timer
from ottla.coordinator.group.streams.assignor import MemberSpec, assign
from ottla.coordinator.group.streams.config import ASSIGNED_STANDBY_REPLICAS, assignment_interval_ms
from ottla.coordinator.group.streams.configured_topology import ConfiguredTopology, StatusCode
from ottla.coordinator.group.streams.iteration_order import hash_order
from ottla.coordinator.group.streams.records import target_metadata_record, target_record
from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import StreamsGroupMember
from ottla.coordinator.group.streams.tasks import NO_TARGET, TaskSet
from ottla.coordinator.result import CoordinatorRecord, TimerResult, nothing

Problem = tuple[StatusCode, str]


@dataclass(slots=True, frozen=True)
class Target:
    """A member's target, and the epoch that it takes with it; `delayed` says why there is no newer one."""

    epoch: int
    tasks: TaskSet
    delayed: Problem | None = None


def update_target(
    groups: Groups,
    group: StreamsGroup,
    group_epoch: int,
    updated: StreamsGroupMember | None,
    topology: ConfiguredTopology,
    configs: dict[str, str],
    records: list[CoordinatorRecord],
) -> Target:
    """`updated`, if there is one, takes the place of the member of its id; the target returned is that member's."""
    if groups.timers.is_scheduled(initial_rebalance_timer(group.group_id)):
        waiting = (StatusCode.ASSIGNMENT_DELAYED, "The group waits for more members before its first assignment.")
        return Target(group.assignment_epoch, NO_TARGET, waiting)
    last = Target(group.assignment_epoch, NO_TARGET if updated is None else group.target_of(updated.member_id))
    if group.assignment_epoch >= group_epoch:
        return last
    now_ms = groups.clock.now_ms()
    if not _is_due(groups, group, now_ms):
        waiting = (StatusCode.ASSIGNMENT_DELAYED, "The group has just been assigned; its interval is not over yet.")
        return Target(last.epoch, last.tasks, waiting)
    members = dict(group.members)
    if updated is not None:
        members[updated.member_id] = updated
    specs = {
        member_id: MemberSpec(members[member_id].process_id, group.target_of(member_id))
        for member_id in hash_order(members)
    }
    if topology.is_ready and topology.subtopologies is not None:
        assignment = assign(specs, topology.subtopologies, int(configs.get(ASSIGNED_STANDBY_REPLICAS, "0")))
    else:
        assignment = dict.fromkeys(specs, NO_TARGET)
    records += [
        target_record(group.group_id, member_id, assignment[member_id])
        for member_id in specs
        if group.target.get(member_id) != assignment[member_id]
    ]
    records.append(target_metadata_record(group.group_id, group_epoch, now_ms))
    return Target(group_epoch, NO_TARGET if updated is None else assignment[updated.member_id])


def _is_due(groups: Groups, group: StreamsGroup, now_ms: int) -> bool:
    interval_ms = assignment_interval_ms(groups, group.group_id)
    last_ms = group.assignment_timestamp_ms
    return last_ms == 0 or interval_ms == 0 or now_ms >= last_ms + interval_ms


def assign_after_delay(groups: Groups, group_id: str) -> TimerResult:
    """A new group has waited long enough for members."""
    group = groups.by_id.get(group_id)
    if not isinstance(group, StreamsGroup) or group.is_empty or group.configured is None:
        return nothing()
    result = nothing()
    update_target(
        groups,
        group,
        group.group_epoch,
        None,
        group.configured,
        dict(group.assignment_configs),
        result.records,
    )
    return result
