"""Members of a consumer group that go: by themselves, because they fell silent, or gave nothing up in time.

A dynamic member that goes takes its records with it, and the group's epoch goes up. A static one that leaves for a
while (epoch -2) keeps its place until it comes back, or its session ends (KIP-345). When those that remain all speak
the classic protocol, the group becomes a classic one. Source: GroupMetadataManager.consumerGroupFenceMembers.
"""

from dataclasses import replace
from functools import partial
from typing import TypeVar

from ottla.coordinator.group.consumer.config import session_timeout_ms
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import (
    LEAVE_STATIC_EPOCH,
    UNREVOKED_PARTITIONS,
    ConsumerGroupMember,
)
from ottla.coordinator.group.consumer.downgrade import can_downgrade, convert_to_classic_group
from ottla.coordinator.group.consumer.expressions import delete_expressions
from ottla.coordinator.group.consumer.records import (
    current_assignment_record,
    group_epoch_record,
    member_tombstones,
)
from ottla.coordinator.group.groups import (
    CONSUMER_MEMBER_TIMERS,
    Groups,
    classic_join_timer,
    classic_sync_timer,
    rebalance_timer,
    session_timer,
)
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, TimerResult, nothing
from ottla.protocol.api.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.errors import ErrorCode, KafkaError

T = TypeVar("T")


def leave(groups: Groups, request: ConsumerGroupHeartbeatRequest) -> CoordinatorResult[ConsumerGroupHeartbeatResponse]:
    """A heartbeat with epoch -1, or -2 of a static member that will come back."""
    group = groups.consumer(request.group_id)
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no consumer group {request.group_id}.")
    response = ConsumerGroupHeartbeatResponse(
        error_code=ErrorCode.NONE,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        heartbeat_interval_ms=0,
    )
    member = known_member(group, request.member_id, request.instance_id)
    if request.instance_id is not None and request.member_epoch == LEAVE_STATIC_EPOCH:
        away = replace(
            member,
            member_epoch=LEAVE_STATIC_EPOCH,
            pending_revocation={},
            assigned={topic_id: dict.fromkeys(owned, 0) for topic_id, owned in member.assigned.items()},
        )
        return CoordinatorResult([current_assignment_record(group.group_id, away)], response)
    return fence_members(groups, group, [member], response)


def known_member(group: ConsumerGroup, member_id: str, instance_id: str | None) -> ConsumerGroupMember:
    """`UNKNOWN_MEMBER_ID`, or `FENCED_INSTANCE_ID` if the instance goes by another member id now."""
    if instance_id is None:
        member = group.members.get(member_id)
        if member is None:
            message = f"Member {member_id} is not in group {group.group_id}."
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, message)
        return member
    member = group.static_member(instance_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance {instance_id} is not in group {group.group_id}.")
    if member.member_id != member_id:
        message = f"Instance {instance_id} is member {member.member_id}, no longer {member_id}."
        raise KafkaError(ErrorCode.FENCED_INSTANCE_ID, message)
    return member


def fence_members(
    groups: Groups, group: ConsumerGroup, leaving: list[ConsumerGroupMember], response: T
) -> CoordinatorResult[T]:
    """Remove members; what remains may become a classic group."""
    if not leaving:
        return CoordinatorResult([], response)
    leaving_ids = {member.member_id for member in leaving}
    if can_downgrade(groups, group, leaving_ids):
        downgrade = convert_to_classic_group(groups, group, leaving_ids, rebalance=True)
        return CoordinatorResult(downgrade.records, response, replay=False, on_committed=downgrade.on_committed)
    records: list[CoordinatorRecord] = []
    for member in leaving:
        records += member_tombstones(group.group_id, member.member_id)
    gone = delete_expressions(group, leaving, records)
    names = dict(group.name_counts)
    for member in leaving:
        for name in member.subscribed_topic_names:
            names[name] -= 1
    topics = {name for name, count in names.items() if count > 0}
    topics.update(*(each.topics for expression, each in group.resolved.items() if expression not in gone))
    metadata_hash = groups.topic_hashes.group_hash(groups.image(), topics)
    records.append(group_epoch_record(group.group_id, group.group_epoch + 1, metadata_hash))
    for member in leaving:
        cancel_timers(groups, group.group_id, member.member_id)
    return CoordinatorResult(records, response)


# -- timers


def schedule_session_timeout(groups: Groups, group_id: str, member_id: str, timeout_ms: int | None = None) -> None:
    """The member has been heard of: it has the group's session timeout, or a classic member its own, from now."""
    if timeout_ms is None:
        timeout_ms = session_timeout_ms(groups, group_id)
    groups.timers.schedule(session_timer(group_id, member_id), timeout_ms, _fencing(groups, group_id, member_id))


def schedule_classic_join_timeout(groups: Groups, group_id: str, member: ConsumerGroupMember) -> None:
    """A classic member has been told to join again; the time runs from the first time it was told."""
    key = classic_join_timer(group_id, member.member_id)
    if not groups.timers.is_scheduled(key):
        groups.timers.schedule(key, member.rebalance_timeout_ms, _fencing(groups, group_id, member.member_id))


def schedule_classic_sync_timeout(groups: Groups, group_id: str, member: ConsumerGroupMember) -> None:
    """A classic member has joined and must ask for its assignment."""
    key = classic_sync_timer(group_id, member.member_id)
    groups.timers.schedule(key, member.rebalance_timeout_ms, _fencing(groups, group_id, member.member_id))


def cancel_timers(groups: Groups, group_id: str, member_id: str) -> None:
    for timer in CONSUMER_MEMBER_TIMERS:
        groups.timers.cancel(timer(group_id, member_id))


def _fencing(groups: Groups, group_id: str, member_id: str) -> partial[TimerResult]:
    return partial(_timed_out, groups, group_id, member_id)


def _timed_out(groups: Groups, group_id: str, member_id: str) -> TimerResult:
    group = groups.consumer(group_id)
    member = None if group is None else group.members.get(member_id)
    if group is None or member is None:
        return nothing()
    return fence_members(groups, group, [member], None)


def rebalance_timed_out(groups: Groups, group_id: str, member_id: str, member_epoch: int) -> TimerResult:
    """The member still has not given up what it was told to in that epoch."""
    group = groups.consumer(group_id)
    member = None if group is None else group.members.get(member_id)
    if group is None or member is None or member.member_epoch != member_epoch:
        return nothing()
    return fence_members(groups, group, [member], None)


def schedule_timeouts_after_load(groups: Groups, group: ConsumerGroup) -> None:
    for member in group.members.values():
        schedule_session_timeout(groups, group.group_id, member.member_id)
        if member.state is UNREVOKED_PARTITIONS:
            schedule_rebalance_timeout(groups, group.group_id, member)


def schedule_rebalance_timeout(groups: Groups, group_id: str, member: ConsumerGroupMember) -> None:
    operation = partial(rebalance_timed_out, groups, group_id, member.member_id, member.member_epoch)
    groups.timers.schedule(rebalance_timer(group_id, member.member_id), member.rebalance_timeout_ms, operation)
