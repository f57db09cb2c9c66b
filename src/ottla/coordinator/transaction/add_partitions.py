"""Partitions join a transaction: by AddPartitionsToTxn and AddOffsetsToTxn, or with the first batch (version 2).

And the other question that a partition's leader may ask before it appends: is the partition part of an open transaction
of this producer (KIP-890, part 1)? Source: TransactionCoordinator.handleAddPartitionsToTransaction and
handleVerifyPartitionsInTransaction.
"""

from collections.abc import Collection, Mapping

from ottla.coordinator.result import CoordinatorResult
from ottla.coordinator.transaction.metadata import TopicPartition, Transaction, with_partitions
from ottla.coordinator.transaction.state import ONGOING, PREPARED
from ottla.coordinator.transaction.transactions import Transactions
from ottla.protocol.errors import ErrorCode


def add_partitions(
    transactions: Transactions,
    transactional_id: str,
    producer_id: int,
    producer_epoch: int,
    partitions: Collection[TopicPartition],
    client_version: int,
) -> CoordinatorResult[ErrorCode]:
    """All of them or none. What is part of the transaction already is not written again."""
    if not transactional_id:
        return CoordinatorResult([], ErrorCode.INVALID_REQUEST)
    metadata = transactions.get(transactional_id)
    if metadata is None:
        return CoordinatorResult([], ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if metadata.pending is not None:
        return CoordinatorResult([], ErrorCode.CONCURRENT_TRANSACTIONS)
    current = metadata.transaction
    error = _producer_error(current, producer_id, producer_epoch)
    if error is not ErrorCode.NONE:
        return CoordinatorResult([], error)
    added = frozenset(partitions)
    if current.state is ONGOING and added <= current.partitions:
        return CoordinatorResult([], ErrorCode.NONE)
    target = with_partitions(current, added, client_version, transactions.clock.now_ms())
    return transactions.step(metadata, target, ErrorCode.NONE)


def verify_partitions(
    transactions: Transactions,
    transactional_id: str,
    producer_id: int,
    producer_epoch: int,
    partitions: Collection[TopicPartition],
) -> Mapping[TopicPartition, ErrorCode]:
    """`NONE` for those that are part of the producer's transaction. A step that is pending does not matter."""
    if not transactional_id:
        return dict.fromkeys(partitions, ErrorCode.INVALID_REQUEST)
    metadata = transactions.get(transactional_id)
    if metadata is None:
        return dict.fromkeys(partitions, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    current = metadata.transaction
    error = _producer_error(current, producer_id, producer_epoch)
    if error is not ErrorCode.NONE:
        return dict.fromkeys(partitions, error)
    return {
        partition: ErrorCode.NONE if partition in current.partitions else ErrorCode.TRANSACTION_ABORTABLE
        for partition in partitions
    }


def _producer_error(current: Transaction, producer_id: int, producer_epoch: int) -> ErrorCode:
    if current.producer_id != producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if current.producer_epoch != producer_epoch:
        return ErrorCode.PRODUCER_FENCED
    if current.state in PREPARED:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    return ErrorCode.NONE
