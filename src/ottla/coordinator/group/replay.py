"""Replay: records of `__consumer_offsets` into state.

The only writer of offsets and of consumer groups; at load, the only maker of classic groups.
"""

from ottla.coordinator.group.classic_group import EMPTY, STABLE, ClassicGroup
from ottla.coordinator.group.consumer.replay import replay_consumer_record
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.member import ClassicGroupMember
from ottla.coordinator.group.offsets import OffsetAndMetadata, Offsets
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataKey, GroupMetadataValue
from ottla.protocol.coordinator_record.legacy_offset_commit import LegacyOffsetCommitKey, LegacyOffsetCommitValue
from ottla.protocol.coordinator_record.offset_commit import OffsetCommitKey, OffsetCommitValue

NO_PRODUCER_ID = -1


def replay(
    groups: Groups, offsets: Offsets, record: CoordinatorRecord, record_offset: int, producer_id: int = NO_PRODUCER_ID
) -> None:
    """`record_offset` is the record's place in the log; a `producer_id` makes an offset part of a transaction."""
    key, value = record.key, record.value
    if isinstance(key, OffsetCommitKey):
        assert value is None or isinstance(value, OffsetCommitValue)
        _replay_offset(groups, offsets, key, value, record_offset, producer_id)
    elif isinstance(key, GroupMetadataKey):
        assert value is None or isinstance(value, GroupMetadataValue)
        _replay_group(groups, key.group, value)
    elif replay_consumer_record(groups, record):
        return
    elif isinstance(key, LegacyOffsetCommitKey):
        assert value is None or isinstance(value, LegacyOffsetCommitValue)
        modern = None
        if value is not None:
            modern = OffsetCommitValue(
                offset=value.offset, metadata=value.metadata, commit_timestamp=value.commit_timestamp
            )
        same = OffsetCommitKey(group=key.group, topic=key.topic, partition=key.partition)
        _replay_offset(groups, offsets, same, modern, record_offset, producer_id)


def _replay_offset(
    groups: Groups,
    offsets: Offsets,
    key: OffsetCommitKey,
    value: OffsetCommitValue | None,
    record_offset: int,
    producer_id: int,
) -> None:
    if value is None:
        offsets.remove(key.group, key.topic, key.partition)
        return
    groups.get_or_create(key.group)
    offset = OffsetAndMetadata(
        committed_offset=value.offset,
        leader_epoch=value.leader_epoch,
        metadata=value.metadata,
        commit_timestamp_ms=value.commit_timestamp,
        expire_timestamp_ms=value.expire_timestamp,
        topic_id=value.topic_id,
        record_offset=record_offset,
    )
    if producer_id == NO_PRODUCER_ID:
        offsets.put(key.group, key.topic, key.partition, offset)
    else:
        offsets.put_pending(producer_id, key.group, key.topic, key.partition, offset)


def _replay_group(groups: Groups, group_id: str, value: GroupMetadataValue | None) -> None:
    groups.remove(group_id)
    if value is None:
        return
    group = ClassicGroup(
        group_id,
        state=STABLE if value.members else EMPTY,
        state_timestamp_ms=value.current_state_timestamp,
        protocol_type=value.protocol_type or None,
        protocol_name=value.protocol,
        generation_id=value.generation,
        leader_id=value.leader,
    )
    for member in value.members:
        # Metadata of the chosen protocol is all that the log keeps of what the member offered.
        subscription = ((value.protocol or "", member.subscription),)
        group.add(
            ClassicGroupMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                rebalance_timeout_ms=(
                    member.session_timeout if member.rebalance_timeout == -1 else member.rebalance_timeout
                ),
                session_timeout_ms=member.session_timeout,
                protocol_type=value.protocol_type,
                protocols=subscription,
                assignment=member.assignment,
            )
        )
    group.subscribed_topics = group.compute_subscribed_topics()
    groups.by_id[group_id] = group
