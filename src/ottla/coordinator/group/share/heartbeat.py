"""ShareGroupHeartbeat: a member joins, says that it is alive, gets its assignment, and leaves. KIP-932.

    member epoch 0   it joins: the group epoch grows
    member epoch n   it is alive; what it shall have now, if that changed
    member epoch -1  it leaves

One decision does all that is due: subscription ─► group epoch ─► target assignment ─► the member's own assignment, and
names the partitions whose state must be begun before anybody can have them. Source: GroupMetadataManager.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ottla.coordinator.group.share.assignor import assign
from ottla.coordinator.group.share.records import (
    current_record,
    epoch_record,
    member_record,
    member_tombstones,
    state_partitions_record,
    target_epoch_record,
    target_record,
)
from ottla.coordinator.group.share.share_group import (
    JOIN_GROUP_MEMBER_EPOCH,
    LEAVE_GROUP_MEMBER_EPOCH,
    Partitions,
    ShareGroup,
    ShareGroupMember,
    StatePartitions,
    StateTopic,
    add_state_topics,
    subscribed_names,
)
from ottla.coordinator.group.share.share_groups import ShareGroups, session_timer
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, RequestingClient, TimerResult, nothing
from ottla.protocol.api.share_group_heartbeat import (
    Assignment,
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.errors import ErrorCode, KafkaError


@dataclass(slots=True)
class Initialization:
    """State that the shell must now have begun at the share coordinator: topic id -> partitions."""

    group_id: str
    state_epoch: int
    partitions: dict[bytes, frozenset[int]] = field(default_factory=dict)


@dataclass(slots=True)
class HeartbeatOutcome:
    response: ShareGroupHeartbeatResponse
    initialization: Initialization | None = None


def heartbeat_error(error: ErrorCode, message: str | None = None) -> HeartbeatOutcome:
    return HeartbeatOutcome(
        ShareGroupHeartbeatResponse(error_code=error, error_message=message, member_epoch=0, heartbeat_interval_ms=0)
    )


def heartbeat(
    groups: ShareGroups, client: RequestingClient, request: ShareGroupHeartbeatRequest
) -> CoordinatorResult[HeartbeatOutcome]:
    try:
        _check(request)
        if request.member_epoch == LEAVE_GROUP_MEMBER_EPOCH:
            return _leave(groups, request)
        return _Heartbeat(groups, client, request).decide()
    except KafkaError as error:
        return CoordinatorResult([], heartbeat_error(error.code, error.message or None))


def _check(request: ShareGroupHeartbeatRequest) -> None:
    """What needs no group to be wrong."""
    if not request.member_id.strip():
        raise KafkaError(ErrorCode.INVALID_REQUEST, "")  # Apache Kafka says no more here
    if not request.group_id.strip():
        raise KafkaError(ErrorCode.INVALID_REQUEST, "GroupId can't be empty.")
    if request.member_epoch == JOIN_GROUP_MEMBER_EPOCH and not request.subscribed_topic_names:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "SubscribedTopicNames must be set in first request.")
    if request.rack_id is not None and not request.rack_id.strip():
        raise KafkaError(ErrorCode.INVALID_REQUEST, "RackId can't be empty.")
    if request.member_epoch < LEAVE_GROUP_MEMBER_EPOCH:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "MemberEpoch is invalid.")


def find_group(groups: ShareGroups, group_id: str) -> ShareGroup:
    group = groups.by_id.get(group_id)
    if group is None:
        if groups.is_other(group_id):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group.")
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Share group {group_id} not found.")
    return group


class _Heartbeat:
    """One heartbeat on its way to a decision; `records` grow step by step, the group stays as it is."""

    def __init__(self, groups: ShareGroups, client: RequestingClient, request: ShareGroupHeartbeatRequest) -> None:
        self._groups = groups
        self._client = client
        self._request = request
        self._records: list[CoordinatorRecord] = []
        self._now_ms = groups.clock.now_ms()
        self._config = groups.config_of(request.group_id)

    def decide(self) -> CoordinatorResult[HeartbeatOutcome]:
        request, groups = self._request, self._groups
        group = self._group()
        known = self._known_member(group)
        member = self._updated(known)
        is_changed = member.member_id not in group.members or member != known
        if is_changed:
            self._records.append(member_record(group.group_id, member))
        resubscribes = set(member.subscribed_topic_names) != set(known.subscribed_topic_names)
        members = {**group.members, member.member_id: member}
        epoch = self._group_epoch(group, members, bump=resubscribes or member.member_id not in group.members)
        target, target_epoch = self._target(group, members, epoch)
        reconciled = self._reconcile(member, target.get(member.member_id, {}), target_epoch, resubscribes)
        if reconciled is not member:
            self._records.append(current_record(group.group_id, reconciled))
        self._schedule_session(member.member_id)
        response = ShareGroupHeartbeatResponse(
            error_code=ErrorCode.NONE,
            member_id=member.member_id,
            member_epoch=reconciled.member_epoch,
            heartbeat_interval_ms=self._config.heartbeat_interval_ms,
        )
        is_full = request.member_epoch == JOIN_GROUP_MEMBER_EPOCH or request.subscribed_topic_names is not None
        if is_full or reconciled.assigned != known.assigned:
            response.assignment = _assignment(reconciled.assigned)
        initialization = begin_states(groups, group, subscribed_names(members.values()), epoch, self._records)
        return CoordinatorResult(self._records, HeartbeatOutcome(response, initialization))

    def _group(self) -> ShareGroup:
        groups, group_id, member_id = self._groups, self._request.group_id, self._request.member_id
        joins = self._request.member_epoch == JOIN_GROUP_MEMBER_EPOCH
        if joins and group_id not in groups.by_id and not groups.is_other(group_id):
            return ShareGroup(group_id)
        group = find_group(groups, group_id)
        if len(group.members) >= groups.config.max_size and member_id not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The share group has reached its maximum capacity of {groups.config.max_size} members.",
            )
        return group

    def _known_member(self, group: ShareGroup) -> ShareGroupMember:
        """As it is; one that just joins is new. Raises where the member's epoch is neither this nor the one before."""
        request = self._request
        member = group.members.get(request.member_id)
        if request.member_epoch == JOIN_GROUP_MEMBER_EPOCH:
            return member or ShareGroupMember(request.member_id)
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID, f"Member {request.member_id} is not a member of group {group.group_id}."
            )
        epoch, known = request.member_epoch, member.member_epoch
        if epoch > known:
            raise KafkaError(
                ErrorCode.FENCED_MEMBER_EPOCH,
                f"The share group member has a greater member epoch ({epoch}) than the one known by the group "
                f"coordinator ({known}). The member must abandon all its partitions and rejoin.",
            )
        if epoch < known and epoch != member.previous_member_epoch:
            raise KafkaError(
                ErrorCode.FENCED_MEMBER_EPOCH,
                f"The share group member has a smaller member epoch ({epoch}) than the one known by the group "
                f"coordinator ({known}, previously {member.previous_member_epoch}). The member must rejoin.",
            )
        return member

    def _updated(self, known: ShareGroupMember) -> ShareGroupMember:
        request = self._request
        names = known.subscribed_topic_names
        if request.subscribed_topic_names is not None:
            names = tuple(sorted(set(request.subscribed_topic_names)))
        return replace(
            known,
            rack_id=known.rack_id if request.rack_id is None else request.rack_id,
            client_id=self._client.client_id or "",
            client_host=f"/{self._client.client_host}",
            subscribed_topic_names=names,
        )

    def _group_epoch(self, group: ShareGroup, members: Mapping[str, ShareGroupMember], *, bump: bool) -> int:
        """The group's epoch, a new one if its members, their topics or the assignable partitions changed."""
        topics = self._groups.image().topics
        if group.epoch <= group.assignment_epoch and _is_state_unassigned(group):
            bump = True
        metadata_hash = group.metadata_hash
        if bump or group.hashed_topics is not topics:
            metadata_hash = self._groups.metadata_hash(subscribed_names(members.values()))
            bump = bump or metadata_hash != group.metadata_hash
            group.hashed_topics = topics
        if not bump:
            return group.epoch
        self._records.append(epoch_record(group.group_id, group.epoch + 1, metadata_hash))
        return group.epoch + 1

    def _target(
        self, group: ShareGroup, members: Mapping[str, ShareGroupMember], epoch: int
    ) -> tuple[Mapping[str, Partitions], int]:
        """The target assignment and its epoch: a new one if the group's epoch grew and the last one is old enough."""
        if epoch <= group.assignment_epoch:
            return group.target, group.assignment_epoch
        since_ms = self._now_ms - group.assignment_timestamp_ms
        if group.assignment_timestamp_ms > 0 and 0 <= since_ms < self._config.assignment_interval_ms:
            return group.target, group.assignment_epoch
        ids = self._groups.image().topics.by_name
        subscriptions = {
            member.member_id: {ids[name].topic_id for name in member.subscribed_topic_names if name in ids}
            for member in members.values()
        }
        target = assign(subscriptions, group.assignable(), group.target)
        for member_id in sorted(target):
            if member_id not in group.target or target[member_id] != group.target[member_id]:
                self._records.append(target_record(group.group_id, member_id, target[member_id]))
        self._records.append(target_epoch_record(group.group_id, epoch, self._now_ms))
        return target, epoch

    def _reconcile(
        self, member: ShareGroupMember, target: Partitions, target_epoch: int, resubscribes: bool
    ) -> ShareGroupMember:
        """The member with what it shall have: nothing is waited for, as partitions may have several members."""
        if member.member_epoch == target_epoch and not resubscribes:
            return member
        ids = self._groups.image().topics.by_name
        subscribed = {ids[name].topic_id for name in member.subscribed_topic_names if name in ids}
        assigned = {topic_id: indexes for topic_id, indexes in target.items() if topic_id in subscribed}
        if member.member_epoch == target_epoch:
            return member if assigned == member.assigned else replace(member, assigned=assigned)
        return replace(member, assigned=assigned, member_epoch=target_epoch, previous_member_epoch=member.member_epoch)

    def _schedule_session(self, member_id: str) -> None:
        schedule_session(self._groups, self._request.group_id, member_id)


