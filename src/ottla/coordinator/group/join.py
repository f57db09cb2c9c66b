"""JoinGroup: becoming a member of a classic group, and coming back for the next generation.

The answer is parked until the rebalance ends; only refusals, and joins that change nothing, are answered at once.
KIP-62, KIP-134 (initial delay), KIP-345 (static members), KIP-389 (group.max.size), KIP-394 (MEMBER_ID_REQUIRED),
KIP-814 (a returning static leader skips the assignment). Source: GroupMetadataManager.classicGroupJoin….
"""

from functools import partial

from ottla.coordinator.group.classic_group import (
    COMPLETING_REBALANCE,
    DEAD,
    EMPTY,
    PREPARING_REBALANCE,
    STABLE,
    ClassicGroup,
    join_error,
)
from ottla.coordinator.group.consumer.classic_join import join_consumer_group
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.records import group_tombstones
from ottla.coordinator.group.groups import Groups, heartbeat_timer
from ottla.coordinator.group.member import ClassicGroupMember, Protocols, RespondJoin
from ottla.coordinator.group.rebalance import (
    expire_heartbeat,
    maybe_complete_join,
    maybe_prepare_rebalance,
    prepare_rebalance,
    reschedule_heartbeat,
)
from ottla.coordinator.group.records import empty_group_metadata_record, group_metadata_record
from ottla.coordinator.result import (
    CoordinatorRecord,
    CoordinatorResult,
    RequestingClient,
    TimerResult,
    nothing,
)
from ottla.protocol.api.join_group import JoinGroupRequest
from ottla.protocol.errors import ErrorCode

MEMBER_ID_REQUIRED_VERSION = 4
SKIP_ASSIGNMENT_VERSION = 9


