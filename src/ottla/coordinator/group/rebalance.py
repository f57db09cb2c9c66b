"""How a classic group gets from one generation to the next: the parts that join, leave and failure share.

A rebalance waits until every member has joined again, at most the longest rebalance timeout among them; dynamic members
that have not come by then are out, static ones stay (KIP-345). The first rebalance of an empty group waits
`group.initial.rebalance.delay.ms`, again whenever somebody new came meanwhile (KIP-134). Then each member is answered,
the leader with the list of all, and each has the rebalance timeout to sync (KIP-394's sibling KAFKA-13435).
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
from ottla.coordinator.group.groups import Groups, heartbeat_timer, join_timer, sync_timer
from ottla.coordinator.group.member import ClassicGroupMember
from ottla.coordinator.group.records import group_metadata_record
from ottla.coordinator.result import CoordinatorResult, TimerResult, nothing
from ottla.protocol.api.sync_group import SyncGroupResponse
from ottla.protocol.errors import ErrorCode

# -- beginning


def maybe_prepare_rebalance(groups: Groups, group: ClassicGroup) -> TimerResult:
    """Begin a rebalance, or if one is under way see whether this completes it."""
    if group.can_rebalance:
        return prepare_rebalance(groups, group)
    return maybe_complete_join(groups, group)


def prepare_rebalance(groups: Groups, group: ClassicGroup) -> TimerResult:
    if group.state is COMPLETING_REBALANCE:
        for member in group.members.values():
            member.assignment = b""
        propagate_assignment(groups, group, ErrorCode.REBALANCE_IN_PROGRESS)
    group.pending_sync_members.clear()
    groups.timers.cancel(sync_timer(group.group_id))
    is_initial = group.state is EMPTY
    group.transition_to(PREPARING_REBALANCE, groups.clock.now_ms())
    if is_initial:
        delay_ms = groups.config.group_initial_rebalance_delay_ms
        remaining_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
        _schedule_initial(groups, group.group_id, delay_ms, remaining_ms)
        return nothing()
    if group.has_all_members_joined:
        return complete_join(groups, group)
    _schedule_complete_join(groups, group)
    return nothing()


def maybe_complete_join(groups: Groups, group: ClassicGroup) -> TimerResult:
    """End the wait for members if nobody is missing. The first rebalance ends by its timer alone."""
    if group.state is PREPARING_REBALANCE and group.previous_state is not EMPTY and group.has_all_members_joined:
        return complete_join(groups, group)
    return nothing()


def _schedule_initial(groups: Groups, group_id: str, delay_ms: int, remaining_ms: int) -> None:
    operation = partial(_try_complete_initial, groups, group_id, delay_ms, remaining_ms)
    groups.timers.schedule(join_timer(group_id), delay_ms, operation)


def _try_complete_initial(groups: Groups, group_id: str, delay_ms: int, remaining_ms: int) -> TimerResult:
    group = groups.classic(group_id)
    if group is None:
        return nothing()
    if group.new_member_added and remaining_ms != 0:
        group.new_member_added = False
        next_delay_ms = min(groups.config.group_initial_rebalance_delay_ms, remaining_ms)
        _schedule_initial(groups, group_id, next_delay_ms, max(remaining_ms - delay_ms, 0))
        return nothing()
    return complete_join(groups, group)


def _schedule_complete_join(groups: Groups, group: ClassicGroup) -> None:
    operation = partial(_join_timed_out, groups, group.group_id)
    groups.timers.schedule(join_timer(group.group_id), group.rebalance_timeout_ms, operation)


def _join_timed_out(groups: Groups, group_id: str) -> TimerResult:
    group = groups.classic(group_id)
    return nothing() if group is None else complete_join(groups, group)


# -- everybody has joined, or time is up


def complete_join(groups: Groups, group: ClassicGroup) -> TimerResult:
    """Begin the next generation with the members that have joined, and answer them."""
    groups.timers.cancel(join_timer(group.group_id))
    if group.state is not PREPARING_REBALANCE:
        return nothing()
    absent = [member for member in group.members.values() if member.awaiting_join is None and not member.is_static]
    for member in absent:
        group.remove(member.member_id)
        groups.timers.cancel(heartbeat_timer(group.group_id, member.member_id))
    if group.members and not group.elect_joined_leader():
        # Only static members are left, and none of them has joined: wait another round for one.
        _schedule_complete_join(groups, group)
        return nothing()
    group.start_next_generation(groups.clock.now_ms())
    if group.state is EMPTY:
        return CoordinatorResult([group_metadata_record(group, {})], None, replay=False)
    for member in list(group.members.values()):
        group.complete_join(member, group.join_response(member.member_id))
        reschedule_heartbeat(groups, group, member)
        member.is_new = False
        group.pending_sync_members.add(member.member_id)
    operation = partial(_sync_timed_out, groups, group.group_id, group.generation_id)
    groups.timers.schedule(sync_timer(group.group_id), group.rebalance_timeout_ms, operation)
    return nothing()


def _sync_timed_out(groups: Groups, group_id: str, generation_id: int) -> TimerResult:
    """Members that joined and never asked for their assignment are out."""
    group = groups.classic(group_id)
    if group is None or group.generation_id != generation_id or group.state not in (COMPLETING_REBALANCE, STABLE):
        return nothing()
    if not group.pending_sync_members:
        return nothing()
    for member_id in list(group.pending_sync_members):
        group.remove(member_id)
        groups.timers.cancel(heartbeat_timer(group_id, member_id))
    return prepare_rebalance(groups, group)


# -- assignments


def set_and_propagate_assignment(groups: Groups, group: ClassicGroup, assignment: dict[str, bytes]) -> None:
    for member in group.members.values():
        member.assignment = assignment.get(member.member_id, b"")
    propagate_assignment(groups, group, ErrorCode.NONE)


def propagate_assignment(groups: Groups, group: ClassicGroup, error: ErrorCode) -> None:
    """Answer every parked SyncGroup."""
    ok = error is ErrorCode.NONE
    for member in list(group.members.values()):
        response = SyncGroupResponse(
            error_code=error,
            protocol_type=group.protocol_type if ok else None,
            protocol_name=group.protocol_name if ok else None,
            assignment=member.assignment,
        )
        if group.complete_sync(member, response):
            reschedule_heartbeat(groups, group, member)


# -- members that fall silent


def reschedule_heartbeat(
    groups: Groups, group: ClassicGroup, member: ClassicGroupMember, timeout_ms: int | None = None
) -> None:
    """The member has been heard of: it has its session timeout (or `timeout_ms`) from now."""
    groups.timers.schedule(
        ("heartbeat", group.group_id, member.member_id),
        member.session_timeout_ms if timeout_ms is None else timeout_ms,
        partial(expire_heartbeat, groups, group.group_id, member.member_id),
    )


def expire_heartbeat(groups: Groups, group_id: str, member_id: str) -> TimerResult:
    """The session of a member, or of one that was told to come back with its id, has timed out."""
    group = groups.classic(group_id)
    if group is None or group.state is DEAD:
        return nothing()
    if member_id in group.pending_join_members:
        group.remove(member_id)
        return _complete_if_all_joined(groups, group)
    member = group.members.get(member_id)
    if member is None or member.has_satisfied_heartbeat:
        return nothing()
    group.complete_join(member, join_error("", ErrorCode.UNKNOWN_MEMBER_ID))
    group.remove(member_id)
    if group.state is STABLE or group.state is COMPLETING_REBALANCE:
        return maybe_prepare_rebalance(groups, group)
    return _complete_if_all_joined(groups, group)


def _complete_if_all_joined(groups: Groups, group: ClassicGroup) -> TimerResult:
    if group.state is PREPARING_REBALANCE and group.has_all_members_joined:
        return complete_join(groups, group)
    return nothing()
