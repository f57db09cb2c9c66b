"""The records of `__transaction_state`: made from state, turned into bytes and back. Source: TransactionLog.

```
key    ::= int16 0, transactional id (TransactionLogKey)
value  ::= int16 version, TransactionLogValue; a missing value is a tombstone: the transactional id is forgotten

version 0   transaction.version 0; no tagged fields, so neither previous nor next producer id, nor client version
version 1   transaction.version 1 and up
```

The partitions of an empty transaction are null, in any other state a list.
"""

from ottla.coordinator.result import CoordinatorRecord
from ottla.coordinator.transaction.metadata import TopicPartition, Transaction
from ottla.coordinator.transaction.state import EMPTY, STATE_BY_ID
from ottla.protocol.coordinator_record.frame import (
    TRANSACTION_RECORDS,
    UnknownRecordTypeError,
    decode_key,
    decode_value,
    encode_key,
    encode_value,
)
from ottla.protocol.coordinator_record.transaction_log import PartitionsSchema, TransactionLogKey, TransactionLogValue
from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import UnsupportedVersionError

FLEXIBLE_VALUE_VERSION = 1


def transaction_record(transactional_id: str, transaction: Transaction, transaction_version: int) -> CoordinatorRecord:
    """`transaction_version`: the level that the cluster has finalized."""
    partitions: list[PartitionsSchema] | None = None
    if transaction.state is not EMPTY:
        by_topic: dict[str, list[int]] = {}
        for topic, partition in sorted(transaction.partitions):
            by_topic.setdefault(topic, []).append(partition)
        partitions = [PartitionsSchema(topic=topic, partition_ids=ids) for topic, ids in by_topic.items()]
    value = TransactionLogValue(
        producer_id=transaction.producer_id,
        producer_epoch=transaction.producer_epoch,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_status=transaction.state.id,
        transaction_partitions=partitions,
        transaction_last_update_timestamp_ms=transaction.last_update_ms,
        transaction_start_timestamp_ms=transaction.start_ms,
    )
    # A client that ends transactions its own way needs the version that says so, whatever the cluster has finalized.
    version = FLEXIBLE_VALUE_VERSION if max(transaction_version, transaction.client_version) > 0 else 0
    if version >= FLEXIBLE_VALUE_VERSION:
        value.previous_producer_id = transaction.previous_producer_id
        value.next_producer_id = transaction.next_producer_id
        value.client_transaction_version = transaction.client_version
    return CoordinatorRecord(TransactionLogKey(transactional_id=transactional_id), value, version)


def transaction_tombstone(transactional_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(TransactionLogKey(transactional_id=transactional_id), None)


def transaction_of(value: TransactionLogValue) -> Transaction:
    """What a record of the log says. Raises `ProtocolError` for a state that is none."""
    state = STATE_BY_ID.get(value.transaction_status)
    if state is None:
        raise ProtocolError(f"a transaction in state {value.transaction_status}")
    partitions = frozenset(
        TopicPartition(topic.topic, partition)
        for topic in value.transaction_partitions or ()
        for partition in topic.partition_ids
    )
    return Transaction(
        producer_id=value.producer_id,
        producer_epoch=value.producer_epoch,
        timeout_ms=value.transaction_timeout_ms,
        state=state,
        partitions=partitions,
        start_ms=value.transaction_start_timestamp_ms,
        last_update_ms=value.transaction_last_update_timestamp_ms,
        previous_producer_id=value.previous_producer_id,
        next_producer_id=value.next_producer_id,
        client_version=value.client_transaction_version,
    )


def encode_record(record: CoordinatorRecord) -> tuple[bytes, bytes | None]:
    """(key, value) as they stand in the log."""
    return encode_key(record.key), encode_value(record.value, record.value_version)


def decode_record(key: bytes | memoryview, value: bytes | memoryview | None) -> CoordinatorRecord | None:
    """A record of the log; None if its type or version is of a later Kafka. `ProtocolError` when malformed."""
    try:
        decoded_key = decode_key(key, TRANSACTION_RECORDS)
        if value is None:
            return CoordinatorRecord(decoded_key, None)
        decoded_value, version = decode_value(decoded_key, value)
    except (UnknownRecordTypeError, UnsupportedVersionError):
        return None
    return CoordinatorRecord(decoded_key, decoded_value, version)
