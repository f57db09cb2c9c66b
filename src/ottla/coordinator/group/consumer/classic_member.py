"""SyncGroup, Heartbeat and LeaveGroup of the classic members of a consumer group (KIP-848, online migration)."""

from ottla.coordinator.group.classic_group import sync_error
from ottla.coordinator.group.consumer.consumer_group import CONSUMER_PROTOCOL_TYPE, ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import (
    UNRELEASED_PARTITIONS,
    UNREVOKED_PARTITIONS,
    ClassicMetadata,
    ConsumerGroupMember,
)
from ottla.coordinator.group.consumer.embedded_protocol import encode_assignment
from ottla.coordinator.group.consumer.fence import (
    fence_members,
    known_member,
    schedule_classic_join_timeout,
    schedule_session_timeout,
)
from ottla.coordinator.group.groups import Groups, classic_sync_timer
from ottla.coordinator.group.member import RespondSync
from ottla.coordinator.result import CoordinatorResult
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.errors import ErrorCode, KafkaError


def sync_consumer_group(groups: Groups, request: SyncGroupRequest, group: ConsumerGroup, respond: RespondSync) -> None:
    """Answer a classic member with what it owns; it never waits."""
    try:
        respond(_sync(groups, request, group))
    except KafkaError as error:
        respond(sync_error(error.code))


def _sync(groups: Groups, request: SyncGroupRequest, group: ConsumerGroup) -> SyncGroupResponse:
    member, classic = _classic_member(group, request.member_id, request.group_instance_id, request.generation_id)
    protocol, metadata = classic.protocols[0]
    if request.protocol_type not in (None, CONSUMER_PROTOCOL_TYPE) or request.protocol_name not in (None, protocol):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "not the protocol that the member joined with")
    if group.assignment_epoch > member.member_epoch and member.state is not UNREVOKED_PARTITIONS:
        schedule_classic_join_timeout(groups, group.group_id, member)
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the member must join again")
    groups.timers.cancel(classic_sync_timer(group.group_id, member.member_id))
    schedule_session_timeout(groups, group.group_id, member.member_id, classic.session_timeout_ms)
    return SyncGroupResponse(
        error_code=ErrorCode.NONE,
        protocol_type=request.protocol_type,
        protocol_name=request.protocol_name,
        assignment=encode_assignment(groups.image(), member.assigned, metadata),
    )


def heartbeat_in_consumer_group(groups: Groups, request: HeartbeatRequest, group: ConsumerGroup) -> ErrorCode:
    """`REBALANCE_IN_PROGRESS` while joining again would take the member further."""
    try:
        member, classic = _classic_member(group, request.member_id, request.group_instance_id, request.generation_id)
    except KafkaError as error:
        return error.code
    schedule_session_timeout(groups, group.group_id, member.member_id, classic.session_timeout_ms)
    should_join = (
        member.member_epoch < group.assignment_epoch
        or member.state is UNREVOKED_PARTITIONS
        or (member.state is UNRELEASED_PARTITIONS and not group.waits_for_others(member))
    )
    if not should_join:
        return ErrorCode.NONE
    schedule_classic_join_timeout(groups, group.group_id, member)
    return ErrorCode.REBALANCE_IN_PROGRESS


def _classic_member(
    group: ConsumerGroup, member_id: str, instance_id: str | None, generation_id: int
) -> tuple[ConsumerGroupMember, ClassicMetadata]:
    member = known_member(group, member_id, instance_id)
    if member.classic is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, "the member does not use the classic protocol")
    if member.member_epoch != generation_id:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION, f"the member is in generation {member.member_epoch}")
    return member, member.classic


def leave_consumer_group(
    groups: Groups, request: LeaveGroupRequest, group: ConsumerGroup
) -> CoordinatorResult[LeaveGroupResponse]:
    """Members of either protocol may be removed, each answered by itself."""
    answers: list[MemberResponse] = []
    leaving: dict[str, ConsumerGroupMember] = {}
    for identity in request.members:
        error = ErrorCode.NONE
        try:
            member = _identified(group, identity)
            leaving[member.member_id] = member
        except KafkaError as refused:
            error = refused.code
        answers.append(
            MemberResponse(member_id=identity.member_id, group_instance_id=identity.group_instance_id, error_code=error)
        )
    response = LeaveGroupResponse(error_code=ErrorCode.NONE, members=answers)
    return fence_members(groups, group, list(leaving.values()), response)


def _identified(group: ConsumerGroup, identity: MemberIdentity) -> ConsumerGroupMember:
    """An administrator names static members by their instance alone."""
    if identity.group_instance_id is not None and not identity.member_id:
        member = group.static_member(identity.group_instance_id)
        if member is not None:
            return member
    return known_member(group, identity.member_id, identity.group_instance_id)
