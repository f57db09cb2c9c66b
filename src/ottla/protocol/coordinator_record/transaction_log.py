"""TransactionLog, record type 0 of `__transaction_state`: value versions 0 to 1.

KIP-98 (0), KIP-482 (1), KIP-890 (1), KIP-915 (1).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64


class TransactionLogKey(CoordinatorKey, record_type=0, versions="0", flexible="none"):
    """A transactional id."""

    transactional_id: str


class PartitionsSchema(Struct):
    topic: str
    partition_ids: list[Int32]


class TransactionLogValue(CoordinatorValue, record_type=0, versions="0-1", flexible="1+"):
    """The transaction's state, producer and partitions; a null value deletes it."""

    producer_id: Int64
    previous_producer_id: Int64 = field("1+", default=-1, tag=0)
    next_producer_id: Int64 = field("1+", default=-1, tag=1)
    producer_epoch: Int16
    next_producer_epoch: Int16 = field("1+", default=-1, tag=3)
    transaction_timeout_ms: Int32
    transaction_status: Int8
    transaction_partitions: list[PartitionsSchema] | None = field(nullable="0+")
    transaction_last_update_timestamp_ms: Int64
    transaction_start_timestamp_ms: Int64
    client_transaction_version: Int16 = field("1+", default=0, tag=2)
