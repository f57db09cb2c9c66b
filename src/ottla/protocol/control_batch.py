"""Control batches: a single record whose key says what it is, written by brokers and quorums, never by producers.

    key     int16 version (0), int16 type          value   a message of `protocol.control_record`

Transaction markers (KIP-98), leader changes (KIP-595), snapshot headers and footers (KIP-630), KRaft version and
voters (KIP-853). The values are handed in as bytes.
"""

from collections.abc import Iterable
from enum import IntEnum
from struct import Struct

from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import NO_PARTITION_LEADER_EPOCH, InvalidBatchError

_KEY = Struct(">hh")
_KEY_VERSION = 0
_END_TRANSACTION = Struct(">hi")
_END_TRANSACTION_VERSION = 0


class ControlRecordType(IntEnum):
    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


def control_record_key(kind: ControlRecordType) -> bytes:
    return _KEY.pack(_KEY_VERSION, kind)


def control_record_type(key: bytes | None) -> ControlRecordType | None:
    """What a control record is; `None` for a type that is not known here. `InvalidBatchError` for a key that is none.

    As Kafka does, a newer version of the key is read as if it were version 0.
    """
    if key is None or len(key) < _KEY.size:
        raise InvalidBatchError(ErrorCode.INVALID_RECORD, "the key of a control record is too short")
    version, kind = _KEY.unpack_from(key)
    if version < 0:
        raise InvalidBatchError(ErrorCode.INVALID_RECORD, f"the key of a control record has version {version}")
    try:
        return ControlRecordType(kind)
    except ValueError:
        return None


def control_batch(
    records: Iterable[tuple[ControlRecordType, bytes]],
    *,
    base_offset: int,
    timestamp_ms: int,
    partition_leader_epoch: int,
) -> bytearray:
    """A control batch of the quorum: its records' types and encoded values, in order."""
    builder = RecordBatchBuilder(base_offset=base_offset, partition_leader_epoch=partition_leader_epoch, control=True)
    for kind, value in records:
        builder.append(control_record_key(kind), value, timestamp_ms=timestamp_ms)
    return builder.build()


def end_transaction_batch(
    *,
    commit: bool,
    producer_id: int,
    producer_epoch: int,
    coordinator_epoch: int,
    timestamp_ms: int,
    base_offset: int = 0,
    partition_leader_epoch: int = NO_PARTITION_LEADER_EPOCH,
) -> bytearray:
    """The marker that ends a producer's transaction in a partition."""
    builder = RecordBatchBuilder(
        base_offset=base_offset,
        partition_leader_epoch=partition_leader_epoch,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=True,
        control=True,
    )
    kind = ControlRecordType.COMMIT if commit else ControlRecordType.ABORT
    value = _END_TRANSACTION.pack(_END_TRANSACTION_VERSION, coordinator_epoch)
    builder.append(control_record_key(kind), value, timestamp_ms=timestamp_ms)
    return builder.build()
