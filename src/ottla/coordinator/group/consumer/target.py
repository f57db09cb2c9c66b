"""The target assignment: who shall own what, made by a server-side assignor when the group's epoch has gone up.

Not more often than every `group.consumer.assignment.interval.ms` (KIP-1263); until then the last one stands.
Source: GroupMetadataManager.maybeUpdateTargetAssignment, TargetAssignmentBuilder.
"""

from dataclasses import dataclass

from ottla.coordinator.group.assignor.range_assignor import assign_range
from ottla.coordinator.group.assignor.spec import NOTHING, Assignor, GroupSpec, MemberSpec, Partitions
from ottla.coordinator.group.assignor.uniform import assign_uniform
from ottla.coordinator.group.consumer.config import assignment_interval_ms
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember
from ottla.coordinator.group.consumer.records import target_metadata_record, target_record
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.result import CoordinatorRecord

ASSIGNORS: dict[str, Assignor] = {"uniform": assign_uniform, "range": assign_range}
"""By the names of `group.consumer.assignors`; the first one configured is the default."""


@dataclass(slots=True, frozen=True)
class Target:
    """A member's target, and the epoch that it takes with it."""

    epoch: int
    partitions: Partitions


def update_target(
    groups: Groups,
    group: ConsumerGroup,
    group_epoch: int,
    member: ConsumerGroupMember,
    updated: ConsumerGroupMember,
    *,
    homogeneous: bool,
    records: list[CoordinatorRecord],
) -> Target:
    """`updated` takes the place of `member`, and of the static member before it if there is one."""
    now_ms = groups.clock.now_ms()
    if group.assignment_epoch >= group_epoch or not _is_due(groups, group, now_ms):
        return Target(group.assignment_epoch, group.target_of(updated))
    assignor = ASSIGNORS[preferred_assignor(groups, group, member, updated)]
    members = dict(group.members)
    previous_id = group.static_members.get(updated.instance_id) if updated.instance_id is not None else None
    if previous_id is not None:
        members.pop(previous_id, None)
    members[updated.member_id] = updated
    topics = groups.image().topics
    assigned = {
        topic_id: frozenset().union(*(target.get(topic_id, ()) for target in group.target.values()))
        for topic_id in {topic_id for target in group.target.values() for topic_id in target}
    }
    spec = GroupSpec(
        members={
            member_id: MemberSpec(
                members[member_id].instance_id,
                tuple(
                    topic.topic_id
                    for name in sorted(group.topics_of(members[member_id]))
                    if (topic := topics.by_name.get(name)) is not None
                ),
                group.target_of(updated) if member_id == updated.member_id else group.target.get(member_id, NOTHING),
            )
            for member_id in sorted(members)
        },
        homogeneous=homogeneous,
        partition_count=lambda topic_id: len(topics.by_id[topic_id].partitions),
        is_assigned=lambda topic_id, partition: partition in assigned.get(topic_id, ()),
    )
    assignments = assignor(spec)
    for member_id in spec.members:
        target = assignments.get(member_id, NOTHING)
        if group.target.get(member_id) != target:
            records.append(target_record(group.group_id, member_id, target))
    records.append(target_metadata_record(group.group_id, group_epoch, now_ms))
    return Target(group_epoch, assignments.get(updated.member_id, NOTHING))


def _is_due(groups: Groups, group: ConsumerGroup, now_ms: int) -> bool:
    interval_ms = assignment_interval_ms(groups, group.group_id)
    last_ms = group.assignment_timestamp_ms
    return last_ms == 0 or interval_ms == 0 or now_ms >= last_ms + interval_ms


def preferred_assignor(
    groups: Groups,
    group: ConsumerGroup,
    member: ConsumerGroupMember | None = None,
    updated: ConsumerGroupMember | None = None,
) -> str:
    """What most members want, or the broker's default."""
    votes: dict[str, int] = {}
    members = {each.member_id: each.server_assignor for each in group.members.values()}
    if member is not None and updated is not None:
        if updated.instance_id is not None:
            members.pop(group.static_members.get(updated.instance_id, ""), None)
        members[updated.member_id] = updated.server_assignor
    for name in members.values():
        if name in ASSIGNORS:
            votes[name] = votes.get(name, 0) + 1
    return max(votes, key=votes.__getitem__) if votes else groups.config.consumer_assignors[0]
