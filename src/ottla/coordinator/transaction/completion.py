"""A decided transaction is completed: markers in all of its partitions, then one last record.

Nothing but the loss of the coordinator's partition ends this, and then the next load goes on: the decision is in the
log, and a marker that is written twice does no harm. Source: TransactionMarkerChannelManager,
TransactionMarkerRequestCompletionHandler.
"""

from collections.abc import Mapping

from ottla.coordinator.result import TimerResult, nothing
from ottla.coordinator.transaction.metadata import TopicPartition, TransactionMetadata, completed
from ottla.coordinator.transaction.state import PREPARED
from ottla.coordinator.transaction.transactions import EndedTransaction, Transactions, retry_timer
from ottla.protocol.errors import ErrorCode

_TRY_AGAIN = frozenset(
    (
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_ENOUGH_REPLICAS,
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode.REQUEST_TIMED_OUT,
        ErrorCode.KAFKA_STORAGE_ERROR,
    )
)

_GIVE_UP = frozenset((ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED))
"""Somebody newer is in charge of the producer; as in Kafka, the transaction is left as it is until the next load."""


def write_markers(transactions: Transactions, metadata: TransactionMetadata) -> None:
    """The decision is committed: have the markers written. The id takes no other step until all of them are."""
    metadata.begin(completed(metadata.transaction, transactions.clock.now_ms()))
    metadata.unmarked = set(metadata.transaction.partitions)
    _send(transactions, metadata)


def _send(transactions: Transactions, metadata: TransactionMetadata) -> None:
    transaction = metadata.transaction
    transactions.markers.send(
        EndedTransaction(
            metadata.transactional_id,
            transaction.producer_id,
            transaction.producer_epoch,
            transaction.is_commit,
            frozenset(metadata.unmarked),
            transaction.client_version,
        )
    )


def markers_written(
    transactions: Transactions, ended: EndedTransaction, results: Mapping[TopicPartition, ErrorCode]
) -> TimerResult:
    """What became of the markers. The last one is followed by the record of the completed transaction."""
    metadata = transactions.get(ended.transactional_id)
    if metadata is None or not _is_of(metadata, ended):
        return nothing()
    if any(error in _GIVE_UP for error in results.values()):
        return nothing()
    metadata.unmarked -= {partition for partition, error in results.items() if error not in _TRY_AGAIN}
    if metadata.unmarked:
        _retry(transactions, metadata, ended)
        return nothing()
    return _complete(transactions, metadata, ended)


def _complete(transactions: Transactions, metadata: TransactionMetadata, ended: EndedTransaction) -> TimerResult:
    target = metadata.pending
    assert target is not None
    metadata.pending = None  # until it is begun again, one line below
    result = transactions.step(metadata, target, None)
    unset = result.on_committed

    def committed(error: ErrorCode) -> None:
        if error is not ErrorCode.NONE and _is_of(metadata, ended):
            _retry(transactions, metadata, ended)
        elif unset is not None:
            unset(error)

    result.on_committed = committed
    return result


def _retry(transactions: Transactions, metadata: TransactionMetadata, ended: EndedTransaction) -> None:
    def again() -> TimerResult:
        if _is_of(metadata, ended):
            _send(transactions, metadata)
        return nothing()

    transactions.timers.schedule(retry_timer(metadata.transactional_id), transactions.config.retry_backoff_ms, again)


def _is_of(metadata: TransactionMetadata, ended: EndedTransaction) -> bool:
    """Whether the id still waits for these markers."""
    transaction = metadata.transaction
    return (
        metadata.pending is not None
        and transaction.state in PREPARED
        and (transaction.producer_id, transaction.producer_epoch) == (ended.producer_id, ended.producer_epoch)
    )
