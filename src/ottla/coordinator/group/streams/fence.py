"""Members of a streams group that go: by themselves, because they fell silent, or gave nothing up in time.

A member that goes takes its records with it, and the group's epoch goes up; topology and what was found of the topics
stay. Source: GroupMetadataManager.streamsGroupFenceMember.
"""

from functools import partial
from typing import TypeVar

from ottla.coordinator.group.groups import Groups, streams_rebalance_timer, streams_session_timer
from ottla.coordinator.group.streams.config import session_timeout_ms
from ottla.coordinator.group.streams.records import group_record, member_tombstones
from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import UNREVOKED_TASKS, StreamsGroupMember
from ottla.coordinator.result import CoordinatorResult, TimerResult, nothing

T = TypeVar("T")


def fence_member(groups: Groups, group: StreamsGroup, member_id: str, response: T) -> CoordinatorResult[T]:
    group_id = group.group_id
    records = member_tombstones(group_id, member_id)
    records.append(
        group_record(
            group_id,
            group.group_epoch + 1,
            group.metadata_hash,
            group.validated_topology_epoch,
            group.assignment_configs,
        )
    )
    groups.timers.cancel(streams_session_timer(group_id, member_id))
    groups.timers.cancel(streams_rebalance_timer(group_id, member_id))
    return CoordinatorResult(records, response)


def schedule_session_timeout(groups: Groups, group_id: str, member_id: str) -> None:
    """The member has been heard of: it has the group's session timeout from now."""
    operation = partial(_session_timed_out, groups, group_id, member_id)
    groups.timers.schedule(streams_session_timer(group_id, member_id), session_timeout_ms(groups, group_id), operation)


def schedule_rebalance_timeout(groups: Groups, group_id: str, member: StreamsGroupMember) -> None:
    """The member has this long to give up what it was told to in its epoch."""
    operation = partial(_rebalance_timed_out, groups, group_id, member.member_id, member.member_epoch)
    groups.timers.schedule(streams_rebalance_timer(group_id, member.member_id), member.rebalance_timeout_ms, operation)


def schedule_timeouts_after_load(groups: Groups, group: StreamsGroup) -> None:
    for member in group.members.values():
        schedule_session_timeout(groups, group.group_id, member.member_id)
        if member.state is UNREVOKED_TASKS:
            schedule_rebalance_timeout(groups, group.group_id, member)


def _session_timed_out(groups: Groups, group_id: str, member_id: str) -> TimerResult:
    group = groups.by_id.get(group_id)
    if not isinstance(group, StreamsGroup) or member_id not in group.members:
        return nothing()
    return fence_member(groups, group, member_id, None)


def _rebalance_timed_out(groups: Groups, group_id: str, member_id: str, member_epoch: int) -> TimerResult:
    group = groups.by_id.get(group_id)
    if not isinstance(group, StreamsGroup):
        return nothing()
    member = group.members.get(member_id)
    if member is None or member.member_epoch != member_epoch:
        return nothing()
    return fence_member(groups, group, member_id, None)
