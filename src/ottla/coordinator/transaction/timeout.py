"""What time does: open transactions that take too long are aborted, ids that nobody uses are forgotten.

Aborting fences the producer: it gets a new epoch that nobody is given. Source: abortTimedOutTransactions,
TransactionStateManager.removeExpiredTransactionalIds.
"""

from collections.abc import Callable

from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, TimerResult
from ottla.coordinator.transaction.end_transaction import fence
from ottla.coordinator.transaction.metadata import NO_TIMEOUT_MS, Transaction, TransactionMetadata, dead
from ottla.coordinator.transaction.records import transaction_tombstone
from ottla.coordinator.transaction.state import AT_REST, ONGOING
from ottla.coordinator.transaction.transactions import Transactions
from ottla.protocol.errors import ErrorCode


def abort_timed_out(transactions: Transactions) -> TimerResult:
    now_ms = transactions.clock.now_ms()
    records: list[CoordinatorRecord] = []
    callbacks: list[Callable[[ErrorCode], None]] = []
    for metadata in transactions.by_id.values():
        if metadata.pending is None and _is_timed_out(metadata.transaction, now_ms):
            result = fence(transactions, metadata)
            if result is not None:
                records += result.records
                if result.on_committed is not None:
                    callbacks.append(result.on_committed)
    return CoordinatorResult(records, None, on_committed=_all_of(callbacks), atomic=False)


def _is_timed_out(transaction: Transaction, now_ms: int) -> bool:
    return (
        transaction.state is ONGOING
        and transaction.timeout_ms != NO_TIMEOUT_MS
        and transaction.start_ms + transaction.timeout_ms < now_ms
    )


def forget_expired(transactions: Transactions) -> TimerResult:
    """Those without an open transaction that were last used `transactional.id.expiration.ms` ago, or before."""
    latest_ms = transactions.clock.now_ms() - transactions.config.transactional_id_expiration_ms
    expired: list[TransactionMetadata] = []
    for metadata in transactions.by_id.values():
        transaction = metadata.transaction
        if metadata.pending is None and transaction.state in AT_REST and transaction.last_update_ms <= latest_ms:
            metadata.begin(dead(transaction))
            expired.append(metadata)

    def committed(error: ErrorCode) -> None:
        for metadata in expired:
            metadata.pending = None

    records = [transaction_tombstone(metadata.transactional_id) for metadata in expired]
    return CoordinatorResult(records, None, on_committed=committed, atomic=False)


def _all_of(callbacks: list[Callable[[ErrorCode], None]]) -> Callable[[ErrorCode], None]:
    def committed(error: ErrorCode) -> None:
        for callback in callbacks:
            callback(error)

    return committed
