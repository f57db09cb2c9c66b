"""The records of `__consumer_offsets`: made from state, turned into bytes and back.

```
key    ::= int16 record type, then the fields of that type (…Key, never flexible)
value  ::= int16 version, then the fields (…Value); a missing value is a tombstone

type  key               value, at the version written            one a
 0    LegacyOffsetCommitKey  LegacyOffsetCommitValue, only read  (group, topic, partition); Kafka before 0.9
 1    OffsetCommitKey   OffsetCommitValue 4; 1 if it expires     (group, topic, partition)
 2    GroupMetadataKey  GroupMetadataValue 3                     classic group
```

Types 3 to 8 and 16 are in `consumer.records`, 10 to 15 in `share.records`, 17 and 19 to 23 in `streams.records`.
Source: GroupCoordinatorRecordHelpers, CoordinatorRecordSerde.
"""

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.offsets import OffsetAndMetadata
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record.frame import (
    GROUP_RECORDS,
    UnknownRecordTypeError,
    decode_key,
    decode_value,
    encode_key,
    encode_value,
)
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataKey, GroupMetadataValue, MemberMetadata
from ottla.protocol.coordinator_record.legacy_offset_commit import LegacyOffsetCommitKey
from ottla.protocol.coordinator_record.offset_commit import OffsetCommitKey, OffsetCommitValue

GROUP_METADATA_VALUE_VERSION = 3
OFFSET_COMMIT_VALUE_VERSION = 4
OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY = 1

_CONSUMER_GROUP_RECORD_TYPES = (3, 4, 5, 6, 7, 8, 16)
_SHARE_GROUP_RECORD_TYPES = (10, 11, 12, 13, 14, 15)
_STREAMS_GROUP_RECORD_TYPES = (17, 19, 20, 21, 22, 23)
_KNOWN_RECORDS = {
    record_type: GROUP_RECORDS[record_type]
    for record_type in (
        LegacyOffsetCommitKey.record_type,
        OffsetCommitKey.record_type,
        GroupMetadataKey.record_type,
        *_CONSUMER_GROUP_RECORD_TYPES,
        *_SHARE_GROUP_RECORD_TYPES,
        *_STREAMS_GROUP_RECORD_TYPES,
    )
}


def group_metadata_record(group: ClassicGroup, assignment: dict[str, bytes]) -> CoordinatorRecord:
    """The group as it stands, with what each member id is assigned (nothing, if it is not in the map)."""
    protocol = group.protocol_name
    members = [
        MemberMetadata(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            rebalance_timeout=member.rebalance_timeout_ms,
            session_timeout=member.session_timeout_ms,
            subscription=member.metadata(protocol) if protocol is not None else b"",
            assignment=assignment.get(member.member_id, b""),
        )
        for member in group.members.values()
    ]
    value = GroupMetadataValue(
        protocol_type=group.protocol_type or "",
        generation=group.generation_id,
        protocol=protocol,
        leader=group.leader_id,
        current_state_timestamp=group.state_timestamp_ms,
        members=members,
    )
    return CoordinatorRecord(GroupMetadataKey(group=group.group_id), value, GROUP_METADATA_VALUE_VERSION)


def empty_group_metadata_record(group: ClassicGroup) -> CoordinatorRecord:
    """A group that has just been heard of: no type, no generation, nobody in it."""
    value = GroupMetadataValue(
        protocol_type="",
        generation=0,
        protocol=None,
        leader=None,
        current_state_timestamp=group.state_timestamp_ms,
        members=[],
    )
    return CoordinatorRecord(GroupMetadataKey(group=group.group_id), value, GROUP_METADATA_VALUE_VERSION)


def group_metadata_tombstone(group_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(GroupMetadataKey(group=group_id), None)


def offset_commit_record(group_id: str, topic: str, partition: int, offset: OffsetAndMetadata) -> CoordinatorRecord:
    value = OffsetCommitValue(
        offset=offset.committed_offset,
        leader_epoch=offset.leader_epoch,
        metadata=offset.metadata,
        commit_timestamp=offset.commit_timestamp_ms,
        expire_timestamp=offset.expire_timestamp_ms,
        topic_id=offset.topic_id,
    )
    expires = offset.expire_timestamp_ms != -1
    return CoordinatorRecord(
        OffsetCommitKey(group=group_id, topic=topic, partition=partition),
        value,
        OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY if expires else OFFSET_COMMIT_VALUE_VERSION,
    )


def offset_commit_tombstone(group_id: str, topic: str, partition: int) -> CoordinatorRecord:
    return CoordinatorRecord(OffsetCommitKey(group=group_id, topic=topic, partition=partition), None)


def encode_record(record: CoordinatorRecord) -> tuple[bytes, bytes | None]:
    """(key, value) as they stand in the log."""
    return encode_key(record.key), encode_value(record.value, record.value_version)


def decode_record(key: bytes | memoryview, value: bytes | memoryview | None) -> CoordinatorRecord | None:
    """A record of the log; None if its type is not one of ours. `ProtocolError` when malformed."""
    try:
        decoded_key = decode_key(key, _KNOWN_RECORDS)
    except UnknownRecordTypeError:
        return None
    if value is None:
        return CoordinatorRecord(decoded_key, None)
    decoded_value, version = decode_value(decoded_key, value)
    return CoordinatorRecord(decoded_key, decoded_value, version)
