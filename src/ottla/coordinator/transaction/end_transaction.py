"""EndTxn: the decision to commit or abort, by the producer, by a newer producer, or by time.

Once the decision is in the log the producer is answered, and `completion` has the markers written.

What a producer is told when no transaction is open (KIP-890; *retry*: its epoch is the one before the current):

                     version 0 … 1              version 2
                     abort      commit          abort: retry / current       commit: retry / current
    Empty            INVALID    INVALID         FENCED  / aborts nothing     FENCED  / INVALID
    CompleteAbort    NONE       INVALID         NONE    / aborts nothing     INVALID / INVALID
    CompleteCommit   INVALID    NONE            INVALID / aborts nothing     NONE    / INVALID

(INVALID: `INVALID_TXN_STATE`; FENCED: `PRODUCER_FENCED`; aborting nothing takes a new epoch like any abort.)
Source: TransactionCoordinator.endTransaction, endTransactionWithTV1.
"""

from ottla.coordinator.result import CoordinatorResult
from ottla.coordinator.transaction.completion import write_markers
from ottla.coordinator.transaction.metadata import (
    MAX_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    TRANSACTION_V0,
    TRANSACTION_V2,
    Transaction,
    TransactionMetadata,
    completed,
    prepared,
)
from ottla.coordinator.transaction.state import (
    AT_REST,
    COMPLETE_ABORT,
    COMPLETE_COMMIT,
    EMPTY,
    ONGOING,
    PREPARED,
)
from ottla.coordinator.transaction.transactions import Transactions
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.errors import ErrorCode


def end_transaction(
    transactions: Transactions, request: EndTxnRequest, client_version: int
) -> CoordinatorResult[EndTxnResponse]:
    """`client_version` 2: the answer carries the producer id and epoch of the next transaction."""
    if not request.transactional_id:
        return _refused(ErrorCode.INVALID_REQUEST)
    metadata = transactions.get(request.transactional_id)
    if metadata is None:
        return _refused(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if client_version >= TRANSACTION_V2:
        return _end_v2(transactions, metadata, request, client_version)
    return _end_v0(transactions, metadata, request, client_version)


def fence(transactions: Transactions, metadata: TransactionMetadata) -> CoordinatorResult[EndTxnResponse] | None:
    """Abort an open transaction under an epoch that its producer does not have. None: there is no producer id."""
    version = TRANSACTION_V2 if transactions.transaction_version() >= TRANSACTION_V2 else TRANSACTION_V0
    return _decide(transactions, metadata, version, commit=False, fencing=True)


def _end_v0(
    transactions: Transactions, metadata: TransactionMetadata, request: EndTxnRequest, client_version: int
) -> CoordinatorResult[EndTxnResponse]:
    current = metadata.transaction
    if current.producer_id != request.producer_id:
        return _refused(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if current.producer_epoch != request.producer_epoch:
        return _refused(ErrorCode.PRODUCER_FENCED)
    if metadata.pending is not None:
        return _refused(ErrorCode.CONCURRENT_TRANSACTIONS)
    if current.state is ONGOING:
        result = _decide(transactions, metadata, client_version, commit=request.committed)
        return _refused(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) if result is None else result
    if current.state is EMPTY or current.is_commit != request.committed:
        return _refused(ErrorCode.INVALID_TXN_STATE)
    return _refused(ErrorCode.CONCURRENT_TRANSACTIONS if current.state in PREPARED else ErrorCode.NONE)


def _end_v2(
    transactions: Transactions, metadata: TransactionMetadata, request: EndTxnRequest, client_version: int
) -> CoordinatorResult[EndTxnResponse]:
    current, epoch = metadata.transaction, request.producer_epoch
    if metadata.pending is not None:
        return _refused(ErrorCode.CONCURRENT_TRANSACTIONS)
    bumped = current.producer_epoch == epoch + 1
    rotated = (
        current.previous_producer_id == request.producer_id and epoch == MAX_EPOCH - 1 and current.producer_epoch == 0
    )
    if current.producer_id != request.producer_id and not rotated:
        return _refused(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if not _is_epoch_valid(current, epoch, bumped=bumped, rotated=rotated):
        return _refused(ErrorCode.PRODUCER_FENCED)
    if current.state in PREPARED:
        same = current.is_commit == request.committed
        return _refused(ErrorCode.CONCURRENT_TRANSACTIONS if same else ErrorCode.INVALID_TXN_STATE)
    is_retry = bumped or rotated
    if is_retry and current.state in (COMPLETE_COMMIT, COMPLETE_ABORT):
        if current.is_commit != request.committed:
            return _refused(ErrorCode.INVALID_TXN_STATE)
        return CoordinatorResult([], _ended(current))
    if request.committed and current.state in AT_REST:
        return _refused(ErrorCode.INVALID_TXN_STATE)
    result = _decide(transactions, metadata, client_version, commit=request.committed)
    return _refused(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) if result is None else result


def _is_epoch_valid(current: Transaction, epoch: int, *, bumped: bool, rotated: bool) -> bool:
    if current.state in PREPARED:
        return bumped
    if current.state in (COMPLETE_COMMIT, COMPLETE_ABORT):
        return bumped or rotated or epoch == current.producer_epoch
    return epoch == current.producer_epoch


def _decide(
    transactions: Transactions,
    metadata: TransactionMetadata,
    client_version: int,
    *,
    commit: bool,
    fencing: bool = False,
) -> CoordinatorResult[EndTxnResponse] | None:
    """Write the decision; once it is committed, the markers. None: a new producer id is needed, and there is none."""
    current, now_ms = metadata.transaction, transactions.clock.now_ms()
    next_producer_id = NO_PRODUCER_ID
    if client_version >= TRANSACTION_V2 and current.is_epoch_exhausted:
        taken = transactions.producer_ids.take()
        if taken is None:
            return None
        next_producer_id = taken
    target = prepared(
        current,
        commit=commit,
        client_version=client_version,
        now_ms=now_ms,
        next_producer_id=next_producer_id,
        fencing=fencing,
    )
    if client_version >= TRANSACTION_V2:
        response = _ended(completed(target, now_ms))
    else:
        response = refusal(ErrorCode.NONE)

    def on_done(error: ErrorCode) -> None:
        if error is ErrorCode.NONE:
            write_markers(transactions, metadata)

    return transactions.step(metadata, target, response, on_done)


def _ended(transaction: Transaction) -> EndTxnResponse:
    return EndTxnResponse(
        error_code=ErrorCode.NONE, producer_id=transaction.producer_id, producer_epoch=transaction.producer_epoch
    )


def refusal(error: ErrorCode) -> EndTxnResponse:
    return EndTxnResponse(error_code=error, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH)


def _refused(error: ErrorCode) -> CoordinatorResult[EndTxnResponse]:
    return CoordinatorResult([], refusal(error))