def join_group(
    groups: Groups, client: RequestingClient, request: JoinGroupRequest, respond: RespondJoin
) -> TimerResult:
    """Take a member in, or back. `respond` is called now or later, exactly once."""
    records: list[CoordinatorRecord] = []
    existing = groups.get(request.group_id)
    if isinstance(existing, ConsumerGroup):
        if not existing.is_empty:
            return join_consumer_group(groups, client, request, existing, respond)
        if not request.member_id:
            records = group_tombstones(existing)
        existing = None
    elif existing is not None and not isinstance(existing, ClassicGroup):
        if not existing.is_empty:
            respond(join_error("", ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
            return nothing()
        if not request.member_id:
            from ottla.coordinator.group.streams.records import group_tombstones as streams_tombstones

            records = streams_tombstones(existing)
        existing = None
    is_new_group = existing is None
    if existing is None and request.member_id:
        respond(join_error(request.member_id, ErrorCode.UNKNOWN_MEMBER_ID))
        return nothing()
    group = existing
    if group is None:
        groups.remove(request.group_id)
        group = groups.create(request.group_id)
    if not _accepts(groups, group, request.member_id):
        group.remove(request.member_id)
        respond(join_error("", ErrorCode.GROUP_MAX_SIZE_REACHED))
        return nothing()
    protocols = tuple((protocol.name, bytes(protocol.metadata)) for protocol in request.protocols)
    if group.state is DEAD:
        respond(join_error(request.member_id, ErrorCode.COORDINATOR_NOT_AVAILABLE))
        result = nothing()
    elif not group.supports_protocols(request.protocol_type, protocols):
        respond(join_error(request.member_id, ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
        result = nothing()
    elif request.member_id:
        result = _join_existing(groups, client, request, group, protocols, respond)
    else:
        result = _join_new(groups, client, request, group, protocols, respond)
    if is_new_group and not result.records:
        records.append(empty_group_metadata_record(group))
        return CoordinatorResult(records, None, replay=False, on_committed=partial(_refuse_unwritten, respond))
    result.records[:0] = records
    return result


def _refuse_unwritten(respond: RespondJoin, error: ErrorCode) -> None:
    if error is not ErrorCode.NONE:
        respond(join_error("", error))


def _accepts(groups: Groups, group: ClassicGroup, member_id: str) -> bool:
    """Whether there is room; the members that a full group already has may always come back."""
    state, limit = group.state, groups.config.group_max_size
    if state is EMPTY or state is DEAD:
        return True
    if state is PREPARING_REBALANCE:
        member = group.members.get(member_id)
        return (member is not None and member.awaiting_join is not None) or group.awaiting_join_count < limit
    return member_id in group.members or len(group.members) < limit


# -- without a member id


def _join_new(
    groups: Groups,
    client: RequestingClient,
    request: JoinGroupRequest,
    group: ClassicGroup,
    protocols: Protocols,
    respond: RespondJoin,
) -> TimerResult:
    instance_id = request.group_instance_id
    prefix = (client.client_id or "") if instance_id is None else instance_id
    new_member_id = f"{prefix}-{groups.new_uuid()}"
    if instance_id is not None:
        existing = group.static_members.get(instance_id)
        if existing is not None:
            return _replace_static(groups, client, request, group, protocols, existing, new_member_id, respond)
    elif client.api_version >= MEMBER_ID_REQUIRED_VERSION:
        return _require_member_id(groups, request, group, new_member_id, respond)
    return _add(groups, client, request, group, protocols, new_member_id, respond)


def _require_member_id(
    groups: Groups, request: JoinGroupRequest, group: ClassicGroup, new_member_id: str, respond: RespondJoin
) -> TimerResult:
    """Tell the client its id and have it come back, so that a lost answer leaves no ghost member (KIP-394)."""
    if len(group.pending_join_members) >= groups.config.max_pending_members:
        respond(join_error("", ErrorCode.GROUP_MAX_SIZE_REACHED))
        return nothing()
    group.pending_join_members.add(new_member_id)
    groups.timers.schedule(
        heartbeat_timer(group.group_id, new_member_id),
        request.session_timeout_ms,
        partial(expire_heartbeat, groups, group.group_id, new_member_id),
    )
    respond(join_error(new_member_id, ErrorCode.MEMBER_ID_REQUIRED))
    return nothing()


def _add(
    groups: Groups,
    client: RequestingClient,
    request: JoinGroupRequest,
    group: ClassicGroup,
    protocols: Protocols,
    member_id: str,
    respond: RespondJoin,
) -> TimerResult:
    member = ClassicGroupMember(
        member_id=member_id,
        group_instance_id=request.group_instance_id,
        client_id=client.client_id or "",
        client_host=f"/{client.client_host}",
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        session_timeout_ms=request.session_timeout_ms,
        protocol_type=request.protocol_type,
        protocols=protocols,
        is_new=True,
    )
    if group.state is PREPARING_REBALANCE and group.previous_state is EMPTY:
        group.new_member_added = True
    group.add(member, respond)
    # A client that never hears our answer must not hold up the group for a whole rebalance timeout, which may be hours.
    reschedule_heartbeat(groups, group, member, groups.config.new_member_join_timeout_ms)
    return maybe_prepare_rebalance(groups, group)


def _replace_static(
    groups: Groups,
    client: RequestingClient,
    request: JoinGroupRequest,
    group: ClassicGroup,
    protocols: Protocols,
    old_member_id: str,
    new_member_id: str,
    respond: RespondJoin,
) -> TimerResult:
    """A static member has restarted: it gets a new id and, if nothing else changes, its old place (KIP-345)."""
    instance_id = request.group_instance_id
    assert instance_id is not None
    old_leader_id = group.leader_id
    member = group.replace_static_member(instance_id, old_member_id, new_member_id)
    groups.timers.cancel(heartbeat_timer(group.group_id, old_member_id))
    reschedule_heartbeat(groups, group, member)
    before = (member.protocols, member.rebalance_timeout_ms, member.session_timeout_ms)
    group.update_member(member, protocols, request.rebalance_timeout_ms, request.session_timeout_ms, respond)
    if group.state is COMPLETING_REBALANCE:
        return prepare_rebalance(groups, group)
    if group.state is not STABLE:
        return maybe_complete_join(groups, group)
    if group.select_protocol() != group.protocol_name:
        return maybe_prepare_rebalance(groups, group)

    def committed(error: ErrorCode) -> None:
        if error is not ErrorCode.NONE:
            group.update_member(member, *before, None)
            groups.timers.cancel(heartbeat_timer(group.group_id, new_member_id))
            restored = group.replace_static_member(instance_id, new_member_id, old_member_id)
            reschedule_heartbeat(groups, group, restored)
            respond(join_error("", error))
        elif group.state is STABLE and member.awaiting_join is not None:
            _answer_replaced(client, group, member, old_leader_id)

    assignment = {each.member_id: each.assignment for each in group.members.values()}
    return CoordinatorResult([group_metadata_record(group, assignment)], None, replay=False, on_committed=committed)


def _answer_replaced(
    client: RequestingClient, group: ClassicGroup, member: ClassicGroupMember, old_leader_id: str | None
) -> None:
    is_leader = group.leader_id == member.member_id
    if client.api_version >= SKIP_ASSIGNMENT_VERSION:
        response = group.join_response(member.member_id, skip_assignment=is_leader)
    else:
        # An older leader would assign at once, and not to everybody's liking: let it believe that it follows.
        response = group.join_response(member.member_id)
        response.leader = old_leader_id or ""
        response.members = []
    group.complete_join(member, response)


# -- with a member id


def _join_existing(
    groups: Groups,
    client: RequestingClient,
    request: JoinGroupRequest,
    group: ClassicGroup,
    protocols: Protocols,
    respond: RespondJoin,
) -> TimerResult:
    member_id = request.member_id
    if member_id in group.pending_join_members:
        if request.group_instance_id is not None:
            # Only dynamic members are asked to come back with an id.
            respond(join_error(member_id, ErrorCode.UNKNOWN_SERVER_ERROR))
            return nothing()
        return _add(groups, client, request, group, protocols, member_id, respond)
    error = group.validate_member(member_id, request.group_instance_id)
    if error is not ErrorCode.NONE:
        respond(join_error(member_id, error))
        return nothing()
    member = group.members[member_id]
    changes = member.protocols != protocols
    if group.state is EMPTY:
        respond(join_error(member_id, ErrorCode.UNKNOWN_MEMBER_ID))
        return nothing()
    unchanged = (group.state is COMPLETING_REBALANCE and not changes) or (
        group.state is STABLE and not changes and group.leader_id != member_id
    )
    if unchanged:
        # A lost answer, or a follower that came back by itself: it hears of the generation that it belongs to.
        respond(group.join_response(member_id))
        return nothing()
    group.update_member(member, protocols, request.rebalance_timeout_ms, request.session_timeout_ms, respond)
    return maybe_prepare_rebalance(groups, group)