def schedule_session(groups: ShareGroups, group_id: str, member_id: str) -> None:
    timeout_ms = groups.config_of(group_id).session_timeout_ms
    groups.timers.schedule(session_timer(group_id, member_id), timeout_ms, lambda: _expire(groups, group_id, member_id))


def schedule_sessions(groups: ShareGroups) -> None:
    """After a load every member has its session timeout from now."""
    for group in groups.by_id.values():
        for member_id in group.members:
            schedule_session(groups, group.group_id, member_id)


def _expire(groups: ShareGroups, group_id: str, member_id: str) -> TimerResult:
    group = groups.by_id.get(group_id)
    if group is None or member_id not in group.members:
        return nothing()
    return CoordinatorResult(_remove(groups, group, member_id), None)


def _leave(groups: ShareGroups, request: ShareGroupHeartbeatRequest) -> CoordinatorResult[HeartbeatOutcome]:
    group = groups.by_id.get(request.group_id)
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} not found.")
    if request.member_id not in group.members:
        raise KafkaError(
            ErrorCode.UNKNOWN_MEMBER_ID, f"Member {request.member_id} is not a member of group {group.group_id}."
        )
    response = ShareGroupHeartbeatResponse(
        error_code=ErrorCode.NONE,
        member_id=request.member_id,
        member_epoch=LEAVE_GROUP_MEMBER_EPOCH,
        heartbeat_interval_ms=0,
    )
    return CoordinatorResult(_remove(groups, group, request.member_id), HeartbeatOutcome(response))


