"""ConsumerGroupHeartbeat: join, say what one wants and owns, learn what one shall own, leave. KIP-848.

Each heartbeat takes the steps that are due, in one batch of records: the member's metadata, the group's epoch, the
target assignment, the member's own assignment. Source: GroupMetadataManager.consumerGroupHeartbeat.
"""

from collections.abc import Mapping
from dataclasses import replace

from ottla.coordinator.group.assignor.spec import NOTHING
from ottla.coordinator.group.classic_group import EMPTY, ClassicGroup
from ottla.coordinator.group.consumer.config import heartbeat_interval_ms
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerGroupMember,
    OwnedPartitions,
)
from ottla.coordinator.group.consumer.expressions import (
    ExpressionChange,
    VisibleTopics,
    all_visible,
    update_expressions,
)
from ottla.coordinator.group.consumer.fence import known_member, leave, schedule_session_timeout
from ottla.coordinator.group.consumer.reconcile import Reported, reconcile
from ottla.coordinator.group.consumer.records import (
    current_assignment_record,
    member_metadata_record,
    member_tombstones,
    target_record,
)
from ottla.coordinator.group.consumer.subscription import subscriptions_with, update_metadata
from ottla.coordinator.group.consumer.target import update_target
from ottla.coordinator.group.consumer.upgrade import convert_to_consumer_group
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.records import group_metadata_tombstone
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, RequestingClient
from ottla.protocol.api.consumer_group_heartbeat import (
    Assignment,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.errors import ErrorCode, KafkaError

MEMBER_ID_VERSION = 1
"""Since version 1 members make their ids themselves (KIP-1082)."""


def validate_heartbeat(request: ConsumerGroupHeartbeatRequest, api_version: int, assignors: tuple[str, ...]) -> None:
    """What needs no group: `INVALID_REQUEST`, `UNSUPPORTED_ASSIGNOR`."""
    epoch = request.member_epoch
    if (api_version >= MEMBER_ID_VERSION or epoch > 0 or epoch == LEAVE_EPOCH) and not request.member_id.strip():
        raise _invalid("MemberId must not be empty.")
    texts = {"GroupId": request.group_id, "InstanceId": request.instance_id, "RackId": request.rack_id}
    for name, text in texts.items():
        if text is not None and not text.strip():
            raise _invalid(f"{name} must not be empty.")
    if epoch == JOIN_EPOCH:
        if request.rebalance_timeout_ms == -1:
            raise _invalid("The first request must have a RebalanceTimeoutMs.")
        if request.topic_partitions is None or request.topic_partitions:
            raise _invalid("Who joins must own nothing: TopicPartitions must be empty.")
        if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
            raise _invalid("Who joins must have SubscribedTopicNames or a SubscribedTopicRegex.")
    elif epoch == LEAVE_STATIC_EPOCH:
        if request.instance_id is None:
            raise _invalid("Only a static member can leave for a while: InstanceId must be there.")
    elif epoch < LEAVE_STATIC_EPOCH:
        raise _invalid(f"MemberEpoch cannot be {epoch}.")
    if request.server_assignor is not None and request.server_assignor not in assignors:
        message = f"There is no assignor {request.server_assignor}, but {', '.join(assignors)}."
        raise KafkaError(ErrorCode.UNSUPPORTED_ASSIGNOR, message)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)


def consumer_group_heartbeat(
    groups: Groups,
    client: RequestingClient,
    request: ConsumerGroupHeartbeatRequest,
    visible: VisibleTopics = all_visible,
) -> CoordinatorResult[ConsumerGroupHeartbeatResponse]:
    """Raises `KafkaError`; then nothing has changed. `visible`: what expressions may resolve to."""
    if request.member_epoch in (LEAVE_EPOCH, LEAVE_STATIC_EPOCH):
        return leave(groups, request)
    records: list[CoordinatorRecord] = []
    joins = request.member_epoch == JOIN_EPOCH
    group = _find_or_create(groups, request.group_id, create=joins, records=records)
    check_room(groups, group, request.member_id)
    member_id = request.member_id or groups.new_uuid()
    reported = request.topic_partitions
    member = _find_member(group, member_id, request, records)
    updated = _update(member, client, request)
    names_changed = add_if_changed(group, member, updated, records)
    change = update_expressions(groups, group, member, updated, records, visible)
    updated = advance(
        groups,
        group,
        member,
        updated,
        reported,
        bump=names_changed or change is ExpressionChange.CHANGED_AND_RESOLVED,
        subscription_changed=names_changed or change is not ExpressionChange.NONE,
        records=records,
    )
    schedule_session_timeout(groups, request.group_id, member_id)
    is_full = (
        request.rebalance_timeout_ms != -1
        and (request.subscribed_topic_names is not None or request.subscribed_topic_regex is not None)
        and reported is not None
    )
    response = ConsumerGroupHeartbeatResponse(
        error_code=ErrorCode.NONE,
        member_id=member_id,
        member_epoch=updated.member_epoch,
        heartbeat_interval_ms=heartbeat_interval_ms(groups, request.group_id),
    )
    if joins or is_full or updated.assigned != member.assigned:
        response.assignment = _assignment(updated.assigned)
    return CoordinatorResult(records, response)


