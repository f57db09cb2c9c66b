"""LeaveGroup: members that go by themselves, or that an administrator removes (KIP-345, batches since version 3)."""

from ottla.coordinator.group.classic_group import (
    COMPLETING_REBALANCE,
    DEAD,
    PREPARING_REBALANCE,
    STABLE,
    ClassicGroup,
    join_error,
    sync_error,
)
from ottla.coordinator.group.consumer.classic_member import leave_consumer_group
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.groups import Groups, heartbeat_timer
from ottla.coordinator.group.rebalance import maybe_complete_join, maybe_prepare_rebalance
from ottla.coordinator.result import CoordinatorResult, nothing
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse
from ottla.protocol.errors import ErrorCode


def leave_group(groups: Groups, request: LeaveGroupRequest) -> CoordinatorResult[LeaveGroupResponse]:
    """Remove `request.members`, each answered by itself; one rebalance follows for all of them."""
    group = groups.get(request.group_id)
    if group is None or not isinstance(group, ClassicGroup | ConsumerGroup):
        unknown = [_answer(member, ErrorCode.UNKNOWN_MEMBER_ID) for member in request.members]
        return CoordinatorResult([], LeaveGroupResponse(error_code=ErrorCode.NONE, members=unknown))
    if isinstance(group, ConsumerGroup):
        return leave_consumer_group(groups, request, group)
    if group.state is DEAD:
        return CoordinatorResult([], LeaveGroupResponse(error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE, members=[]))
    members = [_answer(member, _leave(groups, group, member)) for member in request.members]
    result = nothing()
    if any(member.error_code == ErrorCode.NONE for member in members):
        if group.state is STABLE or group.state is COMPLETING_REBALANCE:
            result = maybe_prepare_rebalance(groups, group)
        elif group.state is PREPARING_REBALANCE:
            result = maybe_complete_join(groups, group)
    response = LeaveGroupResponse(error_code=ErrorCode.NONE, members=members)
    return CoordinatorResult(result.records, response, result.replay, result.on_committed)


def _answer(member: MemberIdentity, error: ErrorCode) -> MemberResponse:
    return MemberResponse(member_id=member.member_id, group_instance_id=member.group_instance_id, error_code=error)


def _leave(groups: Groups, group: ClassicGroup, identity: MemberIdentity) -> ErrorCode:
    member_id = identity.member_id
    if not member_id:
        # An administrator names static members by their instance alone.
        existing = group.static_members.get(identity.group_instance_id) if identity.group_instance_id else None
        if existing is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        member_id = existing
    elif member_id in group.pending_join_members:
        group.remove(member_id)
        groups.timers.cancel(heartbeat_timer(group.group_id, member_id))
        return ErrorCode.NONE
    else:
        error = group.validate_member(member_id, identity.group_instance_id)
        if error is not ErrorCode.NONE:
            return error
    member = group.members[member_id]
    groups.timers.cancel(heartbeat_timer(group.group_id, member_id))
    group.complete_join(member, join_error("", ErrorCode.UNKNOWN_MEMBER_ID))
    group.complete_sync(member, sync_error(ErrorCode.UNKNOWN_MEMBER_ID))
    group.remove(member_id)
    return ErrorCode.NONE
