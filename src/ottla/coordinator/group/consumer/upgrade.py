"""Online upgrade: the first member of the consumer protocol makes a classic group a consumer group (KIP-848).

Its members go on with the classic protocol, keep what they were assigned, and are told to join again when the first
target assignment is there. Source: GroupMetadataManager.convertToConsumerGroup, ConsumerGroup.fromClassicGroup.
"""

from ottla.coordinator.group.assignor.spec import NOTHING, Partitions
from ottla.coordinator.group.classic_group import ClassicGroup, join_error, sync_error
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import ClassicMetadata, ConsumerGroupMember
from ottla.coordinator.group.consumer.embedded_protocol import (
    assigned_by_id,
    decode_assignment,
    decode_subscription,
)
from ottla.coordinator.group.consumer.fence import schedule_session_timeout
from ottla.coordinator.group.consumer.records import group_records
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.member import ClassicGroupMember
from ottla.coordinator.group.records import group_metadata_tombstone
from ottla.coordinator.result import CoordinatorRecord
from ottla.metadata.image import MetadataImage
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError


def convert_to_consumer_group(groups: Groups, group: ClassicGroup, records: list[CoordinatorRecord]) -> ConsumerGroup:
    """The group as its records will make it; `GROUP_ID_NOT_FOUND`, with why, if it may not become one."""
    _validate(groups, group)
    converted = _convert(groups, group)
    for member in list(group.members.values()):
        group.complete_join(member, join_error(member.member_id, ErrorCode.REBALANCE_IN_PROGRESS))
        group.complete_sync(member, sync_error(ErrorCode.REBALANCE_IN_PROGRESS))
    records.append(group_metadata_tombstone(group.group_id))
    records += group_records(converted)
    for each in converted.classic_members:
        assert each.classic is not None
        schedule_session_timeout(groups, group.group_id, each.member_id, each.classic.session_timeout_ms)
    return converted


def _refuse(group: ClassicGroup, reason: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Classic group {group.group_id} stays one: {reason}.")


def _validate(groups: Groups, group: ClassicGroup) -> None:
    if not groups.config.migration_policy.allows_upgrade:
        raise _refuse(group, "online upgrade is disabled")
    if not group.uses_consumer_protocol:
        raise _refuse(group, "its members are no consumers")
    if len(group.members) > groups.config.consumer_group_max_size:
        raise _refuse(group, "it has more members than a consumer group may have")


def _convert(groups: Groups, group: ClassicGroup) -> ConsumerGroup:
    image = groups.image()
    converted = ConsumerGroup(group.group_id, group_epoch=group.generation_id, assignment_epoch=group.generation_id)
    protocol = group.protocol_name if group.protocol_name is not None else group.select_protocol()
    try:
        for member in group.members.values():
            target = _assigned(image, group, member)
            converted.put_member(_consumer_member(member, protocol, target, group.generation_id))
            converted.target[member.member_id] = target
    except (ProtocolError, KeyError):
        raise _refuse(group, "what its members say of themselves cannot be read") from None
    names = converted.subscribed_topics()
    converted.metadata_hash = groups.topic_hashes.group_hash(image, names)
    return converted


def _assigned(image: MetadataImage, group: ClassicGroup, member: ClassicGroupMember) -> Partitions:
    if not member.assignment:
        return NOTHING
    assignment = decode_assignment(member.assignment)
    if assignment.user_data:
        raise _refuse(group, "a custom assignor is in use, whose data would be lost")
    return assigned_by_id(image, assignment)


def _consumer_member(
    member: ClassicGroupMember, protocol: str, target: Partitions, generation_id: int
) -> ConsumerGroupMember:
    subscription = decode_subscription(member.metadata(protocol))
    return ConsumerGroupMember(
        member_id=member.member_id,
        member_epoch=generation_id,
        previous_member_epoch=generation_id,
        instance_id=member.group_instance_id,
        rack_id=subscription.rack_id or None,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=frozenset(subscription.topics),
        assigned={topic_id: dict.fromkeys(partitions, generation_id) for topic_id, partitions in target.items()},
        pending_revocation={},
        classic=ClassicMetadata(member.session_timeout_ms, member.protocols),
    )