def advance(
    groups: Groups,
    group: ConsumerGroup,
    member: ConsumerGroupMember,
    updated: ConsumerGroupMember,
    reported: Reported,
    *,
    bump: bool,
    subscription_changed: bool,
    records: list[CoordinatorRecord],
) -> ConsumerGroupMember:
    """Group epoch, target assignment, the member's step towards it: whatever of this is due."""
    group_epoch = group.group_epoch
    subscriptions = subscriptions_with(group, member, updated)
    if bump or group.metadata_has_expired(groups.clock.now_ms()):
        group_epoch = update_metadata(groups, group, subscriptions, bump=bump, records=records)
    homogeneous = subscriptions.are_homogeneous(group)
    target = update_target(groups, group, group_epoch, member, updated, homogeneous=homogeneous, records=records)
    return reconcile(
        groups, group, updated, target, reported, subscription_changed=subscription_changed, records=records
    )


# -- the group


def _find_or_create(groups: Groups, group_id: str, *, create: bool, records: list[CoordinatorRecord]) -> ConsumerGroup:
    """A new group is not in `groups` until its records are replayed."""
    group = groups.by_id.get(group_id)
    if isinstance(group, ConsumerGroup):
        return group
    if create and group is None:
        return ConsumerGroup(group_id)
    if create and isinstance(group, ClassicGroup):
        if group.state is EMPTY:
            records.append(group_metadata_tombstone(group_id))
            return ConsumerGroup(group_id)
        return convert_to_consumer_group(groups, group, records)
    raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no consumer group {group_id}.")


def check_room(groups: Groups, group: ConsumerGroup, member_id: str) -> None:
    limit = groups.config.consumer_group_max_size
    if len(group.members) >= limit and member_id not in group.members:
        raise KafkaError(ErrorCode.GROUP_MAX_SIZE_REACHED, f"The group has {limit} members, as many as it may have.")


# -- the member


def _find_member(
    group: ConsumerGroup, member_id: str, request: ConsumerGroupHeartbeatRequest, records: list[CoordinatorRecord]
) -> ConsumerGroupMember:
    instance_id = request.instance_id
    if request.member_epoch != JOIN_EPOCH:
        member = known_member(group, member_id, instance_id)
    elif instance_id is None:
        member = group.members.get(member_id) or ConsumerGroupMember.new(member_id)
    else:
        existing = group.static_member(instance_id)
        if existing is None:
            return group.members.get(member_id) or ConsumerGroupMember.new(member_id)
        if not existing.uses_classic_protocol and existing.member_epoch != LEAVE_STATIC_EPOCH:
            message = f"Instance {instance_id} is still member {existing.member_id}."
            raise KafkaError(ErrorCode.UNRELEASED_INSTANCE_ID, message)
        return replace_static_member(group, existing, member_id, records)
    _check_epoch(member, request.member_epoch, request.topic_partitions)
    return member


def replace_static_member(
    group: ConsumerGroup, existing: ConsumerGroupMember, member_id: str, records: list[CoordinatorRecord]
) -> ConsumerGroupMember:
    """A static member is back: under its new id it has what it had, and starts from epoch 0 (KIP-345)."""
    member = replace(existing, member_id=member_id, member_epoch=JOIN_EPOCH, previous_member_epoch=0)
    records += member_tombstones(group.group_id, existing.member_id)
    records.append(member_metadata_record(group.group_id, member))
    records.append(target_record(group.group_id, member_id, group.target.get(existing.member_id, NOTHING)))
    records.append(current_assignment_record(group.group_id, member))
    return member


def _check_epoch(member: ConsumerGroupMember, epoch: int, reported: Reported) -> None:
    """A member may be one epoch behind if it lost our answer, and owns no more than it then would."""
    if epoch in (JOIN_EPOCH, member.member_epoch):
        return
    lost_answer = (
        epoch < member.member_epoch and epoch == member.previous_member_epoch and _is_subset(reported, member.assigned)
    )
    if not lost_answer:
        message = f"Member {member.member_id} is in epoch {member.member_epoch}, not {epoch}; it must rejoin."
        raise KafkaError(ErrorCode.FENCED_MEMBER_EPOCH, message)


def _is_subset(reported: Reported, assigned: Mapping[bytes, Mapping[int, int]]) -> bool:
    if reported is None:
        return False
    return all(
        topic.topic_id in assigned and all(partition in assigned[topic.topic_id] for partition in topic.partitions)
        for topic in reported
    )


def _update(
    member: ConsumerGroupMember, client: RequestingClient, request: ConsumerGroupHeartbeatRequest
) -> ConsumerGroupMember:
    """What the request leaves out stays as it was."""
    names, regex = request.subscribed_topic_names, request.subscribed_topic_regex
    timeout_ms = request.rebalance_timeout_ms
    return replace(
        member,
        instance_id=member.instance_id if request.instance_id is None else request.instance_id,
        rack_id=member.rack_id if request.rack_id is None else request.rack_id,
        rebalance_timeout_ms=member.rebalance_timeout_ms if timeout_ms == -1 else timeout_ms,
        server_assignor=member.server_assignor if request.server_assignor is None else request.server_assignor,
        subscribed_topic_names=member.subscribed_topic_names if names is None else frozenset(names),
        subscribed_topic_regex=member.subscribed_topic_regex if regex is None else regex,
        client_id=client.client_id or "",
        client_host=f"/{client.client_host}",
        classic=None,
    )


def add_if_changed(
    group: ConsumerGroup, member: ConsumerGroupMember, updated: ConsumerGroupMember, records: list[CoordinatorRecord]
) -> bool:
    """Write the member's metadata if they changed; whether the topics that it names did."""
    if updated == member:
        return False
    records.append(member_metadata_record(group.group_id, updated))
    return updated.subscribed_topic_names != member.subscribed_topic_names


def _assignment(assigned: OwnedPartitions) -> Assignment:
    topics = [TopicPartitions(topic_id=topic_id, partitions=sorted(owned)) for topic_id, owned in assigned.items()]
    return Assignment(topic_partitions=topics)