def _remove(groups: ShareGroups, group: ShareGroup, member_id: str) -> list[CoordinatorRecord]:
    groups.timers.cancel(session_timer(group.group_id, member_id))
    rest = [member for member in group.members.values() if member.member_id != member_id]
    records = member_tombstones(group.group_id, member_id)
    records.append(epoch_record(group.group_id, group.epoch + 1, groups.metadata_hash(subscribed_names(rest))))
    return records


def _is_state_unassigned(group: ShareGroup) -> bool:
    """Partitions of subscribed topics have come to have state and are not in the target assignment yet."""
    initialized = group.state_partitions.initialized
    if not group.members or not initialized:
        return False
    subscribed = subscribed_names(group.members.values())
    assigned: dict[bytes, set[int]] = {}
    for partitions in group.target.values():
        for topic_id, indexes in partitions.items():
            assigned.setdefault(topic_id, set()).update(indexes)
    return any(
        topic.name in subscribed and frozenset(assigned.get(topic_id, ())) != topic.partitions
        for topic_id, topic in initialized.items()
    )


def begin_states(
    groups: ShareGroups, group: ShareGroup, subscribed: set[str], epoch: int, records: list[CoordinatorRecord]
) -> Initialization | None:
    """Partitions of subscribed topics without state become initializing; so do those that have been so for too long."""
    now_ms = groups.clock.now_ms()
    state = group.state_partitions
    topics = groups.image().topics.by_name
    wanted: dict[bytes, StateTopic] = {}
    for name in sorted(subscribed):
        topic = topics.get(name)
        if topic is None:
            continue
        missing = frozenset(topic.partitions)
        initialized = state.initialized.get(topic.topic_id)
        if initialized is not None:
            missing -= initialized.partitions
        initializing = state.initializing.get(topic.topic_id)
        if initializing is not None and now_ms - initializing.since_ms < groups.config.initialize_retry_interval_ms:
            missing -= initializing.partitions
        if missing:
            wanted[topic.topic_id] = StateTopic(name, missing, now_ms)
    if not wanted:
        return None
    records.append(state_partitions_record(group.group_id, with_initializing(state, wanted)))
    return Initialization(group.group_id, epoch, {topic_id: topic.partitions for topic_id, topic in wanted.items()})


def with_initializing(state: StatePartitions, wanted: Mapping[bytes, StateTopic]) -> StatePartitions:
    return StatePartitions(
        add_state_topics(state.initializing, wanted),
        state.initialized,
        {topic_id: name for topic_id, name in state.deleting.items() if topic_id not in wanted},
    )


def _assignment(partitions: Partitions) -> Assignment:
    return Assignment(
        topic_partitions=[
            TopicPartitions(topic_id=topic_id, partitions=sorted(indexes))
            for topic_id, indexes in sorted(partitions.items())
        ]
    )
