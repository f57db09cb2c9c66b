"""Replay: records of `__transaction_state` into state.

A record that was just decided takes over the pending step, which knows one thing more than the log: the last epoch.
"""

from ottla.coordinator.result import CoordinatorRecord
from ottla.coordinator.transaction.metadata import TransactionMetadata
from ottla.coordinator.transaction.records import transaction_of
from ottla.coordinator.transaction.transactions import Transactions, retry_timer
from ottla.protocol.coordinator_record.transaction_log import TransactionLogKey, TransactionLogValue


def replay(transactions: Transactions, record: CoordinatorRecord) -> None:
    key, value = record.key, record.value
    if not isinstance(key, TransactionLogKey):
        return
    transactional_id = key.transactional_id
    if value is None:
        transactions.by_id.pop(transactional_id, None)
        transactions.timers.cancel(retry_timer(transactional_id))
        return
    assert isinstance(value, TransactionLogValue)
    metadata = transactions.by_id.get(transactional_id)
    if metadata is not None and metadata.pending is not None:
        metadata.transaction = metadata.pending
    else:
        transactions.by_id[transactional_id] = TransactionMetadata(transactional_id, transaction_of(value))
