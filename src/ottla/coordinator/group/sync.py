"""SyncGroup: the leader hands in the assignment, everybody gets its own.

Answers are parked until the leader's assignment is in the log; a follower that asks later is answered at once.
KIP-345 (3), KIP-559 (5: protocol type and name must be the group's). Source: GroupMetadataManager.classicGroupSync….
"""

from ottla.coordinator.group.classic_group import (
    COMPLETING_REBALANCE,
    DEAD,
    PREPARING_REBALANCE,
    STABLE,
    ClassicGroup,
    sync_error,
)
from ottla.coordinator.group.consumer.classic_member import sync_consumer_group
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.groups import Groups, sync_timer
from ottla.coordinator.group.member import RespondSync
from ottla.coordinator.group.rebalance import (
    maybe_prepare_rebalance,
    propagate_assignment,
    set_and_propagate_assignment,
)
from ottla.coordinator.group.records import group_metadata_record
from ottla.coordinator.result import CoordinatorResult, TimerResult, nothing
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.errors import ErrorCode


def sync_group(groups: Groups, request: SyncGroupRequest, respond: RespondSync) -> TimerResult:
    """Park a member until its generation is assigned. `respond` is called now or later, exactly once."""
    group = groups.get(request.group_id)
    if group is None or group.is_empty:
        respond(sync_error(ErrorCode.UNKNOWN_MEMBER_ID))
        return nothing()
    if isinstance(group, ConsumerGroup):
        sync_consumer_group(groups, request, group, respond)
        return nothing()
    if not isinstance(group, ClassicGroup):
        respond(sync_error(ErrorCode.UNKNOWN_MEMBER_ID))
        return nothing()
    error = _validate(group, request)
    if error is not ErrorCode.NONE:
        respond(sync_error(error))
        return nothing()
    member = group.members[request.member_id]
    _remove_pending_sync(groups, group, request.member_id)
    if group.state is STABLE:
        respond(
            SyncGroupResponse(
                error_code=ErrorCode.NONE,
                protocol_type=group.protocol_type,
                protocol_name=group.protocol_name,
                assignment=member.assignment,
            )
        )
        return nothing()
    # The connection of an earlier request of this member is gone, or it would not ask again.
    group.complete_sync(member, sync_error(ErrorCode.REBALANCE_IN_PROGRESS))
    member.awaiting_sync = respond
    if group.leader_id == request.member_id:
        return _assign(groups, group, request)
    return nothing()


def _validate(group: ClassicGroup, request: SyncGroupRequest) -> ErrorCode:
    if group.state is DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    error = group.validate_member(request.member_id, request.group_instance_id)
    if error is not ErrorCode.NONE:
        return error
    if request.generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    if _differs(request.protocol_type, group.protocol_type) or _differs(request.protocol_name, group.protocol_name):
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is PREPARING_REBALANCE else ErrorCode.NONE


def _differs(theirs: str | None, ours: str | None) -> bool:
    return theirs is not None and ours is not None and theirs != ours


def _remove_pending_sync(groups: Groups, group: ClassicGroup, member_id: str) -> None:
    group.pending_sync_members.discard(member_id)
    if not group.pending_sync_members:
        groups.timers.cancel(sync_timer(group.group_id))


def _assign(groups: Groups, group: ClassicGroup, request: SyncGroupRequest) -> TimerResult:
    """The leader has spoken: the group is stable as soon as its assignment is in the log."""
    handed_in = {each.member_id: bytes(each.assignment) for each in request.assignments}
    assignment = {member_id: handed_in.get(member_id, b"") for member_id in group.members}
    generation_id = group.generation_id

    def committed(error: ErrorCode) -> None:
        if group.state is not COMPLETING_REBALANCE or group.generation_id != generation_id:
            return
        if error is not ErrorCode.NONE:
            for member in group.members.values():
                member.assignment = b""
            propagate_assignment(groups, group, error)
            maybe_prepare_rebalance(groups, group)
        else:
            set_and_propagate_assignment(groups, group, assignment)
            group.transition_to(STABLE, groups.clock.now_ms())

    return CoordinatorResult([group_metadata_record(group, assignment)], None, replay=False, on_committed=committed)
