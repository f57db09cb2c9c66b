"""Online downgrade: when only members of the classic protocol remain, a consumer group becomes a classic one (KIP-848).

The classic group is live at once and its record a picture of it, as every one of a classic group: the batch is not
replayed. Source: GroupMetadataManager.convertToClassicGroup, ClassicGroup.fromConsumerGroup.
"""

from collections.abc import Set

from ottla.coordinator.group.assignor.spec import NOTHING
from ottla.coordinator.group.classic_group import STABLE, ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import CONSUMER_PROTOCOL_TYPE, ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember
from ottla.coordinator.group.consumer.embedded_protocol import encode_assignment
from ottla.coordinator.group.consumer.records import group_tombstones
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.member import ClassicGroupMember
from ottla.coordinator.group.rebalance import prepare_rebalance, reschedule_heartbeat
from ottla.coordinator.group.records import group_metadata_record
from ottla.coordinator.result import CoordinatorResult, TimerResult
from ottla.protocol.errors import ErrorCode


def can_downgrade(groups: Groups, group: ConsumerGroup, leaving: Set[str]) -> bool:
    """Whether the group should become a classic one once these members are gone."""
    remaining = len(group.members) - len(leaving)
    return (
        0 < remaining <= groups.config.group_max_size
        and groups.config.migration_policy.allows_downgrade
        and group.all_use_classic_protocol_without(leaving)
    )


def can_downgrade_replacing(groups: Groups, group: ConsumerGroup, replaced: ConsumerGroupMember) -> bool:
    """Whether it should once a static member of the consumer protocol has come back with the classic one."""
    return (
        not replaced.uses_classic_protocol
        and len(group.members) <= groups.config.group_max_size
        and groups.config.migration_policy.allows_downgrade
        and group.all_use_classic_protocol_without({replaced.member_id})
    )


def convert_to_classic_group(
    groups: Groups,
    group: ConsumerGroup,
    leaving: Set[str],
    *,
    joining: ConsumerGroupMember | None = None,
    rebalance: bool,
) -> TimerResult:
    """`joining` is a static member that has replaced one of the group; `rebalance`: members must join once more."""
    replaced = None if joining is None else group.static_member(joining.instance_id)
    renamed = None if joining is None or replaced is None else (replaced.member_id, joining.member_id)
    records = group_tombstones(group, replaced=renamed)
    classic = ClassicGroup(
        group.group_id,
        state=STABLE,
        state_timestamp_ms=groups.clock.now_ms(),
        protocol_type=CONSUMER_PROTOCOL_TYPE,
        generation_id=group.group_epoch,
    )
    for member_id, member in group.members.items():
        if member_id not in leaving and (replaced is None or member_id != replaced.member_id):
            classic.add(_classic_member(member))
    if joining is not None:
        classic.add(_classic_member(joining))
    classic.protocol_name = classic.select_protocol()
    classic.subscribed_topics = classic.compute_subscribed_topics()
    for each in classic.members.values():
        owner = replaced.member_id if joining and replaced and each.member_id == joining.member_id else each.member_id
        target = group.target.get(owner, NOTHING)
        each.assignment = encode_assignment(groups.image(), target, each.metadata(classic.protocol_name))
    records.append(
        group_metadata_record(classic, {each.member_id: each.assignment for each in classic.members.values()})
    )
    groups.remove(group.group_id)
    groups.by_id[group.group_id] = classic
    for each in classic.members.values():
        reschedule_heartbeat(groups, classic, each)
    if rebalance:
        prepare_rebalance(groups, classic)

    def committed(error: ErrorCode) -> None:
        if error is not ErrorCode.NONE and groups.by_id.get(group.group_id) is classic:
            groups.remove(group.group_id)
            groups.by_id[group.group_id] = group

    return CoordinatorResult(records, None, replay=False, on_committed=committed)


def _classic_member(member: ConsumerGroupMember) -> ClassicGroupMember:
    assert member.classic is not None
    return ClassicGroupMember(
        member_id=member.member_id,
        group_instance_id=member.instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        session_timeout_ms=member.classic.session_timeout_ms,
        protocol_type=CONSUMER_PROTOCOL_TYPE,
        protocols=member.classic.protocols,
    )
