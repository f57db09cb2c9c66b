"""JoinGroup of a classic member in a consumer group: its heartbeat by other means (KIP-848, online migration).

The answer carries no member list and comes at once: the broker assigns, and a member hears in SyncGroup what is its
own. The generation is the member's epoch. Source: GroupMetadataManager.classicGroupJoinToConsumerGroup.
"""

from dataclasses import replace

from ottla.coordinator.group.assignor.spec import NOTHING
from ottla.coordinator.group.classic_group import join_error
from ottla.coordinator.group.consumer.consumer_group import CONSUMER_PROTOCOL_TYPE, ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import ClassicMetadata, ConsumerGroupMember
from ottla.coordinator.group.consumer.downgrade import can_downgrade_replacing, convert_to_classic_group
from ottla.coordinator.group.consumer.embedded_protocol import decode_subscription, owned_by_id
from ottla.coordinator.group.consumer.expressions import ExpressionChange, update_expressions
from ottla.coordinator.group.consumer.fence import (
    known_member,
    schedule_classic_sync_timeout,
    schedule_session_timeout,
)
from ottla.coordinator.group.consumer.heartbeat import (
    add_if_changed,
    advance,
    check_room,
    replace_static_member,
)
from ottla.coordinator.group.consumer.reconcile import reconcile
from ottla.coordinator.group.consumer.subscription import subscriptions_with, update_metadata
from ottla.coordinator.group.consumer.target import Target
from ottla.coordinator.group.groups import Groups, classic_join_timer
from ottla.coordinator.group.member import RespondJoin
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, RequestingClient, TimerResult, nothing
from ottla.protocol.api.consumer_group_heartbeat import TopicPartitions
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError

MEMBER_ID_REQUIRED_VERSION = 4


def join_consumer_group(
    groups: Groups,
    client: RequestingClient,
    request: JoinGroupRequest,
    group: ConsumerGroup,
    respond: RespondJoin,
) -> TimerResult:
    """`respond` is called now or when the records are committed, exactly once."""
    try:
        return _join(groups, client, request, group, respond)
    except KafkaError as error:
        respond(join_error("", error.code))
        return nothing()


def _join(
    groups: Groups,
    client: RequestingClient,
    request: JoinGroupRequest,
    group: ConsumerGroup,
    respond: RespondJoin,
) -> TimerResult:
    if not groups.config.migration_policy.allows_anything:
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "online migration is disabled")
    member_id = request.member_id or groups.new_uuid()
    check_room(groups, group, member_id)
    if not group.supports_classic_protocols(request.protocol_type, (each.name for each in request.protocols)):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "the classic members have no protocol in common")
    if not request.member_id and request.group_instance_id is None and client.api_version >= MEMBER_ID_REQUIRED_VERSION:
        respond(join_error(member_id, ErrorCode.MEMBER_ID_REQUIRED))
        return nothing()
    subscription = _subscription(request)
    records: list[CoordinatorRecord] = []
    existing = group.static_member(request.group_instance_id)
    member = _find_member(group, member_id, request, records)
    downgrades = existing is not None and can_downgrade_replacing(groups, group, existing)
    updated = replace(
        member,
        instance_id=member.instance_id if request.group_instance_id is None else request.group_instance_id,
        rack_id=subscription[1] or member.rack_id,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        subscribed_topic_names=frozenset(subscription[0]),
        subscribed_topic_regex="",
        client_id=client.client_id or "",
        client_host=f"/{client.client_host}",
        classic=ClassicMetadata(
            request.session_timeout_ms, tuple((each.name, bytes(each.metadata)) for each in request.protocols)
        ),
    )
    owned = _owned(groups, request)
    names_changed = add_if_changed(group, member, updated, records)
    change = update_expressions(groups, group, member, updated, records, None)
    changed = names_changed or change is not ExpressionChange.NONE
    if downgrades:
        return _downgrade(groups, group, member, updated, owned, changed=changed, records=records, respond=respond)
    updated = advance(
        groups, group, member, updated, owned, bump=changed, subscription_changed=changed, records=records
    )

    def committed(error: ErrorCode) -> None:
        if error is not ErrorCode.NONE:
            respond(join_error("", error))
            return
        groups.timers.cancel(classic_join_timer(group.group_id, member_id))
        schedule_session_timeout(groups, group.group_id, member_id, request.session_timeout_ms)
        schedule_classic_sync_timeout(groups, group.group_id, updated)
        respond(_response(updated))

    if not records:
        committed(ErrorCode.NONE)
        return nothing()
    return CoordinatorResult(records, None, on_committed=committed)


def _find_member(
    group: ConsumerGroup, member_id: str, request: JoinGroupRequest, records: list[CoordinatorRecord]
) -> ConsumerGroupMember:
    """Generations are not checked: who joins asks for the next one."""
    instance_id = request.group_instance_id
    if instance_id is None:
        return group.members.get(member_id) or ConsumerGroupMember.new(member_id)
    if request.member_id:
        return known_member(group, member_id, instance_id)
    existing = group.static_member(instance_id)
    if existing is None:
        return ConsumerGroupMember.new(member_id)
    return replace_static_member(group, existing, member_id, records)


def _subscription(request: JoinGroupRequest) -> tuple[list[str], str | None]:
    """(topics, rack) of the member's favourite protocol."""
    try:
        subscription = decode_subscription(bytes(request.protocols[0].metadata))
    except ProtocolError:
        # Apache Kafka fails with an illegal state; what the member sent cannot be read.
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "the subscription cannot be read") from None
    return subscription.topics, subscription.rack_id


def _owned(groups: Groups, request: JoinGroupRequest) -> list[TopicPartitions]:
    return owned_by_id(groups.image(), decode_subscription(bytes(request.protocols[0].metadata)))


def _response(member: ConsumerGroupMember) -> JoinGroupResponse:
    assert member.classic is not None
    return JoinGroupResponse(
        error_code=ErrorCode.NONE,
        generation_id=member.member_epoch,
        protocol_type=CONSUMER_PROTOCOL_TYPE,
        protocol_name=member.classic.protocols[0][0],
        leader="",
        member_id=member.member_id,
        members=[],
    )


def _downgrade(
    groups: Groups,
    group: ConsumerGroup,
    member: ConsumerGroupMember,
    updated: ConsumerGroupMember,
    owned: list[TopicPartitions],
    *,
    changed: bool,
    records: list[CoordinatorRecord],
    respond: RespondJoin,
) -> TimerResult:
    """The last member of the consumer protocol has come back as a classic one: the group becomes classic."""
    group_epoch = group.group_epoch
    if changed or group.metadata_has_expired(groups.clock.now_ms()):
        subscriptions = subscriptions_with(group, member, updated)
        group_epoch = update_metadata(groups, group, subscriptions, bump=changed, records=records)
    rebalance = group.assignment_epoch < group_epoch
    if not rebalance:
        previous = group.static_member(updated.instance_id)
        target = NOTHING if previous is None else group.target.get(previous.member_id, NOTHING)
        updated = reconcile(
            groups,
            group,
            updated,
            Target(group.assignment_epoch, target),
            owned,
            subscription_changed=changed,
            records=records,
        )
    downgrade = convert_to_classic_group(groups, group, set(), joining=updated, rebalance=rebalance)

    def committed(error: ErrorCode) -> None:
        if downgrade.on_committed is not None:
            downgrade.on_committed(error)
        respond(_response(updated) if error is ErrorCode.NONE else join_error("", error))

    return CoordinatorResult(records + downgrade.records, None, replay=False, on_committed=committed)
