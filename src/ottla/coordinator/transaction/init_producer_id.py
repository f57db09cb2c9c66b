"""InitProducerId with a transactional id: a new epoch, and whoever had the last one is fenced.

KIP-98; KIP-360 (a producer says which id and epoch it has, and may go on after an error); epochs that run out are
followed by a new producer id. While a transaction is open it is aborted first, under an epoch that nobody is given, and
the producer told to ask again. Source: TransactionCoordinator.handleInitProducerId.
"""

from ottla.coordinator.result import CoordinatorResult
from ottla.coordinator.transaction.end_transaction import fence
from ottla.coordinator.transaction.metadata import (
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    Transaction,
    TransactionMetadata,
    is_epoch_exhausted,
    with_new_epoch,
    with_new_producer_id,
)
from ottla.coordinator.transaction.state import ONGOING, PREPARED
from ottla.coordinator.transaction.transactions import Transactions
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.errors import ErrorCode

# When no producer id is at hand: clients ask again (RPCProducerIdManager).
NO_ID_YET = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


def init_producer_id(
    transactions: Transactions, request: InitProducerIdRequest
) -> CoordinatorResult[InitProducerIdResponse]:
    """`request` has a transactional id; producer id and epoch are both given, or neither."""
    transactional_id = request.transactional_id
    if not transactional_id:
        return _refused(ErrorCode.INVALID_REQUEST)
    timeout_ms = request.transaction_timeout_ms
    if not 0 < timeout_ms <= transactions.config.transaction_max_timeout_ms:
        return _refused(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    metadata = transactions.get(transactional_id)
    if metadata is None:
        producer_id = transactions.producer_ids.take()
        if producer_id is None:
            return _refused(NO_ID_YET)
        first = Transaction(producer_id, NO_PRODUCER_EPOCH, timeout_ms, last_update_ms=transactions.clock.now_ms())
        metadata = transactions.by_id[transactional_id] = TransactionMetadata(transactional_id, first)
    expected = None
    if request.producer_id != NO_PRODUCER_ID:
        expected = (request.producer_id, request.producer_epoch)
    if metadata.pending is not None:
        return _refused(ErrorCode.CONCURRENT_TRANSACTIONS)
    current = metadata.transaction
    if expected is not None and not _may_go_on(current, *expected):
        return _refused(ErrorCode.PRODUCER_FENCED)
    if current.state in PREPARED:
        return _refused(ErrorCode.CONCURRENT_TRANSACTIONS)
    if current.state is ONGOING:
        aborting = fence(transactions, metadata)
        if aborting is None:
            return _refused(NO_ID_YET)
        return CoordinatorResult(
            aborting.records, refusal(ErrorCode.CONCURRENT_TRANSACTIONS), on_committed=aborting.on_committed
        )
    return _initialize(transactions, metadata, timeout_ms, None if expected is None else expected[1])


def _may_go_on(current: Transaction, producer_id: int, epoch: int) -> bool:
    """Whether this producer may be the last one that was initialised; its epoch is looked at later.

    Also one that was given a new id because its epochs had run out, and never heard of it.
    """
    return (
        current.producer_epoch == NO_PRODUCER_EPOCH
        or producer_id == current.producer_id
        or (producer_id == current.previous_producer_id and is_epoch_exhausted(epoch))
    )


def _initialize(
    transactions: Transactions, metadata: TransactionMetadata, timeout_ms: int, expected_epoch: int | None
) -> CoordinatorResult[InitProducerIdResponse]:
    current, now_ms = metadata.transaction, transactions.clock.now_ms()
    target: Transaction | None
    if current.is_epoch_exhausted and expected_epoch in (None, current.producer_epoch):
        producer_id = transactions.producer_ids.take()
        if producer_id is None:
            return _refused(NO_ID_YET)
        target = with_new_producer_id(
            current, producer_id, timeout_ms, now_ms, keep_last_epoch=expected_epoch is not None
        )
    else:
        target = with_new_epoch(current, timeout_ms, expected_epoch, now_ms)
        if target is None:
            return _refused(ErrorCode.PRODUCER_FENCED)
    response = InitProducerIdResponse(
        error_code=ErrorCode.NONE, producer_id=target.producer_id, producer_epoch=target.producer_epoch
    )
    return transactions.step(metadata, target, response)


def refusal(error: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=error, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH)


def _refused(error: ErrorCode) -> CoordinatorResult[InitProducerIdResponse]:
    return CoordinatorResult([], refusal(error))
