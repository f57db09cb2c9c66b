"""The records of `__consumer_offsets`: made from state, turned into bytes and back.

```
key    ::= int16 record type, then the fields of that type (…Key, never flexible)
value  ::= int16 version, then the fields (…Value); a missing value is a tombstone

type  key               value, at the version written            one a
 0    LegacyOffsetCommitKey  LegacyOffsetCommitValue, only read  (group, topic, partition); Kafka before 0.9
 1    OffsetCommitKey   OffsetCommitValue 4; 1 if it expires     (group, topic, partition)
 2    GroupMetadataKey  GroupMetadataValue 3                     classic group
```

Types 3 and up belong to consumer, share and streams groups.
Source: GroupCoordinatorRecordHelpers, CoordinatorRecordSerde.
"""

import struct

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.offsets import OffsetAndMetadata
from ottla.coordinator.result import CoordinatorRecord
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataKey, GroupMetadataValue, MemberMetadata
from ottla.protocol.coordinator_record.legacy_offset_commit import LegacyOffsetCommitKey, LegacyOffsetCommitValue
from ottla.protocol.coordinator_record.offset_commit import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import CoordinatorKey, CoordinatorValue

GROUP_METADATA_VALUE_VERSION = 3
OFFSET_COMMIT_VALUE_VERSION = 4
OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY = 1

_INT16 = struct.Struct(">h")
_TYPES: dict[int, tuple[type[CoordinatorKey], type[CoordinatorValue]]] = {
    LegacyOffsetCommitKey.record_type: (LegacyOffsetCommitKey, LegacyOffsetCommitValue),
    OffsetCommitKey.record_type: (OffsetCommitKey, OffsetCommitValue),
    GroupMetadataKey.record_type: (GroupMetadataKey, GroupMetadataValue),
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
    key = _INT16.pack(record.key.record_type) + record.key.encode(0)
    if record.value is None:
        return key, None
    return key, _INT16.pack(record.value_version) + record.value.encode(record.value_version)


def decode_record(key: bytes | memoryview, value: bytes | memoryview | None) -> CoordinatorRecord | None:
    """A record of the log; None if its type is not one of ours. `ProtocolError` when malformed."""
    if len(key) < 2:
        raise ProtocolError("a coordinator record's key is shorter than its type")
    types = _TYPES.get(_INT16.unpack_from(key)[0])
    if types is None:
        return None
    key_message = types[0].decode(key, 0, offset=2)
    if value is None:
        return CoordinatorRecord(key_message, None)
    if len(value) < 2:
        raise ProtocolError("a coordinator record's value is shorter than its version")
    version: int = _INT16.unpack_from(value)[0]
    versions = types[1].versions
    if not versions.oldest <= version <= versions.latest:
        raise ProtocolError(f"{types[1].__name__} has no version {version}")
    return CoordinatorRecord(key_message, types[1].decode(value, version, offset=2), version)
