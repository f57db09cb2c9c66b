"""The records of `__share_group_state`: made from state, turned into bytes and back.

```
key    ::= int16 record type · group id · topic id · partition (ShareSnapshotKey, ShareUpdateKey)
value  ::= int16 version (0) · fields; a missing value is a tombstone

type  value                                                                       means
 0    ShareSnapshotValue  epochs, start offset, times, all state batches           the whole state
 1    ShareUpdateValue    snapshot epoch, leader epoch, start offset, batches      what changed since
```

Both kinds count, in the order of the log: the topic is not compacted. Source: ShareCoordinatorRecordHelpers.
"""

from ottla.coordinator.result import CoordinatorRecord
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.coordinator.share.state_batch import StateBatch
from ottla.protocol.coordinator_record import share_snapshot, share_update
from ottla.protocol.coordinator_record.frame import (
    SHARE_RECORDS,
    UnknownRecordTypeError,
    decode_key,
    decode_value,
    encode_key,
    encode_value,
)
from ottla.protocol.coordinator_record.share_snapshot import ShareSnapshotKey, ShareSnapshotValue
from ottla.protocol.coordinator_record.share_update import ShareUpdateKey, ShareUpdateValue


def snapshot_record(key: SharePartitionKey, state: SharePartitionState) -> CoordinatorRecord:
    value = ShareSnapshotValue(
        snapshot_epoch=state.snapshot_epoch,
        state_epoch=state.state_epoch,
        leader_epoch=state.leader_epoch,
        start_offset=state.start_offset,
        delivery_complete_count=state.delivery_complete_count,
        create_timestamp=state.create_timestamp_ms,
        write_timestamp=state.write_timestamp_ms,
        state_batches=[
            share_snapshot.StateBatch(
                first_offset=batch.first_offset,
                last_offset=batch.last_offset,
                delivery_state=batch.delivery_state,
                delivery_count=batch.delivery_count,
            )
            for batch in state.state_batches
        ],
    )
    return CoordinatorRecord(_snapshot_key(key), value)


def snapshot_tombstone(key: SharePartitionKey) -> CoordinatorRecord:
    return CoordinatorRecord(_snapshot_key(key), None)


def update_record(
    key: SharePartitionKey,
    *,
    snapshot_epoch: int,
    leader_epoch: int,
    start_offset: int,
    delivery_complete_count: int,
    state_batches: list[StateBatch],
) -> CoordinatorRecord:
    value = ShareUpdateValue(
        snapshot_epoch=snapshot_epoch,
        leader_epoch=leader_epoch,
        start_offset=start_offset,
        delivery_complete_count=delivery_complete_count,
        state_batches=[
            share_update.StateBatch(
                first_offset=batch.first_offset,
                last_offset=batch.last_offset,
                delivery_state=batch.delivery_state,
                delivery_count=batch.delivery_count,
            )
            for batch in state_batches
        ],
    )
    return CoordinatorRecord(
        ShareUpdateKey(group_id=key.group_id, topic_id=key.topic_id, partition=key.partition), value
    )


def _snapshot_key(key: SharePartitionKey) -> ShareSnapshotKey:
    return ShareSnapshotKey(group_id=key.group_id, topic_id=key.topic_id, partition=key.partition)


def encode_record(record: CoordinatorRecord) -> tuple[bytes, bytes | None]:
    """(key, value) as they stand in the log."""
    return encode_key(record.key), encode_value(record.value, record.value_version)


def decode_record(key: bytes | memoryview, value: bytes | memoryview | None) -> CoordinatorRecord | None:
    """A record of the log; None if its type is not one of ours. `ProtocolError` when malformed."""
    try:
        decoded_key = decode_key(key, SHARE_RECORDS)
    except UnknownRecordTypeError:
        return None
    if value is None:
        return CoordinatorRecord(decoded_key, None)
    decoded_value, version = decode_value(decoded_key, value)
    return CoordinatorRecord(decoded_key, decoded_value, version)
