"""Heartbeat: a member is alive, and hears whether it should join again. Source: classicGroupHeartbeat…."""

from ottla.coordinator.group.classic_group import DEAD, EMPTY, PREPARING_REBALANCE, ClassicGroup
from ottla.coordinator.group.consumer.classic_member import heartbeat_in_consumer_group
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.rebalance import reschedule_heartbeat
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.errors import ErrorCode


def heartbeat(groups: Groups, request: HeartbeatRequest) -> ErrorCode:
    """`NONE`, `REBALANCE_IN_PROGRESS`, or why the sender is no member of this generation."""
    group = groups.get(request.group_id)
    if group is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if isinstance(group, ConsumerGroup):
        return heartbeat_in_consumer_group(groups, request, group)
    if not isinstance(group, ClassicGroup):
        return ErrorCode.UNKNOWN_MEMBER_ID
    if group.state is DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    error = group.validate_member(request.member_id, request.group_instance_id)
    if error is not ErrorCode.NONE:
        return error
    if request.generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    if group.state is EMPTY:
        return ErrorCode.UNKNOWN_MEMBER_ID
    reschedule_heartbeat(groups, group, group.members[request.member_id])
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is PREPARING_REBALANCE else ErrorCode.NONE
